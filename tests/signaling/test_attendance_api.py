"""The routes of attendance: the caller's node decides what is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from python_calamine import CalamineWorkbook
from sqlalchemy import insert, update

from config.settings import load
from signaling.alerts.models import Alert, AlertStep
from signaling.api import proxy
from signaling.api.errors import problems
from signaling.attendance.api import routes
from signaling.attendance.sheets_service import SheetsService
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.service import AuthService
from signaling.db.engine import Database
from signaling.directory.models import Screen
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access
from signaling.lectures.service import LectureService
from signaling.ledger.models import LedgerEntry
from signaling.live.states import Event, State
from tests.support.roll import LECTURE, Rooms, at, book, changed, damaged, database, joined, populate, service

BASE = f"/api/v1/lectures/{LECTURE}"
PEOPLE = {
    "prefecture": (Role.PREFECTURE_ADMIN, "522300"),
    "county": (Role.COUNTY_ADMIN, "522302"),
    "school": (Role.SCHOOL_ADMIN, "2152230101"),
    "operator": (Role.OPERATOR, "522300"),
    "auditor": (Role.AUDITOR, "522300"),
    "lecturer": (Role.LECTURER, "522300"),
}
SCHOOLS = [("2152230101", "522301", "第一小学", 2), ("3152230201", "522302", "=中学", 1)]
Client = TestClient[web.Request, web.Application]


def who(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer jta_{name}"}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, SCHOOLS)
    yield made
    await made.close()


@pytest.fixture
async def client(db: Database, tmp_path: Path) -> AsyncIterator[Client]:
    """A lecture that was on the air for a minute: one class of three got all of it."""
    auth, directory = AuthService(db, load().auth), DirectoryService(db)
    async with db.writing() as session:
        session.add_all(
            User(id=name, login=name, name=f"用户{name}", password_hash="-", role=role, node=node)
            for name, (role, node) in PEOPLE.items()
        )
    for name in PEOPLE:
        await auth.keep_api_token(f"jta_{name}", name, "test")
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    await attendance.handle(joined("screen-2152230101-1", 0))
    for number in range(6):
        rooms.deliver(1750, 10.0, ("screen-2152230101-1", 1750, 0))
        await attendance.tick(at(10 * number + 10))
    app = web.Application(middlewares=[problems])
    app[proxy.PROXIES] = proxy.Proxies([], "")
    app.add_routes(
        routes(
            attendance,
            SheetsService(db, book(attendance), load().attendance),
            Access(auth, LectureService(db, lambda: at(0).date())),
            directory,
            load().attendance,
        )
    )
    async with TestClient(TestServer(app)) as made:
        yield made
    auth.close()


async def test_the_document_tells_what_each_level_got(client: Client) -> None:
    async with client.get(f"{BASE}/attendance", headers=who("prefecture")) as response:
        assert response.status == 200
        document = await response.json()
    assert document["policy"]["version"] == 2
    assert (document["on_air_seconds"], document["as_of"]) == (60.0, "2026-09-14T02:00:00Z")
    totals = document["totals"]
    assert [totals[key] for key in ("classes", "unconfirmed", "pending", "absent", "schools")] == [3, 1, 1, 2, 2]
    assert [county["display_code"] for county in document["counties"]] == ["522301", "522302", "5223Y1"]
    first = document["classes"][0]
    assert (first["delivered_seconds"], first["label"], first["evidence"]) == (60.0, "待确认", "E2")
    assert first["reason"].startswith("有效收看1分钟")
    assert first["reasons"][-1] == "人数待教师确认（直播结束后24小时内）"
    assert sum(school["classes"] for school in document["schools"]) == len(document["classes"]) == 3


@pytest.mark.parametrize(("name", "classes"), [("prefecture", 3), ("county", 1), ("school", 2)])
async def test_a_node_sees_itself_only(client: Client, name: str, classes: int) -> None:
    async with client.get(f"{BASE}/attendance", headers=who(name)) as response:
        document = await response.json()
    assert (len(document["classes"]), document["totals"]["classes"]) == (classes, classes)
    async with client.get(f"{BASE}/exports/03.csv", headers=who(name)) as response:
        rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"), newline="")))
    assert len(rows) == classes + 1
    async with client.get(f"{BASE}/exports/01.csv", headers=who(name)) as response:
        rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"), newline="")))
    assert rows[-1][2] == "合计"
    assert rows[-1][1] == PEOPLE[name][1]
    assert int(rows[-1][rows[0].index("应播班级数")]) == classes


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("operator", 403, "forbidden"), ("lecturer", 403, "forbidden"), ("nobody", 401, "not_logged_in")],
)
async def test_others_are_refused(client: Client, name: str, status: int, code: str) -> None:
    for path in ("attendance", "bulletin", "exports/01.xlsx", "exports/04.xlsx", "exports/11.csv"):
        async with client.get(f"{BASE}/{path}", headers=who(name)) as response:
            assert (response.status, (await response.json())["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{BASE}/exports/05.xlsx", 501, "not_available"),
        (f"{BASE}/exports/12.csv", 501, "not_available"),
        (f"{BASE}/exports/13.csv", 404, "not_found"),
        (f"{BASE}/exports/00.csv", 404, "not_found"),
        (f"{BASE}/exports/01.pdf", 404, "not_found"),
        (f"{BASE}/exports/1.csv", 404, "not_found"),
        ("/api/v1/lectures/unknown/attendance", 404, "not_found"),
        ("/api/v1/lectures/unknown/exports/01.csv", 404, "not_found"),
    ],
)
async def test_what_is_not_there_says_so(client: Client, path: str, status: int, code: str) -> None:
    async with client.get(path, headers=who("prefecture")) as response:
        assert (response.status, (await response.json())["code"]) == (status, code)


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "11"])
async def test_both_formats_hold_the_same_figures(client: Client, number: str) -> None:
    sums = set()
    for kind in ("xlsx", "csv"):
        async with client.get(f"{BASE}/exports/{number}.{kind}", headers=who("prefecture")) as response:
            assert response.status == 200
            sums.add(response.headers["X-Report-Checksum"])
            body = await response.read()
            header = response.headers["Content-Disposition"]
        assert f'filename="{number}.{kind}"' in header
        assert unquote(header.split("UTF-8''")[1]).endswith(f"_识毒与防毒_20260914.{kind}")
        if kind == "xlsx":
            book = CalamineWorkbook.from_filelike(io.BytesIO(body))
            note = {str(row[0]): row[1] for row in book.get_sheet_by_name("说明").to_python()}
            assert (note["制表人"], note["填报单位"]) == ("用户prefecture", "黔西南州")
            assert str(note["口径版本"]).startswith("2")
            sums.add(str(note["校验码"]))
        else:
            assert body.startswith(b"\xef\xbb\xbf")
    assert len(sums) == 1


async def test_a_name_that_looks_like_a_formula_is_harmless(client: Client) -> None:
    async with client.get(f"{BASE}/exports/02.csv", headers=who("prefecture")) as response:
        assert '"\'=中学"' in (await response.read()).decode("utf-8-sig")


async def test_a_damaged_ledger_says_so(client: Client, db: Database) -> None:
    async with db.writing() as session:
        await session.execute(insert(LedgerEntry).values(damaged(LECTURE)))
    async with client.get(f"{BASE}/attendance", headers=who("prefecture")) as response:
        assert (response.status, (await response.json())["code"]) == (500, "ledger_damaged")


async def test_another_version_of_the_policy_may_be_asked_for(client: Client) -> None:
    async with client.get(f"{BASE}/attendance?policy=1", headers=who("prefecture")) as response:
        document = await response.json()
    assert (document["policy"]["version"], document["classes"][0]["label"]) == (1, "达标(未确认)")
    assert "flags" not in document["classes"][0]
    async with client.get(f"{BASE}/exports/03.csv?policy=1", headers=who("prefecture")) as response:
        assert response.headers["X-Report-Policy"] == "1"
        assert "待核" not in (await response.read()).decode("utf-8-sig")
    for query, code in (("policy=9", "unknown_policy"), ("policy=x", "bad_query"), ("as_of=2026-09-14", "bad_query")):
        async with client.get(f"{BASE}/attendance?{query}", headers=who("prefecture")) as response:
            assert (response.status, (await response.json())["code"]) == (400, code)


async def test_an_export_as_of_a_time_has_the_check_sum_of_then(client: Client) -> None:
    async with client.get(f"{BASE}/exports/01.csv", headers=who("prefecture")) as response:
        first, as_of = response.headers["X-Report-Checksum"], response.headers["X-Report-As-Of"]
    async with client.get(f"{BASE}/exports/01.csv", params={"as_of": as_of}, headers=who("prefecture")) as response:
        assert response.headers["X-Report-Checksum"] == first
    early = {"as_of": "2026-09-14T01:00:00Z"}
    async with client.get(f"{BASE}/attendance", params=early, headers=who("prefecture")) as response:
        document = await response.json()
    assert (document["on_air_seconds"], document["totals"]["absent"]) == (0.0, 3)


async def rows_of(client: Client, name: str, file: str) -> list[dict[str, str]]:
    async with client.get(f"{BASE}/exports/{file}", headers=who(name)) as response:
        assert response.status == 200
        return list(csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("name", "missing"), [("prefecture", ["第一小学", "'=中学"]), ("county", ["'=中学"]), ("school", ["第一小学"])]
)
async def test_whom_to_call_is_told_to_those_who_answer_for_them(
    client: Client, db: Database, name: str, missing: list[str]
) -> None:
    async with db.writing() as session:
        alert = Alert(rule="absent", subject=LECTURE, node="2152230101", level="school", opened_at=at(0))
        session.add(alert)
        await session.flush()
        steps = [("opened", -60), ("contacted", -30), ("contacted", 3600)]  # the last one after the report
        session.add_all(AlertStep(alert_id=alert.id, kind=kind, at=at(seconds)) for kind, seconds in steps)
    rows = await rows_of(client, name, "04.csv")
    assert [row["学校"] for row in rows] == missing
    assert {(row["结果"], row["原因"], row["补看截止"]) for row in rows} == {("未接入", "未开机", "")}
    calls = {row["学校"]: (row["联系人"], row["已联系"], row["联系时间"]) for row in rows}
    told = {"第一小学": ("用户school", "是", "2026-09-14 09:59"), "'=中学": ("", "否", "")}
    assert calls == {school: told[school] for school in missing}


async def test_who_only_looks_at_figures_is_not_told_whom_to_call(client: Client) -> None:
    async with client.get(f"{BASE}/exports/03.csv", headers=who("auditor")) as response:
        assert response.status == 200
    async with client.get(f"{BASE}/exports/04.csv", headers=who("auditor")) as response:
        assert (response.status, (await response.json())["code"]) == (403, "forbidden")


async def test_terminals_are_told_with_what_their_browsers_say(client: Client, db: Database) -> None:
    told = {"agent": "Mozilla/5.0 (Windows NT 10.0)", "capability": '{"engine": "Chromium 109", "tier": "T1"}'}
    async with db.writing() as session:
        await session.execute(update(Screen).where(Screen.id == "screen-2152230101-1").values(told))
    rows = await rows_of(client, "school", "11.csv")
    shown = ("终端", "系统", "浏览器", "丢包", "卡顿次数", "中断分钟", "回退方式")
    assert [tuple(row[head] for head in shown) for row in rows] == [
        ("1", "Windows 10/11", "Chromium 109", "0.00%", "", "0.0", "UDP"),
        ("1", "", "", "", "", "", ""),
    ]
    assert len(await rows_of(client, "county", "11.csv")) == 1


@pytest.mark.parametrize(("name", "unit"), [("prefecture", "黔西南州"), ("county", "兴仁市"), ("school", "第一小学")])
async def test_the_bulletin_covers_the_callers_node_and_can_be_drafted_again(
    client: Client, name: str, unit: str
) -> None:
    async with client.get(f"{BASE}/bulletin", headers=who(name)) as response:
        assert response.status == 200
        drafted = await response.json()
    assert set(drafted) == {"text", "policy_version", "as_of", "checksum"}
    assert f"已播出1分钟。{unit}应参加学校" in drafted["text"]
    assert drafted["checksum"] == sha256(drafted["text"].encode()).hexdigest()[:16]
    async with client.get(f"{BASE}/bulletin", params={"as_of": drafted["as_of"]}, headers=who(name)) as response:
        assert await response.json() == drafted
    async with client.get(f"{BASE}/bulletin?policy=1", headers=who(name)) as response:
        assert (await response.json())["policy_version"] == 1
