"""The coverage of a term over HTTP: who sees what, what it is made of, the exports."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from python_calamine import CalamineWorkbook

from signaling.coverage.models import HomeView
from signaling.coverage.obligations import load_obligations
from signaling.coverage.service import CoverageService
from signaling.directory.models import School, SchoolClass
from signaling.directory.terms import Span
from tests.support.platform import NOON
from tests.support.terms import AWAY, CODES, HOME, TERM, TermStage, term_stage

FULL = (("qualified", 40), ("qualified", 38))
HALF = (("unconfirmed", None), ("absent", None))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TermStage]:
    async with term_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: TermStage) -> AsyncIterator[TestClient[Any, Any]]:
    async with stage.house.client() as made:
        yield made


async def read(client: TestClient[Any, Any], headers: dict[str, str], query: str = "") -> Any:
    async with client.get(f"/api/v1/coverage{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def lines(client: TestClient[Any, Any], headers: dict[str, str], name: str, query: str = "") -> list[list[str]]:
    async with client.get(f"/api/v1/coverage/exports/{name}{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"), newline="")))


async def lessons(stage: TermStage) -> str:
    lecture = await stage.held("pupils", "珍爱生命")
    stage.tell(lecture, CODES[0], *FULL)
    stage.tell(lecture, CODES[1], *HALF)
    stage.tell(lecture, CODES[2], *FULL)
    return lecture


async def test_a_term_is_counted_from_class_to_prefecture(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await lessons(stage)
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}")
    assert document["unit"]["level"] == "prefecture"
    assert document["cells"]["lessons"] == {"done": 2, "of": 3, "ratio": 2 / 3, "state": "part", "lenient": False}
    assert document["cells"]["pupils"] | {"ratio": None} == {
        "done": 156, "of": 240, "ratio": None, "state": "part", "lenient": False,
    }  # fmt: skip
    assert document["cells"]["teachers"]["of"] == 9
    home = next(item for item in document["items"] if item["code"] == HOME)
    assert (home["totals"]["schools"], home["totals"]["done_lessons"], home["totals"]["present"]) == (2, 1, 78)
    for key, value in document["totals"].items():
        assert value == sum(item["totals"][key] for item in document["items"]), key
    assert document["rules"]["enabled"] == {"pupils": True, "teachers": True, "parents": True, "assessment": True}
    assert [(one["title"], one["classes"], one["credited"], one["present"]) for one in document["lectures"]] == [
        ("珍爱生命", 6, 5, 156)
    ]
    school = await read(client, stage.tokens["prefecture"], f"?term={TERM}&node={CODES[1]}")
    assert [(one["state"], one["present"], one["pupils"]) for one in school["classes"]] == [
        ("done", 0, 40),
        ("open", 0, 40),
    ]


@pytest.mark.parametrize(
    ("name", "level", "schools", "foreign"),
    [("county", "county", 2, AWAY), ("school", "school", 1, CODES[1]), ("auditor", "prefecture", 3, "")],
)
async def test_a_node_sees_itself(
    stage: TermStage, client: TestClient[Any, Any], name: str, level: str, schools: int, foreign: str
) -> None:
    await lessons(stage)
    document = await read(client, stage.tokens[name], f"?term={TERM}")
    assert (document["unit"]["level"], document["totals"]["schools"]) == (level, schools)
    if foreign:
        async with client.get(f"/api/v1/coverage?node={foreign}", headers=stage.tokens[name]) as response:
            assert response.status == 404
        async with client.get(
            f"/api/v1/coverage/exports/05.csv?node={foreign}", headers=stage.tokens[name]
        ) as response:
            assert response.status == 404


async def test_strangers_and_operators_see_nothing(stage: TermStage, client: TestClient[Any, Any]) -> None:
    async with client.get("/api/v1/coverage") as response:
        assert response.status == 401
    async with client.get("/api/v1/coverage", headers=stage.tokens["operator"]) as response:
        assert response.status == 403


async def test_only_lectures_that_count_and_lie_in_the_term_do(stage: TermStage, client: TestClient[Any, Any]) -> None:
    other = await stage.held("pupils", "不计入", counts=False)
    early = await stage.held("pupils", "上学期", NOON - timedelta(days=90))
    for lecture in (other, early):
        stage.tell(lecture, CODES[0], *FULL)
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}")
    assert (document["totals"]["classes_done"], document["lectures"]) == (0, [])


async def test_a_county_units_own_calendar_decides(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture = await stage.held("pupils", "早场", NOON - timedelta(days=1))
    for code in CODES:
        stage.tell(lecture, code, *FULL)
    later = Span(NOON.date(), NOON.date() + timedelta(days=100))
    await stage.house.terms.put(AWAY, TERM, later, None, "test")
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}")
    done = {item["code"]: item["totals"]["classes_done"] for item in document["items"]}
    assert (done[HOME], done[AWAY]) == (4, 0)


async def test_an_unknown_term_or_level_is_told(stage: TermStage, client: TestClient[Any, Any]) -> None:
    for query, status in (("?term=1999-2000-1", 404), ("?term=x", 400), (f"?node={CODES[0]}&level=county", 400)):
        async with client.get(f"/api/v1/coverage{query}", headers=stage.tokens["prefecture"]) as response:
            assert response.status == status, query


async def test_what_did_not_change_is_not_counted_again(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture = await lessons(stage)
    for _ in range(3):
        await read(client, stage.tokens["prefecture"], f"?term={TERM}")
    assert stage.house.results.asked == 1
    stage.tell(lecture, CODES[1], *FULL)
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}")
    assert (document["cells"]["lessons"]["done"], stage.house.results.asked) == (3, 2)
    async with stage.house.db.writing() as session:
        made = await session.get_one(SchoolClass, stage.classes[CODES[0]][0].id)
        made.closed_on = date(2026, 1, 1)
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}&node={CODES[0]}")
    assert len(document["classes"]) == 2  # the frozen list of the lecture decides


async def test_a_long_count_stands_for_a_while(stage: TermStage) -> None:
    times = iter((0.0, 3.0, 10.0, 33.0, 33.0, 33.1))  # begun, done; too early; late enough, begun, done

    def monotonic() -> float:
        return next(times)

    house, lecture = stage.house, await lessons(stage)
    zone = timezone(timedelta(hours=8))
    service = CoverageService(house.db, house.results, load_obligations(1), house.today, zone, house.wall, monotonic)
    seen = []
    for _ in range(3):
        counted = await service.term(TERM)
        assert counted is not None
        seen.append(counted.by_code[CODES[1]].totals.classes_done)
        stage.tell(lecture, CODES[1], *FULL)
    assert seen == [1, 1, 2]


async def test_a_closed_school_and_a_class_without_a_roll_stay(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture = await stage.held("pupils", "首场")
    stage.tell(lecture, CODES[1], *FULL)
    async with stage.house.db.writing() as session:
        school = await session.get_one(School, CODES[1])
        school.closed_on, school.successor_code = NOON.date(), CODES[0]
        made = await session.get_one(SchoolClass, stage.classes[CODES[2]][0].id)
        made.pupils = 0
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}&level=school")
    schools = {item["code"]: item for item in document["items"]}
    assert schools[CODES[1]]["notes"] == ["merged"]
    assert schools[CODES[1]]["totals"]["present"] == 78
    assert (schools[CODES[2]]["totals"]["pupils"], schools[CODES[2]]["totals"]["classes_unrolled"]) == (80, 1)


async def test_schools_can_be_narrowed_to_what_they_lack(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await lessons(stage)
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}&level=school&lacks=lessons")
    assert [item["code"] for item in document["items"]] == [CODES[1]]
    document = await read(client, stage.tokens["prefecture"], f"?term={TERM}&level=school&size=1&page=2")
    assert ([item["code"] for item in document["items"]], document["total"]) == ([CODES[1]], 3)


async def test_homes_lift_the_parents(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture = await stage.held("parents", "家长课堂")
    stage.tell(lecture, CODES[0], ("qualified", 12), ("absent", None))
    made = stage.classes[CODES[0]][1]
    async with stage.house.db.writing() as session:
        session.add_all(HomeView(lecture_id=lecture, class_id=made.id, household=f"h{n}", at=NOON) for n in range(25))
    document = await read(client, stage.tokens["school"], f"?term={TERM}")
    assert (document["cells"]["parents"]["done"], document["cells"]["parents"]["of"]) == (37, 80)
    assert document["totals"]["parents_classes_done"] == 1
    rows = await lines(client, stage.tokens["school"], "07.csv", f"?term={TERM}")
    assert [row[2:] for row in rows[1:]] == [
        ["二(1)班", "家长课堂", "家长会", "12", "40", "30.00%", ""],
        ["二(2)班", "家长课堂", "家长会", "0", "40", "0.00%", ""],
        ["二(2)班", "家长课堂", "线上", "25", "40", "62.50%", ""],
    ]


async def test_the_matrix_is_exported_with_its_note(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await lessons(stage)
    rows = await lines(client, stage.tokens["prefecture"], "05.csv", f"?term={TERM}")
    head, total = rows[0], rows[-1]
    assert head[4:7] == ["学校课程应完成", "学校课程已完成", "学校课程比例"]
    cells = dict(zip(head, total, strict=True))
    assert (cells["学校课程应完成"], cells["学校课程已完成"], cells["学校课程比例"]) == ("3", "2", "66.66%")
    assert (cells["学生考核应完成"], cells["学生考核已完成"], cells["学生考核比例"]) == ("6", "0", "0.00%")
    assert (cells["家长调查比例"], cells["四个全覆盖"]) == ("未启用", "0/3")
    for column in ("学校课程应完成", "学校课程已完成", "学生课程应完成", "学生课程已完成", "教师培训应完成"):
        at = head.index(column)
        assert sum(int(row[at]) for row in rows[1:-1]) == int(total[at]), column
    url = f"/api/v1/coverage/exports/05.xlsx?term={TERM}&level=school"
    async with client.get(url, headers=stage.tokens["prefecture"]) as response:
        book = CalamineWorkbook.from_filelike(io.BytesIO(await response.read()))
        told = response.headers["X-Report-Checksum"]
    note = dict(row[:2] for row in book.get_sheet_by_name("说明").to_python())
    assert (note["校验码"], note["口径版本"], note["学期"]) == (told, "3（学期任务第3版）", TERM)
    assert [row[1] for row in book.get_sheet_by_index(0).to_python()[1:-1]] == list(CODES)


async def test_names_of_staff_need_the_right_to_see_them(stage: TermStage, client: TestClient[Any, Any]) -> None:
    async with client.get("/api/v1/coverage/exports/06.csv", headers=stage.tokens["auditor"]) as response:
        assert response.status == 403
    rows = await lines(client, stage.tokens["school"], "06.csv", f"?term={TERM}")
    assert [row[3] for row in rows[1:]] == ["A0", "A1", "A2"]
    assert {row[-1] for row in rows[1:]} == {"未参加"}
    assert len(await lines(client, stage.tokens["county"], "06.csv", f"?term={TERM}")) == 7


@pytest.mark.parametrize("name", ["01.csv", "08.csv", "05.pdf", "x"])
async def test_other_tables_are_not_here(stage: TermStage, client: TestClient[Any, Any], name: str) -> None:
    async with client.get(f"/api/v1/coverage/exports/{name}", headers=stage.tokens["prefecture"]) as response:
        assert response.status == 404
