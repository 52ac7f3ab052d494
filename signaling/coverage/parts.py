"""The parts of this room, joined: `signaling.app` makes one, the tests make one and ask it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone

from aiohttp import web

from config.settings import Settings
from signaling.auth.service import AuthService
from signaling.coverage import api, assessments_api, exports_api, training_api
from signaling.coverage.asking import Asking
from signaling.coverage.assessments_service import AssessmentsService
from signaling.coverage.frozen_service import FrozenService
from signaling.coverage.obligations import load_obligations
from signaling.coverage.reports_service import ReportsService
from signaling.coverage.results import Results
from signaling.coverage.service import CoverageService
from signaling.coverage.training_service import TrainingService
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.service import DirectoryService
from signaling.directory.terms_service import TermsService
from signaling.screens.gate import ScreenGate


class CoverageParts:
    """Coverage, exports, trainings; `key` is for codes and links alone."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        results: Results,
        key: bytes,
        today: Callable[[], date],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._hours = settings.attendance.report_utc_offset_hours
        self.rules = load_obligations(settings.coverage.obligations)
        zone = timezone(timedelta(hours=self._hours))
        self.coverage = CoverageService(db, results, self.rules, today, zone, clock)
        self.reports = ReportsService(db, results, today, zone)
        self.frozen = FrozenService(db, settings.coverage.kept_per_day, clock)
        self._terms = TermsService(db, settings.terms, clock)
        self.assessments = AssessmentsService(db, self.rules, self._terms, today, clock)
        self.trainings = TrainingService(db, results, self.rules, key, today, clock)

    def routes(
        self, auth: AuthService, directory: DirectoryService, gate: ScreenGate
    ) -> Iterable[web.AbstractRouteDef]:
        """Yield the routes."""
        asking = Asking(auth, directory, self.coverage)
        yield from api.routes(asking, self.coverage)
        yield from exports_api.routes(auth, asking, self.coverage, self.reports, self.frozen, self._hours)
        yield from assessments_api.routes(auth, directory, self._terms, self.assessments, self.rules)
        yield from training_api.routes(auth, directory, self.trainings, self.rules, gate)
