"""The table of recordings: every statement about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from recorder.finish import FinishedRecording
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.lectures.queries import aimed_at
from signaling.library.listing import Listing
from signaling.library.models import OPEN_STATES, REMOVED, RecordingEntry
from signaling.library.review import ACTIONS, Review, is_news
from signaling.library.shelf import Item
from signaling.live.models import Broadcast
from signaling.live.rehearsals import of_lecture
from signaling.live.states import RUNNING, State


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list: of the lectures in `among` (None is all), `limit` entries after the first `offset`."""

    among: frozenset[str] | None = None
    limit: int | None = None
    offset: int = 0


WHOLE = Part()


class Records:
    """The table of recordings. Every method is one transaction and returns rows as they are now."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def unfinished(self) -> tuple[list[RecordingEntry], dict[str, State]]:
        """Return the entries that are not finished, and the state of the broadcasts that have begun and not ended."""
        async with self._db.reading() as session:
            rows = await session.scalars(select(RecordingEntry).where(RecordingEntry.state.in_(OPEN_STATES)))
            running = await session.scalars(select(Broadcast).where(Broadcast.state.in_([*RUNNING])))
            return list(rows), {broadcast.id: State(broadcast.state) for broadcast in running}

    async def unrecorded(self) -> list[Broadcast]:
        """Return the broadcasts that went live and have no entry: the process ended before it was made."""
        running = Broadcast.state.in_([*RUNNING]), of_lecture(Broadcast.lecture_id)
        begun = select(Broadcast).where(*running, Broadcast.started_at.is_not(None))
        async with self._db.reading() as session:
            return [*await session.scalars(begun.where(Broadcast.id.not_in(select(RecordingEntry.broadcast_id))))]

    async def items(self) -> list[Item]:
        """Return what the shelf keeps of every recording."""
        entry = RecordingEntry
        async with self._db.reading() as session:
            rows = await session.execute(
                select(entry.id, entry.lecture_id, entry.state, entry.review, entry.broadcast_id)
            )
            return [
                Item(one, lecture, state, review == Review.APPROVED, run) for one, lecture, state, review, run in rows
            ]

    async def all(self) -> list[RecordingEntry]:
        """Return every entry, newest first."""
        return (await self.entries(None))[0]

    async def entries(self, lecture_id: str | None, part: Part = WHOLE) -> tuple[list[RecordingEntry], int]:
        """Return a part of the entries, newest first, of one lecture or of all, and how many there are."""
        statement = select(RecordingEntry)
        if lecture_id is not None:
            statement = statement.where(RecordingEntry.lecture_id == lecture_id)
        if part.among is not None:
            statement = statement.where(RecordingEntry.lecture_id.in_(part.among))
        counted = select(func.count()).select_from(statement.subquery())
        ordered = statement.order_by(RecordingEntry.id.desc()).limit(part.limit).offset(part.offset)
        async with self._db.reading() as session:
            found = [*await session.scalars(ordered)]
            return found, len(found) if part.limit is None else await session.scalar(counted) or 0

    async def released(self, school_code: str, limit: int, recording_id: str | None) -> list[RecordingEntry]:
        """Return the finished, approved entries of lectures for a school, newest first, or one of them."""
        statement = (
            select(RecordingEntry)
            .where(RecordingEntry.state == "ready", RecordingEntry.review == Review.APPROVED)
            .where(RecordingEntry.lecture_id.in_(aimed_at(school_code)))
            .order_by(RecordingEntry.id.desc())
            .limit(limit)
        )
        if recording_id is not None:
            statement = statement.where(RecordingEntry.id == recording_id)
        async with self._db.reading() as session:
            return [*await session.scalars(statement)]

    async def get(self, recording_id: str) -> RecordingEntry | None:
        """Return one entry."""
        async with self._db.reading() as session:
            return await session.get(RecordingEntry, recording_id)

    async def by_broadcast(self, broadcast_id: str) -> RecordingEntry | None:
        """Return the entry of a broadcast."""
        async with self._db.reading() as session:
            return await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))

    async def begun(self, lecture_id: str, broadcast_id: str, title: str, at: datetime) -> RecordingEntry:
        """Return the entry of a broadcast that is on the air, made now if there is none."""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None:
                row = RecordingEntry(lecture_id=lecture_id, broadcast_id=broadcast_id, title=title, started_at=at)
                session.add(row)
            row.state = "recording"
        return row

    async def over(self, broadcast_id: str, at: datetime) -> RecordingEntry | None:
        """Note that a broadcast has ended; None when nothing of it was still open."""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None or row.state not in OPEN_STATES:
                return None
            row.state, row.ended_at = "finalising", at
        return row

    async def note(self, recording_id: str, state: str) -> RecordingEntry | None:
        """Note that an open recording is `recording` or `degraded` now; None when that is nothing new."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or row.state not in ("recording", "degraded") or row.state == state:
                return None
            row.state = state
            if state == "degraded":
                row.problems = sorted({*row.problems, "disk_full"})
        return row

    async def finished(self, done: FinishedRecording, shown: Listing) -> RecordingEntry | None:
        """Write down what became of a recording. When it ended says the broadcast, else the last picture that there is."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, done.id)
            if row is None:
                return None
            row.state = "ready" if done.path_mp4 else "failed"
            row.duration_s, row.bytes, row.sha256 = done.duration_s, done.bytes, done.sha256
            row.has_thumbnail, row.has_preview = done.thumbnail is not None, shown.has_preview
            row.width, row.height, row.chapters, row.gaps = shown.width, shown.height, shown.chapters, shown.gaps
            row.problems = sorted({*row.problems, *done.problems})
            if row.ended_at is None:
                said = await session.scalar(select(Broadcast.ended_at).where(Broadcast.id == row.broadcast_id))
                row.ended_at = said or shown.ended_at or row.started_at + timedelta(seconds=done.duration_s)
        return row

    async def stored(self, recording_id: str, storage: str) -> RecordingEntry | None:
        """Note where a recording is; None when that is nothing new."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or row.storage == storage:
                return None
            row.storage = storage
        return row

    async def removed(self, recording_id: str) -> RecordingEntry | None:
        """Note that the files of a recording were deleted, with what was known of them left in place, and in the audit log."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or REMOVED in row.problems:
                return None
            row.state, row.has_thumbnail, row.has_preview, row.storage = "failed", False, False, "local"
            row.problems = sorted({*row.problems, REMOVED})
            detail = json.dumps({"bytes": row.bytes, "sha256": row.sha256})
            session.add(
                AuditEntry(at=utc_now(), actor="retention", action="recording.removed", subject=row.id, detail=detail)
            )
        return row

    async def reviewed(self, recording_id: str, wish: Review, by: str, at: datetime) -> RecordingEntry | None:
        """Decide about a recording, and say so in the audit log in the same transaction; raise 409 `not_ready`."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is not None and is_news(row.state, row.review, wish):
                detail = json.dumps({"before": row.review, "lecture": row.lecture_id})
                row.review, row.reviewed_by, row.reviewed_at = wish, by, at
                session.add(AuditEntry(at=at, actor=by, action=ACTIONS[wish], subject=recording_id, detail=detail))
        return row
