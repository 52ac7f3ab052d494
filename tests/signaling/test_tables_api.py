"""Exports of the directory: what the list shows, text that stays text, and an import that reads it back."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from signaling.auth.identity import Role
from signaling.directory.class_names import ClassKey
from signaling.directory.codes import JUNIOR, KINDERGARTEN, PRIMARY
from signaling.directory.import_jobs import ImportJobs
from signaling.directory.models import School, SchoolClass, Teacher
from tests.support.importing import Clerk, InThisProcess, clerk, sheet
from tests.support.libreoffice import READING_CSV, converted
from tests.support.platform import Platform, platform

HOME = "522301"
PAYLOADS = ("=1+1", "+SUM(A1)", "-2+3", "@cmd|' /C calc'!A0", "＝HYPERLINK(1)", "'quoted", 'say "x", y')


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        settings = made.settings.imports
        made.imports = ImportJobs(made.import_table, settings, made.folder, made.today, reader=InThisProcess())
        await made.imports.start()
        async with made.db.writing() as session:
            staff = [
                {
                    "school_code": made.schools[n % 3].code,
                    "staff_no": f"{n:03}",
                    "name": f"{text}老师",
                    "subject": "语文",
                }
                for n, text in enumerate(PAYLOADS)
            ]
            session.add_all([Teacher(**one) for one in staff])
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


@pytest.fixture
async def admin(here: Platform, client: TestClient[Any, Any]) -> Clerk:
    return await clerk(here, client)


def lines(data: bytes, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(encoding), newline="")))


@pytest.mark.parametrize("kind", ["schools", "classes", "teachers"])
@pytest.mark.parametrize(("ending", "query"), [("xlsx", ""), ("csv", ""), ("csv", "?encoding=gb18030")])
async def test_an_import_reads_back_what_was_exported(admin: Clerk, kind: str, ending: str, query: str) -> None:
    status, data = await admin.call("GET", f"/tables/{kind}.{ending}{query}")
    assert status == 200
    job = await admin.checked(kind, data)
    assert job["state"] == "checked", (await admin.call("GET", f"/imports/{job['id']}/errors"))[1]
    counts = job["counts"]
    assert counts["unchanged"] > 3
    assert counts == {"new": 0, "changed": 0, "unchanged": counts["unchanged"], "bad": 0}
    assert job["source"] == {"xlsx": "XLSX", "csv": "UTF-8 (BOM)"}[ending] if not query else job["source"] == "GB18030"


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
async def test_classes_past_their_last_grade_are_read_back_and_none_is_made_up(
    here: Platform, admin: Clerk, ending: str
) -> None:
    school = here.schools[0]
    past = [ClassKey(2010, stage, 9) for stage in (PRIMARY, JUNIOR, KINDERGARTEN)]
    rows = [
        SchoolClass(
            school_code=school.code,
            code=key.code,
            name=key.name_in(2025),
            entry_year=key.entry_year,
            stage=key.stage,
            number=key.number,
            pupils=40,
        )
        for key in past
    ]
    async with here.db.writing() as session:
        session.add_all(rows)
    status, data = await admin.call("GET", f"/tables/classes.{ending}?school={school.code}")
    assert status == 200
    counts = (await admin.checked("classes", data))["counts"]
    assert counts == {"new": 0, "changed": 0, "unchanged": counts["unchanged"], "bad": 0}
    assert counts["unchanged"] > len(past)
    elsewhere = f"学校标识码,班级名称,班级人数\n{here.schools[1].code},小学2010级（9）班,40\n"
    assert (await admin.checked("classes", elsewhere))["counts"]["bad"] == 1, "a school that never had it"


async def test_an_export_shows_what_the_list_shows(here: Platform, admin: Clerk) -> None:
    _, page = await admin.call("GET", f"/schools?county={HOME}&sort=-pupils&size=200")
    _, data = await admin.call(
        "GET", f"/tables/schools.csv?county={HOME}&sort=-pupils&columns=name,pupils&size=1&page=2"
    )
    rows = lines(data)
    assert rows[0] == ["学校名称", "学生数"]
    assert rows[1:] == [[item["name"], str(item["pupils"])] for item in page["items"]]
    status, answer = await admin.call("GET", "/tables/schools.csv?columns=name,secret")
    assert (status, answer["code"]) == (400, "bad_query")
    assert (await admin.call("GET", "/tables/schools.pdf"))[0] == 404
    _, screens = await admin.call("GET", "/tables/screens.csv")
    assert lines(screens)[0][:3] == ["学校标识码", "学校名称", "县（市、区）"]


async def test_a_workbook_has_its_note_and_codes_as_text(here: Platform, admin: Clerk) -> None:
    _, data = await admin.call("GET", f"/tables/schools.xlsx?county={HOME}")
    assert sheet(data)[1][0] in {school.code for school in here.schools}
    notes = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("说明").to_python()
    told = {str(row[0]): str(row[1]) for row in notes}
    assert told["表名"] == "学校名录"
    assert told["填报单位"] == "黔西南布依族苗族自治州"
    assert told["筛选条件"] == f"county={HOME}"
    assert told["制表人"] == "Prefecture_Admin-522300"


async def test_exports_are_of_ones_own_node(here: Platform, client: TestClient[Any, Any]) -> None:
    own = here.schools[0]
    school = await clerk(here, client, Role.SCHOOL_ADMIN, own.code)
    for kind in ("schools", "classes", "teachers"):
        _, data = await school.call(
            "GET", f"/tables/{kind}.csv?columns={'code' if kind == 'schools' else 'school_code'}"
        )
        assert {row[0] for row in lines(data)[1:]} == {own.code}
    assert (await (await clerk(here, client, Role.OPERATOR)).call("GET", "/tables/schools.csv"))[0] == 403


async def test_a_table_in_parts_is_whole(here: Platform, admin: Clerk) -> None:
    async with here.db.writing() as session:
        session.add_all(
            Teacher(school_code=here.schools[0].code, staff_no=f"P{number:04}", name="某老师") for number in range(1203)
        )
    _, data = await admin.call("GET", "/tables/teachers.csv?columns=staff_no&q=某")
    assert [row[0] for row in lines(data)[1:]] == [f"P{number:04}" for number in range(1203)]


@pytest.mark.server
async def test_libreoffice_sees_no_formula(here: Platform, admin: Clerk, tmp_path: Path) -> None:
    async with here.db.writing() as session:
        await session.execute(update(School).where(School.code == here.schools[0].code).values(name="=1+1"))
    for ending, reading in (("xlsx", ""), ("csv", READING_CSV)):
        _, data = await admin.call("GET", f"/tables/teachers.{ending}")
        file = tmp_path / f"{ending}.{ending}"
        file.write_bytes(data)
        made = await converted(tmp_path, "fods", file, reading=reading)
        flat = (made / f"{ending}.fods").read_text("utf-8")
        assert "table:formula" not in flat
        assert "SUM(A1)老师" in flat
