"""Decisions are settled when a lecture ends, when something new is told about it, and when a time runs out; none is ever changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from signaling.attendance.exports import checksum
from signaling.attendance.make_up_api import document
from signaling.attendance.models import AttendanceDecision, AttendanceSettling
from signaling.attendance.policy import Result
from signaling.attendance.report import LectureReport
from signaling.attendance.settled import DamagedDecisions, freeze, pack, schools_of, thaw, unpack
from signaling.attendance.tables import TABLES
from signaling.db.engine import Database
from signaling.directory.models import SchoolClass
from signaling.directory.queries import Scope
from signaling.ledger.events import Subject
from signaling.ledger.facts import Confirmed, Corrected, Fault
from tests.support.attending import END, FIRST, SECOND, A, Attending, B, C
from tests.support.roll import EVERYTHING, LECTURE, START, ZONE, at, database, populate

SCHOOLS = [(FIRST, "522301", "第一小学", 2), (SECOND, "522302", "中学", 1)]


def confirmed(class_id: str, present: int, when: datetime, counter: int = 1) -> Confirmed:
    return Confirmed(class_id, "", 45, present, 0, "room", when, counter)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, SCHOOLS)
    yield made
    await made.close()


@pytest.fixture
async def server(db: Database, tmp_path: Path) -> Attending:
    made = Attending(db, tmp_path)
    await made.lecture(A, C)
    made.clock.now = END + timedelta(minutes=5)
    return made


async def rounds(db: Database) -> list[tuple[int, str, int]]:
    async with db.reading() as session:
        rows = (await session.execute(select(AttendanceSettling).order_by(AttendanceSettling.number))).scalars().all()
    return [(row.number, row.cause, row.changed) for row in rows]


async def test_the_end_settles_every_school_once(server: Attending, db: Database) -> None:
    assert await server.round() == [LECTURE]
    found = await server.settled()
    assert [(one.school_code, one.revision) for one in found.values()] == [(FIRST, 1), (SECOND, 1)]
    tally = found[FIRST].tally
    assert (tally.classes, tally.unconfirmed, tally.pending, tally.absent, tally.pupils) == (2, 1, 1, 1, 90)
    by_class = {one.class_id: one for one in found[FIRST].classes}
    assert by_class[A].decision.result is Result.UNCONFIRMED
    assert len(by_class[A].minutes) == 2
    assert await server.round() == []
    assert await rounds(db) == [(1, "ended", 2)]


async def test_a_head_count_makes_another_revision_of_its_school_alone(server: Attending, db: Database) -> None:
    await server.round()
    await server.tell(confirmed(A, 43, at(400)))
    assert await server.round() == [LECTURE]
    found = await server.settled()
    assert {code: one.revision for code, one in found.items()} == {FIRST: 2, SECOND: 1}
    tally = found[FIRST].tally
    assert (tally.qualified, tally.present, tally.reached, tally.pending) == (1, 43, 43, 0)
    async with db.reading() as session:
        rows = (await session.execute(select(AttendanceDecision.revision, AttendanceDecision.supersedes))).all()
    assert sorted(map(tuple, rows), key=str) == [(1, None), (1, None), (2, 1)]
    assert await rounds(db) == [(1, "ended", 2), (2, "confirmed", 1)]


async def test_a_recount_is_the_newest_revision(server: Attending) -> None:
    await server.round()
    await server.tell(confirmed(A, 43, at(400)), confirmed(C, 45, at(500)))
    await server.round()
    recounted = {one.school_code: one for one in schools_of(LECTURE, (await server.report()).report)}
    found = await server.settled()
    assert all(one.says_the_same(recounted[code]) for code, one in found.items())
    anew = {one.school_code: one for one in schools_of(LECTURE, (await server.report(server.clock.now)).report)}
    assert all(one.says_the_same(anew[code]) for code, one in found.items())


async def test_a_report_is_made_once_for_all_tables_until_something_is_told_or_time_goes_by(
    server: Attending,
) -> None:
    first = await server.report()
    server.clock.now += timedelta(seconds=20)
    assert (await server.report()).report is first.report
    part = await server.attendance.report(LECTURE, Scope(frozenset({"522301"})), "522301")
    assert part is not None
    assert part.report.total.classes == 2  # another part of the prefecture is another report
    again = await server.report()
    assert again.report == first.report
    await server.tell(confirmed(A, 43, server.clock.now))
    assert (await server.report()).report.total.present == 43
    last = await server.report()
    server.clock.now += timedelta(seconds=31)
    assert (await server.report()).report is not last.report


async def test_a_day_without_a_head_count_decides(server: Attending, db: Database) -> None:
    await server.round()
    server.clock.now = END + timedelta(hours=24) - timedelta(seconds=1)
    assert await server.round() == []
    server.clock.now = END + timedelta(hours=24)
    assert await server.round() == [LECTURE]
    tally = (await server.settled())[FIRST].tally
    assert (tally.unconfirmed, tally.pending, tally.covered, tally.present) == (1, 0, 1, 0)
    assert await server.round() == []
    assert (await rounds(db))[-1] == (2, "expired", 2)


def cells(made: LectureReport, number: str, name: str) -> dict[str, object]:
    """Return the row of an export in which one of the cells says `name`, by header."""
    table = TABLES[number](made.report, ("522300", "黔西南州"), ZONE)
    (found,) = [row for row in table.rows if name in row]
    return {column.header: cell for column, cell in zip(table.columns, found, strict=True)}


async def test_a_class_that_replays_afterwards_makes_it_up_in_the_settled_revision_and_the_exports(
    server: Attending, db: Database
) -> None:
    await server.round()
    await server.replay(B, timedelta(hours=1), windows=12)
    assert await server.round() == [LECTURE]
    waiting = (await server.settled())[FIRST].tally
    assert (waiting.made_up, waiting.absent, waiting.pending) == (0, 0, 2)
    await server.tell(confirmed(B, 40, server.clock.now))
    assert await server.round() == [LECTURE]
    found = (await server.settled())[FIRST]
    assert (found.tally.made_up, found.tally.present, found.tally.absent) == (1, 40, 0)
    (decided,) = [one.decision for one in found.classes if one.class_id == B]
    assert (decided.result, decided.label) == (Result.MADE_UP, "补看达标")
    assert "补看后有效收看2分钟" in decided.reason
    made = await server.report()
    assert cells(made, "01", "522301")["补看达标班级数"] == 1
    assert cells(made, "02", FIRST)["补看"] == 1
    row = cells(made, "03", "补看达标")
    assert (row["学校标识码"], row["有效收看分钟"], row["实到"]) == (FIRST, 0, 40)
    recounted = {one.school_code: one for one in schools_of(LECTURE, made.report)}
    assert found.says_the_same(recounted[FIRST])


@pytest.mark.parametrize(("windows", "pace", "later"), [(1, 120, 1), (3, 40, 1), (12, 10, 15 * 24), (8, 10, 1)])
async def test_haste_half_of_it_and_coming_too_late_make_nothing_up(
    server: Attending, windows: int, pace: int, later: int
) -> None:
    """All of it at once, four times as fast, after the fortnight, and two thirds of it."""
    await server.replay(B, timedelta(hours=later), windows=windows, pace=pace)
    await server.tell(confirmed(B, 40, server.clock.now))
    await server.round()
    found = (await server.settled())[FIRST]
    (decided,) = [one.decision for one in found.classes if one.class_id == B]
    assert decided.result in (Result.ABSENT, Result.FAILED)
    assert (found.tally.made_up, found.tally.reached) == (0, 0)


async def test_what_is_made_up_is_settled_once_in_ten_minutes(server: Attending) -> None:
    await server.round()
    await server.replay(B, timedelta(hours=1), windows=6)
    assert await server.round() == [LECTURE]
    await server.replay(B, timedelta(hours=1, minutes=2), windows=6)
    assert await server.round() == []
    server.clock.now += timedelta(minutes=10)
    assert await server.round() == [LECTURE]


async def test_a_class_is_told_how_far_it_has_come_and_where_it_has_to_go_on(server: Attending) -> None:
    reports, begin = server.attendance.reports, int(START.timestamp() * 1000)
    absent = await reports.make_up(LECTURE, B)
    assert absent is not None
    assert (absent.seen_ms, absent.needed_ms, absent.on_air_ms, absent.unseen_ms) == (0, 96_000, 120_000, begin)
    assert absent.due(server.clock.now)
    assert not absent.due(END + timedelta(days=14))
    await server.replay(B, timedelta(hours=1), windows=6)
    half = await reports.make_up(LECTURE, B)
    assert half is not None
    assert (half.live_ms, half.seen_ms, half.unseen_ms) == (0, 60_000, begin + 60_000)
    shown = document(half, 60.0, server.clock.now)
    assert (shown.due, shown.seen_minutes, shown.needed_minutes, shown.on_air_minutes) == (True, 1.0, 1.6, 2.0)
    live = await reports.make_up(LECTURE, A)
    assert live is not None
    assert (live.unseen_ms, live.due(server.clock.now), live.done(server.clock.now)) == (None, False, False)
    await server.replay(B, timedelta(hours=2), windows=12)
    whole = await reports.make_up(LECTURE, B)
    assert whole is not None
    assert (whole.due(server.clock.now), whole.done(server.clock.now)) == (False, True)
    assert not whole.done(END + timedelta(days=14))
    assert await reports.make_up(LECTURE, "a class of nobody") is None
    assert await reports.make_up("a lecture of nobody", A) is None


async def test_what_a_fault_or_a_correction_excuses_is_not_to_be_made_up(server: Attending) -> None:
    reports = server.attendance.reports
    half = Fault("f1", "power", f"{FIRST}-2", START, START + timedelta(minutes=1), "u1", "", at(300), 1)
    await server.tell(half, subject=Subject())
    assert await reports.make_up(LECTURE, B) is None  # half of the lecture excuses a class that saw none of it
    rest = Fault("f1", "power", f"{FIRST}-2", START, START, "u1", "", at(400), 2)
    await server.tell(rest, subject=Subject())
    assert await reports.make_up(LECTURE, B) is not None
    await server.tell(Corrected("k1", B, "result", "absent", "excused", "exam", "u1", "u2", at(900), None))
    assert await reports.make_up(LECTURE, B) is None


async def test_a_lecture_is_settled_anew_for_faults_that_touch_it_alone(server: Attending, db: Database) -> None:
    await server.round()
    before = Fault(
        "f1", "power", "522301", START - timedelta(hours=2), START - timedelta(minutes=1), "u1", "", at(300), 1
    )
    after = Fault("f2", "power", "522301", END + timedelta(minutes=1), None, "u1", "", at(300), 1)
    await server.tell(before, after, subject=Subject())
    assert await server.round() == []
    await server.tell(confirmed(A, 43, at(400)))
    assert await server.round() == [LECTURE]
    longer = Fault("f1", "power", f"{FIRST}-2", before.begin, END, "u1", "", at(500), 2)
    await server.tell(longer, subject=Subject())
    assert await server.round() == [LECTURE]
    assert (await server.settled())[FIRST].tally.excused == 1
    taken_back = Fault("f1", "power", f"{FIRST}-2", before.begin, before.begin, "u1", "", at(600), 3)
    await server.tell(taken_back, subject=Subject())
    assert await server.round() == [LECTURE]
    assert (await server.settled())[FIRST].tally.excused == 0
    assert [cause for _, cause, _ in await rounds(db)] == ["ended", "confirmed", "fault", "fault"]


async def test_faults_of_a_region_and_corrections_are_settled_with_their_cause(server: Attending, db: Database) -> None:
    await server.round()
    power = Fault("f1", "power", "522302", START, END, "u1", "", at(300), 1)
    await server.tell(power, subject=Subject())
    await server.round()
    found = await server.settled()
    assert found[SECOND].tally.unconfirmed == 1  # what was watched in spite of the fault stays
    assert found[FIRST].revision == 1
    absent = Fault("f2", "exam", f"{FIRST}-2", START, END, "u1", "", at(300), 1)
    await server.tell(absent, subject=Subject())
    await server.tell(Corrected("k1", A, "present", "", "44", "typing", "u1", "u2", at(900), None))
    await server.round()
    tally = (await server.settled())[FIRST].tally
    assert (tally.excused, tally.excused_pupils, tally.present, tally.corrected) == (1, 45, 44, 1)
    assert [cause for _, cause, _ in await rounds(db)] == ["ended", "fault", "corrected"]


async def test_a_restarted_server_finds_nothing_to_do_and_two_do_not_write_twice(
    server: Attending, db: Database, tmp_path: Path
) -> None:
    other = Attending(db, tmp_path, server.clock, "node-2")
    done = await asyncio.gather(server.round(), other.round())
    assert sorted(map(len, done))[-1] == 1
    assert all(one.revision == 1 for one in (await server.settled()).values())
    first = await rounds(db)
    assert await Attending(db, tmp_path, server.clock, "node-3").round() == []
    assert await rounds(db) == first


async def test_nothing_settled_can_be_changed(server: Attending, db: Database) -> None:
    await server.round()
    for table in ("attendance_decisions", "attendance_settlings", "attendance_frames"):
        for sql in (f"UPDATE {table} SET lecture_id = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="append-only"):
                async with db.writing() as session:
                    await session.execute(text(sql))


async def test_the_door_shows_a_county_its_own_schools_and_tells_of_changes(server: Attending) -> None:
    await server.round()
    decisions = server.attendance.decisions
    own = await decisions.decisions([LECTURE, "unknown"], Scope(frozenset({"522302"})))
    assert [one.school_code for one in own] == [SECOND]
    before = await decisions.stamps([LECTURE])
    await server.tell(confirmed(A, 43, at(400)))
    await server.round()
    assert (await decisions.stamps([LECTURE]))[LECTURE] != before[LECTURE]
    assert set(await decisions.minutes(LECTURE)) == {A, f"{FIRST}-2", C}


def sums(made: LectureReport) -> list[str]:
    return [checksum(make(made.report, made.unit, ZONE, made.names)) for make in TABLES.values()]


async def test_a_report_as_of_a_time_says_later_what_it_said_then(server: Attending, db: Database) -> None:
    await server.round()
    await server.tell(confirmed(A, 43, at(400)))
    server.clock.now += timedelta(minutes=1)
    then = server.clock.now
    first = sums(await server.report())
    server.clock.now += timedelta(days=3)
    await server.tell(
        confirmed(C, 40, at(600)), Corrected("k1", A, "present", "43", "12", "typing", "u1", "u2", at(900), None)
    )
    async with db.writing() as session:
        await session.execute(update(SchoolClass).values(name="改名班"))
    assert sums(await server.report()) != first
    assert sums(await server.report(then)) == first
    running = await server.report(at(60))
    assert (running.state, running.ended_at) == ("live", None)
    assert running.report.on_air_ms == 60_000


async def test_the_first_policy_gives_its_own_figures_beside(server: Attending) -> None:
    await server.tell(confirmed(A, 43, at(400)))
    made = await server.attendance.report(LECTURE, EVERYTHING, "522300", policy=1)
    assert made is not None
    row = next(row for row in made.report.classes if row.target.class_id == A)
    assert (row.decision.label, row.decision.policy_version, row.decision.present) == ("达标(未确认)", 1, None)


async def test_what_is_packed_reads_back_and_what_is_torn_says_so(server: Attending) -> None:
    await server.tell(confirmed(A, 43, at(400)))
    schools = list(schools_of(LECTURE, (await server.report()).report))
    for school in schools:
        assert pack(school.classes) == school.packed
    packed = schools[0].packed
    assert packed
    for torn in (b"", b"\x09" + packed[1:], packed[:-1], packed + b"x", packed[:1] + b"\0" * 20):
        with pytest.raises(DamagedDecisions):
            unpack(torn)
    frame = await server.attendance.reports.frame(LECTURE)
    assert frame is not None
    again = thaw(freeze(frame))
    assert (again.targets, again.regions, again.terminals) == (frame.targets, frame.regions, frame.terminals)
    assert (again.able, again.everywhere) == (frame.able, frozenset({"522300"}))
