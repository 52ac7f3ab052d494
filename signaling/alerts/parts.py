"""The parts of this room, joined: `signaling.app` makes one and starts it, the tests make one and ask it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from aiohttp import web

from config.settings import Settings
from signaling.alerts import api, channels_api, duty_api, urging_api, web_sender
from signaling.alerts.call_list_service import CallListService
from signaling.alerts.channels_service import ChannelsService
from signaling.alerts.dispatch import Dispatcher
from signaling.alerts.duty_service import DutyService
from signaling.alerts.guard import Resolve
from signaling.alerts.mail_sender import MailSender
from signaling.alerts.messages import House
from signaling.alerts.outbox_service import Outbox
from signaling.alerts.sealing import Sealer
from signaling.alerts.service import AlertsService
from signaling.alerts.urging_service import UrgingService
from signaling.alerts.watch_service import WatchService
from signaling.alerts.web_sender import WebSender
from signaling.auth.service import AuthService
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access
from signaling.operations.pulse import Pulse

SEND_SECONDS: Final = 2.0
FOLLOW_SECONDS: Final = 5.0
CLEAN_SECONDS: Final = 6 * 3600.0


class AlertParts:
    """Duty, alarms, channels. `start` begins the round of the rules and sends what waits; `key` seals secrets (32 bytes)."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        today: Callable[[], date],
        key: bytes,
        *,
        clock: Callable[[], datetime] = utc_now,
        resolve: Resolve = web_sender.resolve,
    ) -> None:
        wanted = settings.alerts
        house = House(wanted.language, settings.attendance.report_utc_offset_hours, settings.http.public_url)
        self.duty = DutyService(db, clock)
        self.alerts = AlertsService(db, clock)
        self.calls = CallListService(db, wanted, today, clock)
        self.outbox = Outbox(db, wanted, house)
        self.watch = WatchService(db, wanted, self.outbox, today, server=settings.server.node, clock=clock)
        self.urging = UrgingService(db, wanted, self.outbox, clock)
        sealer = Sealer(key)
        mail = MailSender(settings.smtp, wanted.send_seconds)
        self.dispatcher = Dispatcher(self.outbox, sealer, WebSender(wanted, resolve), mail, clock)
        self.channels = ChannelsService(db, wanted, sealer, self.outbox, house, clock)
        self._clock = clock
        self._pulses = [
            Pulse("alerts", self.watch.round, wanted.round_seconds),
            Pulse("notices", self.dispatcher.round, SEND_SECONDS),
            Pulse("urging", self.urging.follow, FOLLOW_SECONDS),
            Pulse("receipts", self._clean, CLEAN_SECONDS),
        ]

    async def _clean(self) -> None:
        await self.outbox.drop_old(self._clock())

    def metrics(self) -> dict[str, float]:
        """Return what `/metrics` shows: messages that a full outbox has refused."""
        return {"notices_refused_total": self.outbox.refused}

    def start(self) -> None:
        """Begin."""
        for pulse in self._pulses:
            pulse.start()

    async def stop(self) -> None:
        """End; what is half done is done again after the next start."""
        for pulse in self._pulses:
            await pulse.stop()

    def routes(self, auth: AuthService, access: Access, directory: DirectoryService) -> Iterable[web.AbstractRouteDef]:
        """Yield the routes."""
        yield from api.routes(auth, access, directory, self.alerts, self.calls)
        yield from urging_api.routes(auth, access, directory, self.urging)
        yield from duty_api.routes(access, self.duty)
        yield from channels_api.routes(auth, self.channels, self.dispatcher)
