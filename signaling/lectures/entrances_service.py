"""Ways in to one lecture: the key of an OBS and the link of a lecturer. Each is told once, stored as a hash, and can be revoked.

1. **A new one ends the one before**: what was sent to a wrong person is worthless as soon as somebody makes another.
2. A key holds within the lecture's window; it gives nothing that a lecture which is not open would not refuse.
3. Revoking a link ends the logins that it began.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import LecturesSettings
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.models import Invitation, Login
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.lectures.service import LectureInfo
from signaling.live.models import StreamKey


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when something opens a lecture."""

    not_before: datetime
    not_after: datetime


KEY: Final = "key"
LINK: Final = "link"


class EntrancesService:
    """Makes, tells of and revokes keys and links."""

    def __init__(self, db: Database, settings: LecturesSettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._early = timedelta(minutes=settings.key_minutes_before)
        self._late = timedelta(minutes=settings.key_minutes_after)
        self._clock = clock

    def window(self, lecture: LectureInfo) -> Window:
        """Return when a lecture's key and link hold."""
        ends_at = lecture.scheduled_at + timedelta(minutes=lecture.minutes)
        return Window(lecture.scheduled_at - self._early, ends_at + self._late)

    async def key(self, lecture_id: str) -> StreamKey | None:
        """Return the key that holds, without its secret."""
        held = StreamKey.lecture_id == lecture_id, StreamKey.revoked_at.is_(None), StreamKey.not_after > self._clock()
        async with self._db.reading() as session:
            found: StreamKey | None = await session.scalar(select(StreamKey).where(*held).limit(1))
            return found

    async def link(self, lecture_id: str) -> Invitation | None:
        """Return the link that holds, without its secret."""
        held = (
            Invitation.lecture_id == lecture_id,
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > self._clock(),
        )
        async with self._db.reading() as session:
            found: Invitation | None = await session.scalar(select(Invitation).where(*held).limit(1))
            return found

    async def make_key(self, lecture: LectureInfo, actor: str) -> tuple[str, Window]:
        """Make the key of the lecturer's OBS; return its secret and window. Raise 409 `window_over`."""
        token, now, window = opaque.mint(opaque.STREAM_KEY), self._clock(), self._open_window(lecture)
        row = StreamKey(token_hash=opaque.digest(token), lecture_id=lecture.id, user_id=lecture.lecturer_id)
        row.not_before, row.not_after, row.created_at = window.not_before, window.not_after, now
        async with self._db.writing() as session:
            await _end_keys(session, lecture.id, now)
            session.add_all([row, entry(now, actor, "lecture.key_made", lecture.id)])
        return token, window

    async def make_link(self, lecture: LectureInfo, actor: str) -> tuple[str, datetime]:
        """Make the link by which the lecturer enters the studio; return its secret and end. Raise 409 `window_over`."""
        token, now, window = opaque.mint(opaque.INVITATION), self._clock(), self._open_window(lecture)
        row = Invitation(token_hash=opaque.digest(token), user_id=lecture.lecturer_id, lecture_id=lecture.id)
        row.created_at, row.expires_at = now, window.not_after
        async with self._db.writing() as session:
            await _end_links(session, lecture.id, now)
            session.add_all([row, entry(now, actor, "lecture.invited", lecture.id)])
        return token, window.not_after

    async def revoke(self, lecture_id: str, what: str, actor: str) -> None:
        """End the key or the link of a lecture; where there is none nothing happens."""
        now = self._clock()
        end, action = (_end_keys, "lecture.key_revoked") if what == KEY else (_end_links, "lecture.invitation_revoked")
        async with self._db.writing() as session:
            await end(session, lecture_id, now)
            session.add(entry(now, actor, action, lecture_id))

    async def follow(self, before: LectureInfo, after: LectureInfo) -> None:
        """Keep a key to the lecture's new time; another lecturer, or calling off, ends key and link."""
        now, window = self._clock(), self.window(after)
        async with self._db.writing() as session:
            if before.lecturer_id != after.lecturer_id or after.called_off_at is not None:
                await _end_keys(session, after.id, now)
                await _end_links(session, after.id, now)
                return
            keys = update(StreamKey).where(StreamKey.lecture_id == after.id, StreamKey.revoked_at.is_(None))
            await session.execute(keys.values(not_before=window.not_before, not_after=window.not_after))
            links = update(Invitation).where(Invitation.lecture_id == after.id, Invitation.revoked_at.is_(None))
            await session.execute(links.values(expires_at=window.not_after))

    def _open_window(self, lecture: LectureInfo) -> Window:
        window = self.window(lecture)
        if lecture.called_off_at is not None:
            raise Problem(409, "called_off", "the lecture was called off")
        if window.not_after <= self._clock():
            raise Problem(409, "window_over", "the time of the lecture is over")
        return window


async def _end_keys(session: AsyncSession, lecture_id: str, now: datetime) -> None:
    keys = update(StreamKey).where(StreamKey.lecture_id == lecture_id, StreamKey.revoked_at.is_(None))
    await session.execute(keys.values(revoked_at=now))


async def _end_links(session: AsyncSession, lecture_id: str, now: datetime) -> None:
    links = update(Invitation).where(Invitation.lecture_id == lecture_id, Invitation.revoked_at.is_(None))
    await session.execute(links.values(revoked_at=now))
    logins = update(Login).where(Login.lecture_id == lecture_id, Login.ended_at.is_(None))
    await session.execute(logins.values(ended_at=now))
