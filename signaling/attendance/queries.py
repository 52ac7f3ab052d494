"""The statements behind a report: columns, not objects, because a prefecture has 15,600 classes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, case, false, func, select, true

from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import paired
from signaling.lectures.models import Lecture, LectureTarget
from signaling.live.models import Broadcast
from signaling.live.rehearsals import of_lecture
from signaling.live.states import OVER, RUNNING


def targets(lecture_id: str) -> Select[str, str, str, str, str, str, str | None, str, int]:
    """The frozen classes of a lecture: the members of `report.Target` in order."""
    return (
        select(
            SchoolClass.id,
            SchoolClass.code,
            SchoolClass.name,
            School.code,
            School.name,
            School.kind,
            School.urban_rural,
            LectureTarget.region_code,
            LectureTarget.pupils,
        )
        .join_from(LectureTarget, SchoolClass, SchoolClass.id == LectureTarget.class_id)
        .join(School, School.code == LectureTarget.school_code)
        .where(LectureTarget.lecture_id == lecture_id)
    )


def regions() -> Select[str, str | None, str, str]:
    """All regions in the order of the region file."""
    return select(Region.code, Region.gb2260, Region.name, Region.level).order_by(Region.sort)


def terminals(lecture_id: str) -> Select[str, int, str | None]:
    """Id, number and key of every terminal, revoked ones too, of the frozen classes."""
    return (
        select(Screen.id, Screen.terminal_no, Screen.key_thumbprint)
        .join(LectureTarget, LectureTarget.class_id == Screen.class_id)
        .where(LectureTarget.lecture_id == lecture_id)
    )


def devices(lecture_id: str) -> Select[str, str, int, str, str, bool]:
    """Id, class, number, User-Agent and capability of every terminal of the frozen classes, and whether it is paired."""
    columns = (Screen.id, Screen.class_id, Screen.terminal_no, Screen.agent, Screen.capability)
    return (
        select(*columns, case((paired(), true()), else_=false()))
        .join(LectureTarget, LectureTarget.class_id == Screen.class_id)
        .where(LectureTarget.lecture_id == lecture_id)
    )


def unit_names(node: str) -> list[Select[str, str]]:
    """Display code and name of a node: first as a region, then as a school."""
    return [
        select(func.coalesce(Region.gb2260, Region.code), Region.name).where(Region.code == node),
        select(School.code, School.name).where(School.code == node),
    ]


def running() -> Select[str, str]:
    """Broadcasts of lectures that have begun and not ended."""
    return select(Broadcast.id, Broadcast.lecture_id).where(
        Broadcast.state.in_(RUNNING), of_lecture(Broadcast.lecture_id)
    )


def recent(since: datetime) -> Select[str, datetime | None, datetime | None]:
    """Lectures that ended after a time, with their begin and end; the earliest first."""
    return (
        select(Broadcast.lecture_id, Broadcast.started_at, Broadcast.ended_at)
        .where(Broadcast.state.in_(OVER), Broadcast.ended_at > since, of_lecture(Broadcast.lecture_id))
        .order_by(Broadcast.ended_at)
    )


def session(lecture_id: str) -> Select[str, bool, float]:
    """Kind of audience of a lecture that was held, whether it is marked 计入覆盖, and the seconds that it was live."""
    return (
        select(Lecture.audience_kind, Lecture.counts, Broadcast.on_air_seconds)
        .join_from(Lecture, Broadcast, Broadcast.lecture_id == Lecture.id)
        .where(Lecture.id == lecture_id)
    )


def heading(
    lecture_id: str,
) -> Select[str, str, datetime | None, datetime | None, datetime, int, str, bool]:
    """Title of a lecture, state, begin and end of its broadcast, and what the timetable says of it."""
    planned = (Lecture.scheduled_at, Lecture.minutes, Lecture.audience_kind, Lecture.counts)
    return (
        select(Lecture.title, Broadcast.state, Broadcast.started_at, Broadcast.ended_at, *planned)
        .join_from(Lecture, Broadcast, Broadcast.lecture_id == Lecture.id, isouter=True)
        .where(Lecture.id == lecture_id)
    )
