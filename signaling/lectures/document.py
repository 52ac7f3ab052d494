"""The lecture as the API shows it: the plan and the live state in one document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from signaling.directory.queries import Scope
from signaling.lectures.counts_queries import EVERYTHING
from signaling.lectures.counts_service import TargetCounts
from signaling.lectures.service import LectureInfo, LectureService

# What the live service knows of a lecture: state, broadcast_id, started_at, ended_at, on_air_seconds, viewers, publisher, watching.
Facts = Callable[[str], Awaitable[Mapping[str, Any]]]


class LectureDocuments:
    """Builds the documents; `facts` is the live side."""

    def __init__(self, lectures: LectureService, facts: Facts, boot_id: str) -> None:
        self._lectures = lectures
        self._facts = facts
        self._boot_id = boot_id

    async def of(self, lecture_id: str) -> dict[str, Any]:
        """Return the document of a lecture; raises `LookupError` when there is none."""
        info = await self._lectures.info(lecture_id)
        if info is None:
            raise LookupError(f"no lecture {lecture_id}")
        return await self.of_info(info)

    async def of_info(self, info: LectureInfo, scope: Scope | None = None) -> dict[str, Any]:
        """Return the document of a lecture that was read already; with `scope` also what of it that covers."""
        if scope is not None:
            return (await self.of_infos([info], scope))[0]
        return await self._document(info, await self._lectures.counts.of(info.id), None)

    async def of_infos(self, infos: Sequence[LectureInfo], scope: Scope | None = None) -> list[dict[str, Any]]:
        """Return the documents of many; with `scope` also what of each that covers."""
        ids = [info.id for info in infos]
        counts = await self._lectures.counts.of_many(ids)
        own = {} if scope is None else counts
        if scope is not None and scope != EVERYTHING:
            own = await self._lectures.counts.of_many(ids, scope)
        return [await self._document(info, counts[info.id], own.get(info.id)) for info in infos]

    async def _document(self, info: LectureInfo, counts: TargetCounts, own: TargetCounts | None) -> dict[str, Any]:
        plan = {
            "id": info.id,
            "title": info.title,
            "topic": info.topic,
            "lecturer": {"id": info.lecturer_id, "name": info.lecturer_name},
            "scheduled_at": stamp(info.scheduled_at),
            "minutes": info.minutes,
            "autostart": info.autostart,
            "approved": info.approved,
            "summary": info.summary,
            "audience_kind": info.audience_kind,
            "counts": info.counts,
            "review": info.review,
            "called_off_at": None if info.called_off_at is None else stamp(info.called_off_at),
            "called_off_reason": info.called_off_reason,
            "created_by": info.created_by,
            "version": info.version,
            "targets": asdict(counts),
            "own": None if own is None else asdict(own),
            "boot_id": self._boot_id,
        }
        return plan | dict(await self._facts(info.id))


def stamp(moment: datetime) -> str:
    """Return a UTC time in the form of RFC 3339, `2026-03-01T08:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
