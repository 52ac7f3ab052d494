"""Exports of a term that are given again: the same as-of time gives the same check sum, whatever changes afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from signaling.attendance.tables import Column, Kind, Table
from signaling.coverage.frozen import Key, digest, pack, unpack
from signaling.coverage.frozen_service import FrozenService, TooMany
from signaling.coverage.models import HomeView, TrainingMark
from signaling.coverage.training import Action
from signaling.db.base import uuid7
from signaling.directory.models import School, SchoolClass, Teacher
from tests.support.platform import NOON
from tests.support.terms import AWAY, CODES, HOME, TERM, TermStage, term_stage

FULL = (("qualified", 40), ("qualified", 38))
TABLE = Table(
    "05", "表", [Column("名称", Kind.TEXT, 12), Column("比例", Kind.PERCENT)], [("一校", 0.6666), ("二校", None)]
)
KEY = Key(TERM, HOME, "05", "school")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TermStage]:
    async with term_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: TermStage) -> AsyncIterator[TestClient[Any, Any]]:
    async with stage.house.client() as made:
        yield made


@dataclass(frozen=True)
class Export:
    checksum: str
    as_of: str
    body: bytes


async def export(
    client: TestClient[Any, Any], headers: dict[str, str], name: str, as_of: str = "", **more: str
) -> Export:
    query = "&".join(f"{key}={value}" for key, value in more.items())
    then = f"&as_of={quote(as_of)}" if as_of else ""
    url = f"/api/v1/coverage/exports/{name}?term={TERM}{then}&{query}".rstrip("&")
    async with client.get(url, headers=headers) as response:
        assert response.status == 200, await response.text()
        told = response.headers
        return Export(told["X-Report-Checksum"], told["X-Report-As-Of"], await response.read())


async def everything(client: TestClient[Any, Any], headers: dict[str, str], as_of: str) -> list[Export]:
    wanted = (("05.csv", {}), ("05.csv", {"level": "school"}), ("06.csv", {}), ("07.csv", {}))
    return [await export(client, headers, name, as_of, **more) for name, more in wanted]


async def held(stage: TermStage) -> dict[str, str]:
    """Hold a lecture of each kind, with results of all schools; return their ids."""
    lectures = {kind: await stage.held(kind, f"{kind} 甲") for kind in ("pupils", "teachers", "parents")}
    for lecture in lectures.values():
        for code in CODES:
            stage.tell(lecture, code, *FULL)
    return lectures


async def change_everything(stage: TermStage, lectures: dict[str, str], at: datetime) -> None:
    """Change sizes, names, staff, results, marks, homes, and hold another lecture."""
    house = stage.house
    async with house.db.writing() as session:
        (await session.get_one(SchoolClass, stage.classes[CODES[0]][0].id)).pupils = 55
        school = await session.get_one(School, CODES[0])
        school.name = "新名学校"
        (await session.get_one(Teacher, stage.teachers[CODES[0]][0].id)).name = "改名教师"
        session.add(Teacher(school_code=CODES[0], staff_no="A9", name="新来教师"))
        session.add(
            TrainingMark(
                key="k",
                lecture_id=lectures["teachers"],
                school_code=CODES[0],
                teacher_id=stage.teachers[CODES[0]][1].id,
                class_id=stage.classes[CODES[0]][0].id,
                action=Action.TICKED,
                at=at,
            )
        )
        made = stage.classes[CODES[0]][1].id
        session.add_all(
            HomeView(lecture_id=lectures["parents"], class_id=made, household=f"h{n}", at=at) for n in range(9)
        )
    stage.tell(lectures["pupils"], CODES[0], ("absent", None), ("absent", None), at=at)
    stage.tell(lectures["parents"], CODES[0], ("qualified", 3), ("absent", None), at=at)
    later = await stage.held("pupils", "又一场", at)
    stage.tell(later, CODES[1], *FULL, at=at)


async def test_an_export_is_given_again_after_everything_has_changed(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lectures, who = await held(stage), stage.tokens["prefecture"]
    then = (stage.house.wall() - timedelta(minutes=1)).isoformat()
    before = await everything(client, who, then)
    assert {one.as_of for one in before} == {then}
    await change_everything(stage, lectures, stage.house.wall())
    assert await everything(client, who, then) == before
    for old, new in zip(before, await everything(client, who, ""), strict=True):
        assert (old.checksum != new.checksum, old.as_of < new.as_of) == (True, True)
    workbook = await export(client, who, "06.xlsx", then)
    assert workbook.checksum == before[2].checksum


async def test_an_export_of_now_is_given_again_by_the_time_that_it_told(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lectures, who = await held(stage), stage.tokens["county"]
    now = [await export(client, who, name) for name in ("05.csv", "06.csv", "07.csv")]
    await change_everything(stage, lectures, stage.house.wall())
    after = [await export(client, who, name) for name in ("05.csv", "06.csv", "07.csv")]
    for name, old, new in zip(("05.csv", "06.csv", "07.csv"), now, after, strict=True):
        assert old.checksum != new.checksum, name
        assert await export(client, who, name, old.as_of) == old
        assert await export(client, who, name, new.as_of) == new


async def test_what_was_recorded_later_is_left_out_of_an_earlier_time(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    who, now = stage.tokens["prefecture"], stage.house.wall()
    lecture = await stage.held("pupils", "珍爱生命")
    stage.tell(lecture, CODES[0], ("absent", None), ("absent", None), at=now - timedelta(hours=3))
    stage.tell(lecture, CODES[0], *FULL, at=now - timedelta(hours=1))
    sums = []
    for hours in (4, 2, 0):
        made = await export(client, who, "05.csv", (now - timedelta(hours=hours)).isoformat(), level="school")
        first = made.body.decode("utf-8-sig").splitlines()[1].split(",")
        sums.append((first[4], first[5]))
    assert sums == [("2", "0"), ("2", "0"), ("2", "2")]


async def test_what_lies_ahead_is_now(stage: TermStage, client: TestClient[Any, Any]) -> None:
    made = await export(client, stage.tokens["county"], "05.csv", (stage.house.wall() + timedelta(days=9)).isoformat())
    assert datetime.fromisoformat(made.as_of) <= stage.house.wall() + timedelta(seconds=1)


async def test_exports_are_listed_for_those_who_may_have_them(stage: TermStage, client: TestClient[Any, Any]) -> None:
    made = [await export(client, stage.tokens["prefecture"], name) for name in ("05.csv", "06.csv")]
    await export(client, stage.tokens["county"], "07.csv")

    async def listed(name: str, query: str = "") -> Any:
        async with client.get(f"/api/v1/coverage/exports?term={TERM}{query}", headers=stage.tokens[name]) as response:
            return (await response.json())["items"] if response.status == 200 else response.status

    rows = await listed("prefecture")
    assert [(row["number"], row["checksum"]) for row in rows] == [("06", made[1].checksum), ("05", made[0].checksum)]
    assert {row["by"] for row in rows} == {"Prefecture"}
    assert [row["number"] for row in await listed("auditor")] == ["05"]
    assert [row["number"] for row in await listed("county")] == ["07"]
    assert (await listed("school"), await listed("county", f"&node={AWAY}")) == ([], 404)
    assert await listed("operator") == 403


async def test_more_exports_than_are_kept_a_day_are_refused(stage: TermStage) -> None:
    service = FrozenService(stage.house.db, 2, stage.house.wall)
    for minutes in (1, 2):
        await service.keep(KEY, TABLE, (), 1, NOON + timedelta(minutes=minutes), "u")
    with pytest.raises(TooMany):
        await service.keep(KEY, TABLE, (), 1, NOON + timedelta(minutes=3), "u")
    tomorrow = FrozenService(stage.house.db, 2, lambda: stage.house.wall() + timedelta(days=1, seconds=1))
    await tomorrow.keep(KEY, TABLE, (), 1, NOON + timedelta(minutes=3), "u")
    async with stage.house.db.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM coverage_tables")) == 1  # the same content is there once


async def test_two_who_export_at_once_get_the_same(stage: TermStage) -> None:
    service = FrozenService(stage.house.db, 9, stage.house.wall)
    other = Table("05", "表", TABLE.columns, [("另一个", 0.5)])
    both = await asyncio.gather(*(service.keep(KEY, one, (), 1, NOON, "u") for one in (TABLE, other)))
    assert both[0].checksum == both[1].checksum
    found = await service.find(KEY, NOON)
    assert found is not None
    assert found.checksum == both[0].checksum


async def test_what_was_exported_cannot_be_changed(stage: TermStage) -> None:
    await FrozenService(stage.house.db, 9, stage.house.wall).keep(KEY, TABLE, (), 1, NOON, uuid7())
    for sql in (
        "UPDATE coverage_exports SET checksum = 'x'",
        "DELETE FROM coverage_exports",
        "DELETE FROM coverage_tables",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with stage.house.db.writing() as session:
                await session.execute(text(sql))


def test_a_table_is_the_same_after_packing() -> None:
    packed = pack(TABLE)
    assert [list(row) for row in unpack(packed).rows] == [list(row) for row in TABLE.rows]
    assert list(unpack(packed).columns) == list(TABLE.columns)
    assert digest(packed) == digest(pack(unpack(packed)))
