"""Files over HTTP: checked by a process, corrected, committed whole or not at all, by whom they concern."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.directory.import_jobs import ImportJobs, _Ordered
from signaling.directory.import_process import Reader, ReaderProcess
from signaling.directory.models import ImportJob, School
from tests.support.importing import SCHOOLS, Clerk, InThisProcess, clerk, sheet
from tests.support.platform import Platform, platform

HOME, FOREIGN = "522301", "522302"
BAD = SCHOOLS + "=1+1,清溪小学,兴义市\n2152800003,清溪小学,贵阳市\n"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        made.imports = limited(made)
        await made.imports.start()
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


@pytest.fixture
async def admin(here: Platform, client: TestClient[Any, Any]) -> Clerk:
    return await clerk(here, client)


async def actions(here: Platform) -> list[str]:
    async with here.db.reading() as session:
        return list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.at, AuditEntry.id)))


async def test_a_file_is_checked_shown_and_committed(here: Platform, admin: Clerk) -> None:
    status, begun = await admin.bring("schools", SCHOOLS.encode("gb18030"), "学校.csv")
    assert (status, begun["state"], begun["counts"]["new"]) == (201, "checking", 0)
    job = await admin.ended(begun["id"])
    assert (job["state"], job["source"], job["rows_total"]) == ("checked", "GB18030", 2)
    assert job["counts"] == {"new": 2, "changed": 0, "unchanged": 0, "bad": 0}
    assert (job["file_name"], job["by"]["name"]) == ("学校.csv", "Prefecture_Admin-522300")
    _, page = await admin.call("GET", f"/imports/{job['id']}/changes?action=new")
    assert page["total"] == 2
    assert page["items"][0]["label"] == "2152800001 新岭小学"
    assert {"column": "县（市、区）", "before": None, "after": "兴义市"} in page["items"][0]["fields"]
    assert (await admin.call("GET", "/schools/2152800001"))[0] == 404, "a check writes nothing"
    done = await admin.commit(job)
    assert (done["state"], done["counts"]["new"]) == ("done", 2)
    assert (await admin.call("GET", "/schools/2152800001"))[0] == 200
    again = await admin.taken("schools", SCHOOLS)
    assert again["counts"] == {"new": 0, "changed": 0, "unchanged": 2, "bad": 0}
    told = await actions(here)
    assert (told.count("import.begun"), told.count("import.ordered"), told.count("directory.imported")) == (2, 2, 2)
    _, history = await admin.call("GET", "/imports")
    assert [item["id"] for item in history["items"]] == [again["id"], job["id"]]


async def test_what_would_change_is_told_by_old_and_new(admin: Clerk) -> None:
    await admin.taken("schools", SCHOOLS)
    job = await admin.checked("schools", SCHOOLS.replace("新岭小学", "新岭完全小学"))
    _, page = await admin.call("GET", f"/imports/{job['id']}/changes")
    fields = [{"column": "学校名称", "before": "新岭小学", "after": "新岭完全小学"}]
    assert page["items"] == [{"line": 2, "label": "2152800001 新岭完全小学", "fields": fields}]


async def test_bad_rows_are_told_downloaded_corrected_and_brought_with_the_good_ones(admin: Clerk) -> None:
    job = await admin.checked("schools", BAD)
    assert (job["state"], job["counts"]["bad"]) == ("refused", 2)
    assert (await admin.order(job, "commit"))[1]["code"] == "rows_are_bad"
    _, page = await admin.call("GET", f"/imports/{job['id']}/errors?size=1&page=2")
    assert page["total"] == 2
    assert page["items"][0] == {
        "line": 5,
        "column": "县（市、区）",
        "value": "贵阳市",
        "code": "unknown_county",
        "params": {},
        "reason": "不是本州的县（市、区）名称或代码",
    }
    _, book = await admin.call("GET", f"/imports/{job['id']}/errors.xlsx")
    rows = sheet(book)
    assert rows[0][:2] == ["行号", "学校标识码"]
    assert rows[1][:3] == ["4.0", "=1+1", "清溪小学"]
    assert rows[2][-1].startswith("县（市、区）：不是本州")
    _, text = await admin.call("GET", f"/imports/{job['id']}/errors.csv?encoding=gb18030")
    assert "清溪小学" in text.decode("gb18030")
    assert (await admin.call("GET", f"/imports/{job['id']}/errors.doc"))[0] == 404
    _, raw = await admin.call("GET", f"/imports/{job['id']}/errors.csv")
    mended = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    mended[1][1], mended[2][3] = "2152800004", "兴义市"
    buffer = io.StringIO()
    csv.writer(buffer).writerows(mended)
    second = await admin.checked("schools", buffer.getvalue(), corrects=job["id"])
    assert (second["state"], second["counts"]["new"], second["corrects"]) == ("checked", 4, job["id"])
    assert (await admin.commit(second))["state"] == "done"
    _, found = await admin.call("GET", "/schools?q=2152800")
    assert [item["code"] for item in found["items"]] == ["2152800001", "2152800003", "2152800004"]


async def test_a_correction_is_told_by_the_lines_of_the_first_file(admin: Clerk) -> None:
    job = await admin.checked("schools", BAD)
    again = "行号,学校标识码,学校名称,县\n4,2152800001,清溪小学,兴义市\n5,2152800003,清溪小学,贵阳市\n"
    second = await admin.checked("schools", again, corrects=job["id"])
    _, page = await admin.call("GET", f"/imports/{second['id']}/errors")
    assert [(one["line"], one["code"], one["params"]) for one in page["items"]] == [
        (4, "duplicate", {"other": 2}),
        (5, "unknown_county", {}),
    ]
    assert (await admin.bring("classes", again, corrects=job["id"]))[1]["code"] == "bad_correction"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\xd0\xcf\x11\xe0 old", "file_unreadable"),
        ("学校名称,县\n甲,乙\n".encode(), "columns_missing"),
    ],
)
async def test_a_file_that_is_no_table_is_refused_with_its_reason(admin: Clerk, data: bytes, code: str) -> None:
    job = await admin.checked("schools", data)
    assert (job["state"], job["failure"]["code"]) == ("refused", code)
    assert (await admin.order(job, "commit"))[0] == 409


async def test_a_county_unit_imports_for_itself_and_learns_nothing_of_others(
    here: Platform, client: TestClient[Any, Any], admin: Clerk
) -> None:
    await admin.taken("schools", SCHOOLS)
    county = await clerk(here, client, Role.COUNTY_ADMIN, HOME)
    rows = (
        "学校标识码,学校名称,县\n2152800001,新岭小学,兴义市\n2152800005,甲小学,兴仁市\n"
        "3152800002,抢来中学,兴义市\n3152800009,新中学,兴义市\n"
    )
    job = await county.checked("schools", rows)
    _, page = await county.call("GET", f"/imports/{job['id']}/errors")
    assert [(one["line"], one["code"]) for one in page["items"]] == [(3, "foreign_county"), (4, "code_not_yours")]
    foreign = next(school for school in here.schools if school.region_code == FOREIGN)
    teachers = f"学校标识码,工号,姓名\n{foreign.code},1,甲老师\n2152999999,1,乙老师\n2152800001,1,丙老师\n"
    job = await county.checked("teachers", teachers)
    _, page = await county.call("GET", f"/imports/{job['id']}/errors")
    assert [(one["line"], one["code"]) for one in page["items"]] == [(2, "unknown_school"), (3, "unknown_school")]
    assert page["items"][0]["reason"] == page["items"][1]["reason"]


async def test_a_school_imports_its_own_classes_and_no_schools(
    here: Platform, client: TestClient[Any, Any], admin: Clerk
) -> None:
    own, other = here.schools[0], here.schools[1]
    school = await clerk(here, client, Role.SCHOOL_ADMIN, own.code)
    assert (await school.bring("schools", SCHOOLS))[1]["code"] == "forbidden"
    rows = f"学校标识码,班级,人数\n{own.code},2025级9班,40\n{other.code},2025级9班,40\n"
    job = await school.checked("classes", rows)
    _, page = await school.call("GET", f"/imports/{job['id']}/errors")
    assert [(one["line"], one["code"]) for one in page["items"]] == [(3, "unknown_school")]
    mine = await school.taken("classes", rows.rsplit("\n", 2)[0])
    assert (mine["state"], mine["node"]["name"]) == ("done", own.name)
    elsewhere = await admin.checked("classes", rows)
    assert (await school.call("GET", f"/imports/{elsewhere['id']}"))[0] == 404
    assert [item["id"] for item in (await school.call("GET", "/imports"))[1]["items"]] == [mine["id"], job["id"]]
    auditor = await clerk(here, client, Role.AUDITOR)
    assert (await auditor.call("GET", "/imports"))[0] == 403


async def test_a_directory_that_changed_since_the_check_is_checked_again(admin: Clerk) -> None:
    job = await admin.checked("schools", SCHOOLS)
    await admin.taken("schools", SCHOOLS.replace("新岭小学", "别名小学"))
    status, answer = await admin.order(job, "commit")
    assert (status, answer["code"]) == (409, "directory_changed")
    assert (await admin.order(job, "check"))[0] == 202
    again = await admin.ended(job["id"])
    assert again["counts"] == {"new": 0, "changed": 1, "unchanged": 1, "bad": 0}
    assert (await admin.commit(again))["state"] == "done"


async def test_a_directory_that_changes_behind_the_back_of_a_commit_ends_it(here: Platform, admin: Clerk) -> None:
    job = await admin.checked("schools", SCHOOLS)
    async with here.db.writing() as session:
        (await session.get_one(ImportJob, job["id"])).stamp = "another"
    row = await here.import_table.order(job["id"], job["version"], "commit", "somebody")
    here.imports._put(_Ordered(row, "commit", "somebody"))
    failed = await admin.ended(job["id"])
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "directory_changed")
    assert (await admin.call("GET", "/schools/2152800001"))[0] == 404


async def test_orders_name_the_version_that_was_looked_at(admin: Clerk) -> None:
    job = await admin.checked("schools", SCHOOLS)
    assert (await admin.call("POST", f"/imports/{job['id']}/commit"))[0] == 428
    assert (await admin.call("DELETE", f"/imports/{job['id']}"))[0] == 428
    stale = job | {"version": job["version"] - 1}
    assert (await admin.order(stale, "commit"))[1]["code"] == "changed_meanwhile"
    done = await admin.commit(job)
    assert (await admin.order(done, "commit"))[1]["code"] == "illegal_import"
    assert (await admin.order(done, "check"))[1]["code"] == "illegal_import"


async def test_what_is_thrown_away_is_gone_with_its_file(here: Platform, admin: Clerk) -> None:
    job = await admin.checked("schools", BAD)
    folder = here.folder / "imports" / job["id"]
    assert (folder / "file").read_text() == BAD
    assert (await admin.call("DELETE", f"/imports/{job['id']}", If_Match=f'"{job["version"]}"'))[0] == 204
    assert not folder.exists()
    assert (await admin.call("GET", f"/imports/{job['id']}"))[0] == 404


async def test_a_process_reads_commits_and_ends_when_its_file_is_thrown_away(tmp_path: Path) -> None:
    async with platform(tmp_path) as here:
        here.imports = limited(here, ReaderProcess())
        await here.imports.start()
        async with here.client() as client:
            admin = await clerk(here, client)
            _, job = await admin.bring("schools", SCHOOLS)
            assert (await admin.call("DELETE", f"/imports/{job['id']}", If_Match='"1"'))[0] == 204
            await here.imports.settled()
            assert (await admin.call("GET", f"/imports/{job['id']}"))[0] == 404
            assert (await admin.taken("schools", SCHOOLS))["state"] == "done", "the next one is not disturbed"


async def test_what_a_restart_interrupts_is_failed_and_not_written_later(here: Platform, admin: Clerk) -> None:
    job = await admin.checked("schools", SCHOOLS)
    await here.import_table.order(job["id"], job["version"], "commit", "somebody")
    await here.imports.stop()
    await here.imports.start()
    failed = await admin.ended(job["id"])
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "interrupted")
    scope = await here.directory.scope("522300")
    with pytest.raises(Exception, match="not being committed"):
        await here.importing.commit(job["id"], [], scope, "late")
    assert (await admin.call("GET", "/schools/2152800001"))[0] == 404
    assert (await admin.order(failed, "check"))[0] == 202
    assert (await admin.ended(job["id"]))["state"] == "checked"


def limited(here: Platform, reader: Reader | None = None, **changes: Any) -> ImportJobs:
    """Imports with other limits, read in this process unless told."""
    settings = here.settings.imports.model_copy(update=changes)
    return ImportJobs(here.import_table, settings, here.folder, here.today, reader=reader or InThisProcess())


async def test_files_are_bounded_in_size_and_number(tmp_path: Path) -> None:
    async with platform(tmp_path) as here:
        here.imports = limited(here, max_file_bytes=100, waiting=2)
        await here.imports.start()
        async with here.client() as client:
            admin = await clerk(here, client)
            status, answer = await admin.bring("schools", b"x" * 101)
            assert (status, answer["code"]) == (413, "file_too_large")
            assert list((tmp_path / "imports").iterdir()) == []
            statuses = await asyncio.gather(*(admin.bring("schools", b"x" * 50) for _ in range(6)))
            codes = sorted((status, answer.get("code", "")) for status, answer in statuses)
            assert codes[0] == (201, "")
            assert codes[-1] == (429, "imports_busy")


async def test_old_imports_are_forgotten_with_their_files(tmp_path: Path) -> None:
    async with platform(tmp_path) as here:
        here.imports = limited(here, kept=2)
        await here.imports.start()
        async with here.client() as client:
            admin = await clerk(here, client)
            ids = [(await admin.checked("schools", SCHOOLS))["id"] for _ in range(4)]
            _, page = await admin.call("GET", "/imports")
            assert [item["id"] for item in page["items"]] == ids[:0:-1]
            assert {path.name for path in (tmp_path / "imports").iterdir()} == set(ids[1:])


async def test_a_process_that_may_take_too_little_memory_refuses_the_file(tmp_path: Path) -> None:
    async with platform(tmp_path) as here:
        here.imports = limited(here, ReaderProcess(), memory_bytes=60_000_000)
        await here.imports.start()
        async with here.client() as client:
            admin = await clerk(here, client)
            job = await admin.checked("schools", SCHOOLS)
            assert job["state"] in {"refused", "failed"}
            async with here.db.reading() as session:
                assert await session.get(School, "2152800001") is None


@pytest.mark.parametrize("kind", ["schools", "classes", "teachers"])
async def test_templates_are_downloaded_and_taken(here: Platform, client: TestClient[Any, Any], kind: str) -> None:
    county = await clerk(here, client, Role.COUNTY_ADMIN, HOME)
    status, book = await county.call("GET", f"/imports/templates/{kind}.xlsx")
    assert status == 200
    assert sheet(book)[0][0] == "学校标识码*"
    assert (await county.checked(kind, book))["failure"]["code"] == "file_empty"
    assert (await county.call("GET", f"/imports/templates/{kind}.csv"))[0] == 404
    assert (await county.call("GET", "/imports/templates/pupils.xlsx"))[0] == 404
