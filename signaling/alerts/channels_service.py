"""Where alarms are told outside the console."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AlertsSettings
from signaling.alerts import guard
from signaling.alerts.messages import House, trial
from signaling.alerts.models import Channel, Notice
from signaling.alerts.outbox_service import MINUTE, Outbox
from signaling.alerts.outcome import Outcome
from signaling.alerts.sealing import CannotOpen, Sealed, Sealer
from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now, uuid7
from signaling.db.editing import editing
from signaling.db.engine import Database
from signaling.directory.models import Region, School

MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
MOST_MAILS: Final = 20
SIGNED: Final = frozenset({"webhook"})
PLAIN: Final = frozenset({"name", "node", "rules", "escalated_only", "enabled"})


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel with the name of its node and its last message that was tried."""

    channel: Channel
    node_name: str
    last: Notice | None


class ChannelsService:
    """The door to the channels."""

    def __init__(
        self,
        db: Database,
        settings: AlertsSettings,
        sealer: Sealer,
        outbox: Outbox,
        house: House,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._settings = settings
        self._sealer = sealer
        self._outbox = outbox
        self._house = house
        self._clock = clock

    async def page(self, limit: int, offset: int, channel_id: str = "") -> tuple[list[ListedChannel], int]:
        """Return a page of the channels by name, and how many there are in all."""
        there = select(Channel).where(Channel.deleted_at.is_(None))
        if channel_id:
            there = there.where(Channel.id == channel_id)
        named = (
            there.add_columns(func.coalesce(Region.name, School.name, Channel.node))
            .outerjoin(Region, Region.code == Channel.node)
            .outerjoin(School, School.code == Channel.node)
            .order_by(Channel.name, Channel.id)
        )
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(there.subquery())) or 0
            rows = (await session.execute(named.limit(limit).offset(offset))).all()
            last = await self._last(session, [row[0].id for row in rows])
        return [ListedChannel(row[0], row[1], last.get(row[0].id)) for row in rows], total

    async def _last(self, session: AsyncSession, ids: Sequence[str]) -> dict[str, Notice]:
        latest = select(func.max(Notice.id)).where(Notice.channel_id.in_(ids), Notice.tried_at.is_not(None))
        found = await session.scalars(select(Notice).where(Notice.id.in_(latest.group_by(Notice.channel_id))))
        return {notice.channel_id: notice for notice in found}

    async def one(self, channel_id: str) -> ListedChannel:
        """Return a channel; raise 404."""
        found, _ = await self.page(1, 0, channel_id)
        if not found:
            raise not_found("channel")
        return found[0]

    async def add(self, order: Mapping[str, Any], actor: str) -> str:
        """Add a channel and return its id; raise 409 `too_many_channels`, 422 `bad_target`, `no_secret`, `unknown_node`."""
        sealed = Sealed(order["target"], order["secret"])
        self._check(order["kind"], sealed)
        async with self._db.writing() as session:
            number = await session.scalar(select(func.count()).where(Channel.deleted_at.is_(None))) or 0
            if number >= self._settings.channels:
                raise Problem(409, "too_many_channels", "there are as many channels as there may be")
            channel = Channel(kind=order["kind"], hint=hint(order["kind"], sealed.target), created_at=self._clock())
            channel.sealed = self._sealer.seal(sealed)
            await self._fill(session, channel, order)
            session.add(channel)
            await session.flush()
            self._audit(session, actor, "channel.added", channel)
        return channel.id

    async def change(self, channel_id: str, version: int, changes: Mapping[str, Any], actor: str) -> None:
        """Change a channel of this version; target and secret that are not given stay. Raise as `add`, or 404, 412."""
        async with editing(self._db) as session:
            channel = await self._get(session, channel_id)
            if channel.version != version:
                raise etags.changed_meanwhile(channel.version)
            if "target" in changes or "secret" in changes:
                old = self._opened(channel)
                sealed = Sealed(changes.get("target", old.target), changes.get("secret", old.secret))
                self._check(channel.kind, sealed)
                channel.sealed, channel.hint = self._sealer.seal(sealed), hint(channel.kind, sealed.target)
            await self._fill(session, channel, changes)
            self._audit(session, actor, "channel.changed", channel)

    async def remove(self, channel_id: str, version: int, actor: str) -> None:
        """Take a channel out of use; its receipts stay, its secret goes. Raise 404 or 412."""
        async with editing(self._db) as session:
            channel = await self._get(session, channel_id)
            if channel.version != version:
                raise etags.changed_meanwhile(channel.version)
            channel.deleted_at, channel.enabled = self._clock(), False
            channel.sealed = self._sealer.seal(Sealed(""))
            await self._outbox.give_up(session, channel_id)
            self._audit(session, actor, "channel.removed", channel)

    async def trial(self, channel_id: str, actor: str) -> tuple[Channel, Notice]:
        """Write the message by which somebody tries a channel, as its receipt; raise 404 or 429 `channel_busy`."""
        now, made = self._clock(), uuid7()
        recent = select(func.count()).where(Notice.channel_id == channel_id, Notice.tried_at > now - MINUTE)
        async with self._db.writing() as session:
            channel = await self._get(session, channel_id)
            if (await session.scalar(recent) or 0) >= self._settings.notices_per_minute:
                raise Problem(429, "channel_busy", "try again in a minute", headers={"Retry-After": "60"})
            message = trial(made, now, self._house, channel.name)
            notice = Notice(id=made, channel_id=channel_id, key=f"test:{made}", message=message.packed())
            notice.attempts, notice.created_at, notice.next_at, notice.tried_at = 1, now, now, now
            notice.state = "failed"  # until the answer is there: a trial is not tried again
            session.add(notice)
            self._audit(session, actor, "channel.tried", channel)
        return channel, notice

    async def tried(self, notice_id: str, outcome: Outcome) -> None:
        """Write how a trial ended."""
        async with self._db.writing() as session:
            notice = await session.get_one(Notice, notice_id)
            notice.outcome, notice.detail = outcome.code, outcome.detail[:300]
            if outcome.ok:
                notice.state, notice.sent_at = "sent", self._clock()

    async def notices(self, channel_id: str, limit: int, offset: int) -> tuple[list[Notice], int]:
        """Return a page of what was and will be sent over a channel, the latest first; raise 404."""
        await self.one(channel_id)
        own = select(Notice).where(Notice.channel_id == channel_id)
        ordered = own.order_by(Notice.created_at.desc(), Notice.id.desc()).limit(limit).offset(offset)
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(own.subquery())) or 0
            return list(await session.scalars(ordered)), total

    async def _get(self, session: AsyncSession, channel_id: str) -> Channel:
        channel = await session.get(Channel, channel_id, with_for_update=True)
        if channel is None or channel.deleted_at is not None:
            raise not_found("channel")
        return channel

    def _opened(self, channel: Channel) -> Sealed:
        try:
            return self._sealer.open(channel.sealed)
        except CannotOpen:
            return Sealed("")

    def _check(self, kind: str, sealed: Sealed) -> None:
        if kind == "email":
            mails = [one.strip() for one in sealed.target.split(",")]
            if len(mails) > MOST_MAILS or not all(MAIL.fullmatch(one) for one in mails):
                raise _bad_target("no list of mail addresses")
            return
        try:
            guard.parse(sealed.target, allow_private=self._settings.allow_private)
        except guard.Refused as refused:
            raise _bad_target(str(refused)) from None
        if kind in SIGNED and len(sealed.secret) < 8:
            wrong = [{"field": "secret", "reason": "value_error"}]
            raise Problem(422, "no_secret", "a webhook is signed: give a secret of at least 8 letters", errors=wrong)

    async def _fill(self, session: AsyncSession, channel: Channel, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name in PLAIN:
                setattr(channel, name, ",".join(value) if name == "rules" else value)
        if "node" in values and not await _is_node(session, values["node"]):
            wrong = [{"field": "node", "reason": "value_error"}]
            raise Problem(422, "unknown_node", "no region or school has this code", errors=wrong)

    def _audit(self, session: AsyncSession, actor: str, action: str, channel: Channel) -> None:
        told = {"name": channel.name, "kind": channel.kind, "node": channel.node, "hint": channel.hint}
        text = json.dumps(told, ensure_ascii=False, sort_keys=True)
        session.add(AuditEntry(at=self._clock(), actor=actor, action=action, subject=channel.id, detail=text))


async def _is_node(session: AsyncSession, code: str) -> bool:
    return await session.get(Region, code) is not None or await session.get(School, code) is not None


def hint(kind: str, target: str) -> str:
    """Return what may be shown of a target: the host of an address, the first letters of mail addresses."""
    if kind != "email":
        parts = urlsplit(target)
        return f"{parts.scheme}://{parts.netloc}/…"[:200]
    mails = [one.strip().partition("@") for one in target.split(",")]
    return ", ".join(f"{name[:2]}…@{host}" for name, _, host in mails)[:200]


def _bad_target(why: str) -> Problem:
    wrong = [{"field": "target", "reason": "value_error"}]
    return Problem(422, "bad_target", "nothing can be sent there", why, errors=wrong)
