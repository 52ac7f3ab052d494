"""The parts of this room, joined: `signaling.app` makes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone

from aiohttp import web

from config.settings import Settings
from signaling.attendance.reports_service import ReportsService
from signaling.auth.service import AuthService
from signaling.corrections import api, closing_api, faults_api
from signaling.corrections.closing_service import ClosingService
from signaling.corrections.faults_service import FaultsService
from signaling.corrections.records_service import RecordsService
from signaling.corrections.service import CorrectionsService
from signaling.corrections.telling_service import TellingService
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.service import DirectoryService
from signaling.directory.terms_service import TermsService
from signaling.lectures.access import Access
from signaling.ledger.service import LedgerService


class CorrectionParts:
    """Corrections, faults, closed terms."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        reports: ReportsService,
        ledger: LedgerService,
        terms: TermsService,
        today: Callable[[], date],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._terms = terms
        self._today = today
        self._days = settings.corrections.days
        zone = timezone(timedelta(hours=settings.attendance.report_utc_offset_hours))
        self.closing = ClosingService(db, terms, zone, clock)
        limits = settings.corrections
        self.telling = TellingService(db, ledger, limits.mend_seconds, clock)
        self.corrections = CorrectionsService(db, reports, self.telling, self.closing, limits.days, clock)
        self.records = RecordsService(db, reports)
        longest = timedelta(days=limits.fault_days)
        self.faults = FaultsService(db, reports, ledger, self.closing, limits.days, longest, clock)

    def start(self) -> None:
        """Begin to tell the ledger what it was not told."""
        self.telling.start()

    async def stop(self) -> None:
        """End that."""
        await self.telling.stop()

    def routes(self, auth: AuthService, access: Access, directory: DirectoryService) -> Iterable[web.AbstractRouteDef]:
        """Yield the routes."""
        yield from api.routes(auth, access, directory, self.corrections, self._days)
        yield from faults_api.routes(auth, directory, self.faults)
        yield from closing_api.routes(auth, directory, self._terms, self.closing, self._today)
