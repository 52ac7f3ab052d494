"""Takes messages from the outbox and sends them: channels beside each other, the messages of one channel one after the other."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import structlog

from signaling.alerts.mail_sender import MailSender
from signaling.alerts.messages import Message, unpacked
from signaling.alerts.models import Channel
from signaling.alerts.outbox_service import Due, Outbox
from signaling.alerts.outcome import Outcome
from signaling.alerts.sealing import CannotOpen, Sealer
from signaling.alerts.web_sender import WebSender
from signaling.db.base import utc_now

log = structlog.get_logger(__name__)


class Dispatcher:
    """The sender of the house."""

    def __init__(
        self,
        outbox: Outbox,
        sealer: Sealer,
        web: WebSender,
        mail: MailSender,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self._web = web
        self._mail = mail
        self._clock = clock

    async def round(self) -> int:
        """Send what is due; return how many attempts that were."""
        by_channel: dict[str, list[Due]] = defaultdict(list)
        for due in await self._outbox.take(self._clock()):
            by_channel[due.channel.id].append(due)
        await asyncio.gather(*(self._all(rows) for rows in by_channel.values()))
        return sum(len(rows) for rows in by_channel.values())

    async def _all(self, rows: list[Due]) -> None:
        for due in rows:
            outcome = await self.send(due.channel, unpacked(due.notice.message))
            await self._outbox.record(due.notice.id, outcome, self._clock())
            log.info("> notice", channel=due.channel.id, notice=due.notice.id, outcome=outcome.code)

    async def send(self, channel: Channel, message: Message) -> Outcome:
        """Try to send a message once."""
        try:
            sealed = self._sealer.open(channel.sealed)
        except CannotOpen:
            return Outcome("bad_target", "sealed with another key", final=True)
        if channel.kind == "email":
            return await self._mail.send(sealed, message, self._clock())
        return await self._web.send(channel.kind, sealed, message, self._clock())
