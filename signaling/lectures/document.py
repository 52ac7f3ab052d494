"""The lecture as the API shows it: the plan and the live state in one document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

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

    async def of_info(self, info: LectureInfo) -> dict[str, Any]:
        """Return the document of a lecture that was read already."""
        plan = {
            "id": info.id,
            "title": info.title,
            "topic": info.topic,
            "lecturer": {"id": info.lecturer_id, "name": info.lecturer_name},
            "scheduled_at": stamp(info.scheduled_at),
            "minutes": info.minutes,
            "autostart": info.autostart,
            "approved": info.approved,
            "targets": asdict(await self._lectures.target_counts(info.id)),
            "boot_id": self._boot_id,
        }
        return plan | dict(await self._facts(info.id))


def stamp(moment: datetime) -> str:
    """Return a UTC time in the form of RFC 3339, `2026-03-01T08:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
