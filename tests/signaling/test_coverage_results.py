"""The results that coverage takes from a real ledger."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from signaling.attendance.report import Report
from signaling.coverage.results import ClassResult
from signaling.coverage.results_service import RecountedResults
from signaling.directory.queries import Scope
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.support.roll import LECTURE, Rooms, at, changed, database, joined, populate, service

SCHOOLS = [("2152230101", "522301", "第一小学", 2), ("3152230201", "522302", "中学", 1)]


async def test_a_lecture_that_is_over_is_recounted_once(tmp_path: Path) -> None:
    db, rooms = await database(tmp_path), Rooms()
    await populate(db, SCHOOLS)
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    await attendance.handle(joined("screen-2152230101-1", 0))
    for number in range(6):
        rooms.deliver(1750, 10.0, ("screen-2152230101-1", 1750, 0))
        await attendance.tick(at(10 * number + 10))
    asked: list[str] = []

    async def recount(lecture_id: str) -> Report | None:
        asked.append(lecture_id)
        made = await attendance.report(lecture_id, Scope(None), "522300")
        return None if made is None else made.report

    results = RecountedResults(db, recount)
    assert await results.decisions([LECTURE], Scope(None)) == []
    async with db.writing() as session:
        row = (await session.scalars(select(Broadcast).where(Broadcast.lecture_id == LECTURE))).one()
        row.state, row.ended_at = "ended", at(60)
    schools = await results.decisions([LECTURE], Scope(None))
    assert [(one.school_code, one.region_code, [row.result for row in one.classes]) for one in schools] == [
        ("2152230101", "522301", ["pending", "absent"]),
        ("3152230201", "522302", ["absent"]),
    ]
    first = schools[0].classes[0]
    assert first == ClassResult(first.class_id, "pending", first.expected, None)
    assert len((await results.minutes(LECTURE))[first.class_id]) == 1
    assert [one.school_code for one in await results.decisions([LECTURE], Scope(frozenset({"522302"})))] == [
        "3152230201"
    ]
    assert (asked, await results.minutes("elsewhere")) == ([LECTURE], {})
    await db.close()
