"""Messages on their way: written with the alarm, sent at least once, kept as receipts.

1. **A message is written in the transaction of its alarm** and survives a kill; its id is the same at every attempt.
2. The outbox is bounded by `alerts.notices_waiting`: what comes when it is full is counted and logged, and the alarm stays in the console.
3. A node takes a message by moving its next attempt ahead (`LEASE`), so that two nodes do not send it at the same time; after a kill the
   lease runs out and somebody takes it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AlertsSettings
from signaling.alerts import messages
from signaling.alerts.models import Channel, Notice
from signaling.alerts.outcome import Outcome
from signaling.db.base import uuid7
from signaling.db.engine import Database
from signaling.directory.models import Region, School
from signaling.lectures.models import Lecture

log = structlog.get_logger(__name__)
LEASE: Final = timedelta(seconds=60)
AT_ONCE: Final = 20
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class News:
    """Something that a node is told: a channel of that node which wants the rule gets it once for every occasion."""

    event: str
    rule: str
    subject: str
    node: str
    occasion: int
    of_lecture: bool
    count: int
    expected: int
    note: str = ""
    counted: str = "schools"


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose time has come, with the channel that it goes over."""

    notice: Notice
    channel: Channel


def wants(channel: Channel, news: News) -> bool:
    """Whether a channel is to tell something."""
    if channel.escalated_only and news.event != "escalated":
        return False
    return channel.node == news.node and news.rule in channel.rules.split(",")


class Outbox:
    """The door to the messages."""

    def __init__(self, db: Database, settings: AlertsSettings, house: messages.House) -> None:
        self._db = db
        self._settings = settings
        self._house = house
        self.refused = 0

    async def add(self, session: AsyncSession, news: Sequence[News], now: datetime) -> int:
        """Write what the channels are to tell; return how many messages that makes. What is there already is not written again."""
        enabled = select(Channel).where(Channel.enabled, Channel.deleted_at.is_(None))
        channels = list(await session.scalars(enabled))
        wanted = [(channel, one) for one in news for channel in channels if wants(channel, one)]
        if not wanted:
            return 0
        keys = {_key(channel, one): (channel, one) for channel, one in wanted}
        there = set(await session.scalars(select(Notice.key).where(Notice.key.in_(keys))))
        fresh = {key: pair for key, pair in keys.items() if key not in there}
        waiting = await session.scalar(select(func.count()).where(Notice.state == "waiting")) or 0
        room = max(0, self._settings.notices_waiting - waiting)
        if len(fresh) > room:
            self.refused += len(fresh) - room
            log.warning("x the outbox is full", refused=len(fresh) - room)
        taken = dict(list(fresh.items())[:room])
        if taken:
            await session.execute(insert(Notice), await self._rows(session, taken, now))
        return len(taken)

    async def reach(self, session: AsyncSession, news: Sequence[News]) -> int:
        """Return how many messages would be written."""
        enabled = select(Channel).where(Channel.enabled, Channel.deleted_at.is_(None))
        channels = list(await session.scalars(enabled))
        return sum(wants(channel, one) for one in news for channel in channels)

    async def written(self, session: AsyncSession, one: News, now: datetime) -> messages.Message:
        """Return what a channel would say, without sending it."""
        (row,) = await self._rows(session, {"": (Channel(id=""), one)}, now)
        return messages.unpacked(row["message"])

    async def _rows(
        self, session: AsyncSession, taken: Mapping[str, tuple[Channel, News]], now: datetime
    ) -> list[dict[str, Any]]:
        subjects = {one.subject for _, one in taken.values() if one.of_lecture}
        titles = select(Lecture.id, Lecture.title, Lecture.scheduled_at).where(Lecture.id.in_(subjects))
        lectures = {row[0]: messages.Lecture(*row) for row in await session.execute(titles)}
        names = await _names(session, {one.node for _, one in taken.values()})
        rows = []
        for key, (channel, one) in taken.items():
            made, node = uuid7(), (one.node, names.get(one.node, one.node))
            message = messages.alarm(
                made,
                one.event,
                one.rule,
                now,
                self._house,
                node,
                lectures.get(one.subject),
                one.count,
                one.expected,
                one.note,
                one.counted,
            )
            row = {"id": made, "channel_id": channel.id, "key": key, "message": message.packed()}
            rows.append(row | {"state": "waiting", "attempts": 0, "created_at": now, "next_at": now})
        return rows

    async def take(self, now: datetime) -> list[Due]:
        """Return messages whose time has come and move their next attempt ahead; a channel gets at most so many a minute."""
        due = (
            select(Notice, Channel)
            .join(Channel, Channel.id == Notice.channel_id)
            .where(Notice.state == "waiting", Notice.next_at <= now)
            .order_by(Notice.next_at, Notice.id)
            .limit(AT_ONCE)
        )
        async with self._db.reading() as session:
            if (await session.execute(due.limit(1))).first() is None:
                return []
        async with self._db.writing() as session:
            rows = [Due(*row) for row in await session.execute(due)]
            room = await self._room(session, {row.channel.id for row in rows}, now)
            taken = []
            for row in rows:
                room[row.channel.id] -= 1
                if room[row.channel.id] < 0:
                    row.notice.next_at = now + MINUTE / 2
                    continue
                row.notice.next_at, row.notice.tried_at = now + LEASE, now
                row.notice.attempts += 1
                taken.append(row)
        return taken

    async def _room(self, session: AsyncSession, channels: set[str], now: datetime) -> dict[str, int]:
        """Return how many more messages each channel may send in this minute."""
        recent = (
            select(Notice.channel_id, func.count())
            .where(Notice.tried_at > now - MINUTE, Notice.channel_id.in_(channels))
            .group_by(Notice.channel_id)
        )
        used = {row[0]: int(row[1]) for row in await session.execute(recent)}
        return {one: self._settings.notices_per_minute - used.get(one, 0) for one in channels}

    async def record(self, notice_id: str, outcome: Outcome, now: datetime) -> None:
        """Write how an attempt ended: sent, tried again later, or given up."""
        async with self._db.writing() as session:
            notice = await session.get(Notice, notice_id)
            if notice is None or notice.state != "waiting":
                return
            notice.outcome, notice.detail = outcome.code, outcome.detail[:300]
            if outcome.ok:
                notice.state, notice.sent_at = "sent", now
            elif outcome.final or notice.attempts >= self._settings.notice_attempts:
                notice.state = "failed"
            else:
                notice.next_at = now + self.wait(notice.attempts)

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after so many attempts: doubled each time, up to the longest."""
        seconds = self._settings.retry_seconds * 2.0 ** (attempts - 1)
        return timedelta(seconds=min(seconds, self._settings.longest_retry_seconds))

    async def drop_old(self, now: datetime) -> None:
        """Delete receipts that are older than `alerts.notice_days`."""
        old = now - timedelta(days=self._settings.notice_days)
        async with self._db.writing() as session:
            await session.execute(delete(Notice).where(Notice.state != "waiting", Notice.created_at < old))

    async def give_up(self, session: AsyncSession, channel_id: str) -> None:
        """End what waits for a channel that is gone."""
        waiting = update(Notice).where(Notice.channel_id == channel_id, Notice.state == "waiting")
        await session.execute(waiting.values(state="failed", outcome="channel_gone"))


def _key(channel: Channel, news: News) -> str:
    return f"{channel.id}:{news.event}:{news.rule}:{news.subject}:{news.node}:{news.occasion}"


async def _names(session: AsyncSession, codes: set[str]) -> dict[str, str]:
    """Return the names of regions and schools."""
    found: dict[str, str] = {}
    for model in (Region, School):
        found |= {
            row[0]: row[1] for row in await session.execute(select(model.code, model.name).where(model.code.in_(codes)))
        }
    return found
