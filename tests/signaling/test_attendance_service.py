"""The service: it samples at the boundaries of windows and its reports show the seconds that were delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from signaling.attendance.metronome import Metronome
from signaling.attendance.policy import Result
from signaling.attendance.report import ClassRow, LectureReport
from signaling.attendance.service import AttendanceService
from signaling.attendance.windows import next_boundary, sample_time, window_ending
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.columns import StoredDelivery
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.models import LedgerEntry
from signaling.live.states import Event, State
from tests.support.roll import (
    EVERYTHING,
    LECTURE,
    Rooms,
    at,
    book,
    changed,
    damaged,
    database,
    joined,
    left,
    populate,
    service,
)

A, B = "screen-2152230101-1", "screen-2152230101-2"
SCHOOLS = [
    ("2152230101", "522301", "第一小学", 2),
    ("2152230102", "522301", "第二小学", 1),
    ("3152230201", "522302", "中学", 1),
]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, SCHOOLS)
    yield made
    await made.close()


async def reported(attendance: AttendanceService, scope: Scope = EVERYTHING, node: str = "522300") -> LectureReport:
    made = await attendance.report(LECTURE, scope, node)
    assert made is not None
    return made


async def windows(attendance: AttendanceService) -> list[StoredDelivery]:
    facts = [told.fact async for told in book(attendance).facts(LECTURE)]
    return [fact for fact in facts if isinstance(fact, StoredDelivery)]


def by_class(made: LectureReport) -> dict[str, ClassRow]:
    return {row.target.class_id: row for row in made.report.classes}


async def lecture(attendance: AttendanceService, rooms: Rooms) -> None:
    """Two minutes: A is there all the time, B is closed from 23 s to 33 s and after 60 s; a monitor watches too."""
    await attendance.handle(changed(Event.OPEN, State.SCHEDULED, -60))
    await attendance.handle(joined(A, -30))
    await attendance.handle(joined(B, -20, "b1"))
    await attendance.handle(joined("monitor:x", -10))
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    seconds = {0: 10, 1: 10, 2: 3, 3: 7, 4: 10, 5: 10}
    for number in range(12):
        if number == 2:
            await attendance.handle(left(B, 23, "b1"))
        if number == 3:
            await attendance.handle(joined(B, 33, "b2"))
        if number == 6:
            await attendance.handle(left(B, 60, "b2"))
        rows = [(A, 1750, 0), ("monitor:x", 1750, 0)]
        if number in seconds:
            rows.append((B, 175 * seconds[number], 0))
        rooms.deliver(1750, 10.0, *rows)
        if number < 11:
            await attendance.tick(at(10 * number + 10))
    await attendance.handle(left(A, 120))
    await attendance.handle(changed(Event.END, State.LIVE, 120))


async def test_a_report_shows_the_seconds_that_each_class_got(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await lecture(attendance, rooms)
    made = await reported(attendance)
    rows = by_class(made)
    assert made.report.on_air_ms == 120_000
    a, b = rows["2152230101-1"], rows["2152230101-2"]
    assert (a.delivery.delivered_ms, b.delivery.delivered_ms) == (120_000, 50_000)
    assert (a.decision.result, b.decision.result) == (Result.UNCONFIRMED, Result.PARTIAL)
    assert (b.presence.joined_at, b.presence.left_at, b.presence.terminals) == (at(-20), at(60), (1,))
    assert b.delivery.interrupted_ms == 70_000
    assert {rows[c].decision.result for c in ("2152230102-1", "3152230201-1")} == {Result.ABSENT}
    assert (rows["2152230102-1"].evidence, b.evidence) == ("E0", "E2")
    assert made.report.total.schools_connected == 1


async def test_seconds_over_hls_count_as_delivered(db: Database, tmp_path: Path) -> None:
    """A watches over HLS alone, two seconds late; B by WebRTC, from 20 s on over HLS, for a moment over both."""
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    over_hls = [{A: 8.0}, {A: 10.0}, {A: 10.0, B: 9.0}, {A: 10.0, B: 10.0}, {A: 10.0, B: 5.0}, {A: 12.0}]
    by_webrtc = [1750, 1750, 350, 0, 1750, 1750]
    for number, (seconds, packets) in enumerate(zip(over_hls, by_webrtc, strict=True)):
        rooms.hls = seconds
        rooms.deliver(1750, 10.0, *([(B, packets, 0)] if packets else []))
        await attendance.tick(at(10 * number + 10))
    rows = by_class(await reported(attendance))
    a, b = rows["2152230101-1"], rows["2152230101-2"]
    assert (a.delivery.delivered_ms, b.delivery.delivered_ms) == (58_000, 60_000)
    assert (a.evidence, a.presence.joined_at) == ("E2", at(0))


async def test_a_county_sees_itself_and_a_school_itself(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await lecture(attendance, rooms)
    county = await reported(attendance, Scope(frozenset({"522302"})), "522302")
    assert [row.target.class_id for row in county.report.classes] == ["3152230201-1"]
    assert [row.region.name for row in county.report.counties] == ["兴仁市"]
    assert county.unit == ("522302", "兴仁市")
    school = await reported(attendance, Scope(frozenset(), "2152230101"), "2152230101")
    assert (school.report.total.schools, school.report.total.classes) == (1, 2)
    assert school.unit == ("2152230101", "第一小学")
    assert (await reported(attendance, Scope(frozenset()), "nowhere")).report.classes == []


async def test_a_report_is_there_while_the_lecture_runs(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    assert await attendance.report("unknown", EVERYTHING, "522300") is None
    await attendance.handle(changed(Event.OPEN, State.SCHEDULED, -60))
    await attendance.handle(joined(A, -30))
    before = by_class(await reported(attendance))["2152230101-1"]
    assert (before.decision.ratio, before.evidence, before.decision.result) == (None, "E1", Result.FAILED)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    rooms.deliver(1750, 10.0, (A, 1750, 0))
    await attendance.tick(at(10))
    during = by_class(await reported(attendance))["2152230101-1"]
    assert (during.delivery.delivered_ms, during.presence.left_at) == (10_000, None)


async def test_leaving_the_air_samples_at_once_and_ending_stops_sampling(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    for event, state in ((Event.PAUSE, State.LIVE), (Event.RESUME, State.PAUSED), (Event.CUT, State.LIVE)):
        rooms.deliver(175, 1.0, (A, 175, 0))
        await attendance.handle(changed(event, state, 3))
    assert rooms.asked == 2  # not at resume
    await attendance.tick(at(10))
    await attendance.handle(changed(Event.END, State.CUT, 12))
    asked = rooms.asked
    await attendance.tick(at(20))
    assert rooms.asked == asked
    assert [(one.part, one.published) for one in await windows(attendance)] == [(0, 175), (1, 175), (2, 175)]


async def test_the_last_seconds_are_kept_when_the_room_is_closed_already(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    rooms.deliver(525, 3.0, (A, 525, 0))
    rooms.closed = True
    await attendance.handle(changed(Event.END, State.LIVE, 3))
    assert (await reported(attendance)).report.on_air_ms == 3_000


async def test_a_stay_that_a_crash_cut_off_ends_with_its_process(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    first = service(db, tmp_path, rooms)
    await first.handle(changed(Event.START, State.OPEN, 0))
    await first.handle(joined(A, 0, "a1"))
    await first.handle(joined(B, 0, "b1"))
    rooms.deliver(1750, 10.0, (A, 1750, 0), (B, 1750, 0))
    await first.tick(at(10))
    second = service(db, tmp_path, rooms, boot="boot-2")  # the first one was killed
    await second.handle(changed(Event.START, State.OPEN, 0))
    await second.handle(joined(A, 36, "a2"))
    rooms.deliver(1750, 10.0, (A, 1400, 0))  # four seconds and a cached group of pictures
    await second.tick(at(40))
    rows = by_class(await reported(second))
    assert rows["2152230101-1"].delivery.delivered_ms == 14_000
    assert rows["2152230101-1"].presence.left_at is None
    assert rows["2152230101-2"].presence.left_at == at(10)


async def test_a_restarted_server_goes_on_in_the_same_window(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    first = service(db, tmp_path, rooms)
    await first.start()
    rooms.deliver(700, 4.0, (A, 700, 0))
    await first.stop()  # at the start of the clock: the window that ends there
    second = service(db, tmp_path, rooms, boot="boot-2")
    await second.start()  # finds the running broadcast in the database
    rooms.deliver(350, 2.0, (A, 350, 0))
    await second.stop()
    made = await reported(second)
    assert made.report.on_air_ms == 6_000
    assert by_class(made)["2152230101-1"].delivery.delivered_ms == 6_000


async def test_a_leaving_that_a_crash_swallowed_is_the_end_of_the_delivery(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(joined(A, 0))
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    rooms.deliver(1750, 10.0, (A, 1750, 0), (B, 1750, 0))
    await attendance.tick(at(10))
    async with db.writing() as session:
        await session.execute(text("UPDATE broadcasts SET state = 'ended'"))
    rows = by_class(await reported(attendance))
    assert rows["2152230101-1"].presence.left_at == at(10)
    presence = rows["2152230101-2"].presence  # its joining is missing too: the first window stands in
    assert (presence.joined_at, presence.left_at) == (at(0), at(10))


async def test_a_damaged_row_is_named(db: Database, tmp_path: Path) -> None:
    async with db.writing() as session:
        await session.execute(insert(LedgerEntry).values(damaged(LECTURE)))
    named = r"entry 1 of node node-9 \(media_delivered\): window 7: 2 bytes are less than a header"
    with pytest.raises(DamagedEntry, match=named):
        await service(db, tmp_path, Rooms()).report(LECTURE, EVERYTHING, "522300")


@pytest.mark.parametrize(("seconds", "number"), [(0, -1), (0.001, 0), (9.999, 0), (10, 0), (10.001, 1), (23, 2)])
def test_a_sample_belongs_to_the_window_that_it_closes(seconds: float, number: int) -> None:
    epoch = datetime(2026, 9, 14, tzinfo=UTC)
    base = int(epoch.timestamp()) // 10
    assert window_ending(epoch + timedelta(seconds=seconds), 10) == base + number


def test_boundaries_are_those_of_utc_and_a_stepped_clock_is_followed() -> None:
    assert next_boundary(at(0), 10) == at(10)
    assert next_boundary(at(9.5), 10) == at(10)
    assert sample_time(at(10), at(10.02), 10) == at(10)
    assert sample_time(at(10), at(9.99), 10) == at(10)
    assert sample_time(at(10), at(3610), 10) == at(3610)
    assert sample_time(at(10), at(-3590), 10) == at(-3590)


async def test_the_metronome_ticks_at_boundaries_until_it_is_stopped() -> None:
    ticks: list[datetime] = []
    twice = asyncio.Event()

    async def tick(now: datetime) -> None:
        ticks.append(now)
        if len(ticks) == 2:
            twice.set()

    metronome = Metronome(tick, utc_now, 1)
    metronome.start()
    metronome.start()
    async with asyncio.timeout(10):
        await twice.wait()
        await metronome.stop()
    assert all(now.microsecond == 0 for now in ticks)
    assert ticks[1] - ticks[0] >= timedelta(seconds=1)


async def test_an_empty_room_leaves_no_row(db: Database, tmp_path: Path) -> None:
    attendance = service(db, tmp_path, Rooms())
    await attendance.handle(changed(Event.OPEN, State.SCHEDULED, 0))
    await attendance.tick(at(10))
    assert await windows(attendance) == []
