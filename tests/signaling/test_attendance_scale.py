"""A whole prefecture: 15,600 classes in 1,675 schools, 45 minutes. Sizes are asserted, timings are printed."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signaling.attendance.api import note
from signaling.attendance.exports import to_csv, to_xlsx
from signaling.attendance.report import LectureReport
from signaling.attendance.service import AttendanceService
from signaling.attendance.tables import TABLES
from signaling.db.engine import Database
from signaling.ledger.events import Subject
from signaling.ledger.facts import Joined
from tests.support.prefecture_lecture import FIRST, windows
from tests.support.roll import (
    BROADCAST,
    COUNTIES,
    EVERYTHING,
    LECTURE,
    ZONE,
    Rooms,
    at,
    book,
    database,
    populate,
    service,
)

SCREENS, SCHOOLS, WINDOWS = 15_600, 1_675, 270
LIMIT = 10_000_000
LIVE = Subject(LECTURE, BROADCAST)


def schools(count: int, classes: int) -> list[tuple[str, str, str, int]]:
    """Return schools of (code, region, name, classes), the classes shared out evenly."""
    share = [classes // count + (n < classes % count) for n in range(count)]
    return [(f"2152{n:06}", COUNTIES[n % 3][0], f"第{n}小学", size) for n, size in enumerate(share)]


async def fill(
    folder: Path, school_count: int, screen_count: int, window_count: int
) -> tuple[Database, AttendanceService]:
    db = await database(folder)
    roll = schools(school_count, screen_count)
    await populate(db, roll)
    screens = [f"screen-{code}-{number}" for code, _, _, size in roll for number in range(1, size + 1)]
    attendance = service(db, folder, Rooms(), store_seconds=120)
    came = [Joined(s, s, None, at(-60 + n % 50), "boot-1") for n, s in enumerate(screens)]
    await book(attendance).record(LIVE, *came)
    for window in windows(np.random.default_rng(7), screens, window_count):
        await book(attendance).record(LIVE, window)
    return db, attendance


def bytes_of(path: Path, *tables: str) -> int:
    """Return the bytes that tables and their indexes take in the database file."""
    connection = sqlite3.connect(path)
    try:
        names = [
            name
            for table in tables
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0", [table]
            )
        ]
        try:
            query = "SELECT sum(pgsize) FROM dbstat WHERE name = ?"
            return sum(connection.execute(query, [name]).fetchone()[0] or 0 for name in names)
        except sqlite3.OperationalError:  # this SQLite was built without dbstat
            data = "SELECT sum(length(body) + 400) FROM ledger_entries"
            return int(connection.execute(data).fetchone()[0])
    finally:
        connection.close()


def export_all(made: LectureReport) -> dict[str, int]:
    sizes = {}
    for number, make in TABLES.items():
        table = make(made.report, made.unit, ZONE)
        sizes[f"{number}.xlsx"] = len(to_xlsx(table, note(made, table, "制表人", ZONE)))
        sizes[f"{number}.csv"] = len(to_csv(table))
    return sizes


async def test_figures_of_a_small_prefecture_agree_in_every_export(tmp_path: Path) -> None:
    db, attendance = await fill(tmp_path, 40, 400, 30)
    made = await attendance.report(LECTURE, EVERYTHING, "522300")
    assert made is not None
    tables = {number: make(made.report, made.unit, ZONE) for number, make in TABLES.items()}
    assert len(tables["02"].rows) == 40
    assert len(tables["03"].rows) == 400
    expected = [column.header for column in tables["01"].columns].index("应播班级数")
    assert tables["01"].rows[-1][expected] == sum(int(row[4] or 0) for row in tables["02"].rows) == 400
    share = made.report.total.delivered_ms / made.report.on_air_ms / 400
    assert 0.94 < share < 0.99  # those who came and went, and the reports that the end cut off
    assert set(export_all(made)) == {f"{number}.{kind}" for number in ("01", "02", "03") for kind in ("xlsx", "csv")}
    await db.close()


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_figures_of_the_whole_prefecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.perf_counter()
    db, attendance = await fill(tmp_path, SCHOOLS, SCREENS, WINDOWS - 1)
    filled = time.perf_counter()
    recount = time.process_time()
    assert await attendance.reports.states(LECTURE, EVERYTHING) is not None
    recount = time.process_time() - recount
    screens = [f"screen-{c}-{n}" for c, _, _, size in schools(SCHOOLS, SCREENS) for n in range(1, size + 1)]
    (last,) = windows(np.random.default_rng(7), screens, 1)
    await book(attendance).record(LIVE, replace(last, window_no=FIRST + WINDOWS - 1))
    instant = time.process_time()
    levels = await attendance.reports.reached(LECTURE)
    instant = time.process_time() - instant
    assert levels is not None
    assert len(levels) == SCREENS
    summed = time.process_time()
    states = await attendance.reports.states(LECTURE, EVERYTHING)
    summed = time.process_time() - summed
    assert states is not None
    assert len(states) == SCREENS
    asked = time.perf_counter()
    made = await attendance.report(LECTURE, EVERYTHING, "522300")
    assert made is not None
    folded = time.perf_counter()
    sizes = export_all(made)
    exported = time.perf_counter()
    await db.close()
    path = tmp_path / "jiangtang.db"
    stored = bytes_of(path, "ledger_entries")
    with capsys.disabled():
        print(f"\nwrite {(filled - started) / WINDOWS * 1000:.0f} ms a window; {stored / 1e6:.1f} MB;")
        print(
            f"CPU: recount {recount:.2f} s, after another window: "
            f"levels of all classes {instant * 1000:.0f} ms, their sums {summed * 1000:.0f} ms more"
        )
        print(f"report {folded - asked:.2f} s, six exports {exported - folded:.2f} s, {sizes}")
    assert stored <= LIMIT
