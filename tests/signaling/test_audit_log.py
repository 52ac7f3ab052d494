"""The log of who did what: read in pages by those who may, exported as a table; every action of the program has its sentence."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp.test_utils import TestClient

import signaling
from signaling.auth import opaque
from signaling.auth.actions import sentences
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.trail import entry
from signaling.corrections.service import ACTIONS as CORRECTED
from signaling.coverage.training import Action
from signaling.directory.documents import EventKind
from signaling.lectures.review import WRITTEN
from signaling.library.review import ACTIONS
from signaling.live.service import Records
from signaling.live.states import AUDITED, Event
from tests.support.platform import NOON, PREFECTURE, Platform, log_in, platform

HOME, AWAY = "522301", "522323"
WRITERS = {"entry", "audit", "_audit", "_audited", "_tell", "begin", "failed", "turn_off", "AuditEntry"}
COMPUTED = {
    *(f"school.{kind}" for kind in get_args(EventKind)),
    *(f"lecture.{word}" for word in WRITTEN.values()),
    *ACTIONS.values(),
    *AUDITED.values(),
    "alert.acknowledged",
    "alert.contacted",
    *CORRECTED.values(),
    "fault.recorded",
    "fault.changed",
    "term.closed",
    "term.reopened",
    "home.link_made",
    "home.link_renewed",
    *(f"training.{action}" for action in (Action.TICKED, Action.UNTICKED)),
} - {"school.opened"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        await here.person("auditor", Role.AUDITOR)
        assert (await log_in(made, "auditor")).status == 201
        yield made


async def write(here: Platform, *rows: tuple[str, str, str]) -> None:
    """Write rows (actor, action, subject), a minute apart."""
    async with here.db.writing() as session:
        for number, (actor, action, subject) in enumerate(rows):
            session.add(entry(NOON - timedelta(minutes=len(rows) - number), actor, action, subject, {"n": number}))


async def read(client: TestClient[Any, Any], query: str = "") -> Any:
    answer = await client.get(f"/api/v1/audit{query}")
    return await answer.json()


async def numbers(client: TestClient[Any, Any], query: str) -> list[int]:
    return [item["detail"]["n"] for item in (await read(client, query))["items"] if "n" in item["detail"]]


async def test_the_log_tells_who_did_what_to_whom_by_name(here: Platform, client: TestClient[Any, Any]) -> None:
    keeper = await here.person("keeper", Role.PREFECTURE_ADMIN)
    school, made = here.schools[0], here.classes[0]
    await write(
        here,
        (keeper.id, "school.changed", school.code),
        (keeper.id, "class.changed", made.id),
        ("screen:7", "screen.repaired", "7"),
        ("system", "login.failed", keeper.id),
        (keeper.id, "term.set", HOME),
    )
    items = [item for item in (await read(client, "?size=200"))["items"] if "n" in item["detail"]]
    person = {"kind": "person", "id": keeper.id, "name": "Keeper", "login": "keeper"}
    system = {"kind": "system", "id": "system", "name": "", "login": ""}
    assert [(item["actor"], item["action"]) for item in items] == [
        (person, "term.set"),
        (system, "login.failed"),
        ({"kind": "screen", "id": "screen:7", "name": "", "login": ""}, "screen.repaired"),
        (person, "class.changed"),
        (person, "school.changed"),
    ]
    school_of_class = next(one.name for one in here.schools if one.code == made.school_code)
    assert [item["subject_name"] for item in items] == [
        "兴义市", "Keeper", "", f"{school_of_class} {made.name}", school.name,
    ]  # fmt: skip


async def test_filters_and_pages(here: Platform, client: TestClient[Any, Any]) -> None:
    keeper = await here.person("keeper", Role.PREFECTURE_ADMIN)
    rows = [
        (keeper.id if n % 2 else "system", "school.changed" if n < 4 else "class.changed", f"s{n}") for n in range(8)
    ]
    await write(here, *rows)
    assert await numbers(client, "?actor=keeper") == [7, 5, 3, 1]
    assert await numbers(client, f"?actor={keeper.id}&action=school.changed") == [3, 1]
    assert await numbers(client, "?action=class.changed&size=2") == [7, 6]
    assert await numbers(client, "?action=class.changed&size=2&page=2") == [5, 4]
    assert await numbers(client, "?subject=s6") == [6]
    since, until = ((NOON - timedelta(minutes=8 - n)).isoformat().replace("+00:00", "Z") for n in (2, 5))
    assert await numbers(client, f"?since={since}&until={until}") == [4, 3, 2]
    page = await read(client, "?action=class.changed&size=1")
    assert (page["total"], page["total_is_capped"], page["retention_days"]) == (4, False, 400)


@pytest.mark.parametrize(
    "query", ["?since=2026-03-02", "?since=2026-03-02T00:00:00", "?page=0", "?who=me", "?actor=a%00", "?until=x"]
)
async def test_a_query_that_means_nothing_is_refused(client: TestClient[Any, Any], query: str) -> None:
    assert (await read(client, query))["code"] == "bad_query"


async def test_counting_ends_where_the_setting_says(here: Platform) -> None:
    few = here.settings.audit.model_copy(update={"count_rows": 3, "export_rows": 3})
    here.settings = here.settings.model_copy(update={"audit": few})
    await here.person("auditor", Role.AUDITOR)
    async with here.client() as client:
        await log_in(client, "auditor")
        await write(here, *[("system", "term.set", f"{n}") for n in range(5)])
        page = await read(client, "?action=term.set&size=2")
        assert (page["total"], page["total_is_capped"]) == (3, True)
        answer = await client.get("/api/v1/audit/export.csv?action=term.set")
        assert (answer.status, (await answer.json())["code"]) == (422, "export_too_large")


async def test_only_who_may_reads_the_log(here: Platform) -> None:
    for role, node in ((Role.COUNTY_ADMIN, HOME), (Role.OPERATOR, PREFECTURE), (Role.REVIEWER, PREFECTURE)):
        await here.person(role.value, role, node)
        async with here.client() as client:
            await log_in(client, role.value)
            for path in ("", "/actions", "/export.csv"):
                assert (await client.get(f"/api/v1/audit{path}")).status == 403


async def test_an_auditor_of_a_county_reads_of_its_people_only(here: Platform) -> None:
    top = await here.person("top", Role.PREFECTURE_ADMIN)
    home, away = [await here.person(f"admin-{node}", Role.COUNTY_ADMIN, node) for node in (HOME, AWAY)]
    school = next(one for one in here.schools if one.region_code == HOME)
    own = await here.person("own", Role.SCHOOL_ADMIN, school.code)
    await here.person("auditor", Role.AUDITOR, HOME)
    await write(
        here,
        (home.id, "person.added", own.id),
        (away.id, "person.added", away.id),
        (top.id, "person.disabled", own.id),
        ("system", "login.failed", away.id),
        ("system", "login.failed", home.id),
    )
    async with here.client() as client:
        await log_in(client, "auditor")
        items = [item for item in (await read(client))["items"] if "n" in item["detail"]]
    assert [item["detail"]["n"] for item in items] == [4, 2, 0]
    above = {"kind": "above", "id": "", "name": "", "login": ""}
    assert [item["actor"] for item in items][1] == above, "names above the node stay there"


async def test_the_export_is_a_table_that_no_spreadsheet_calculates(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    async with here.db.writing() as session:
        bad = User(login="bad", name='=HYPERLINK("x")', role=Role.LECTURER, node=HOME, password_hash="")
        session.add(bad)
        await session.flush()
        for number in range(1203):
            at = NOON - timedelta(minutes=number // 7)
            session.add(entry(at, bad.id, "lecture.planned", f"{number}", {"title": "=1+1"}))
    answer = await client.get("/api/v1/audit/export.csv?actor=bad")
    raw = await answer.read()
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/csv", "utf-8")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert head == ["时间", "人员", "登录名", "动作", "动作代码", "对象", "对象编号", "详情"]
    assert len(rows) == len({row[6] for row in rows}) == 1203, "each row once, also at the seams of chunks"
    assert rows[0][:5] == ["2026-03-02 12:00:00", '\'=HYPERLINK("x")', "bad", "安排讲座", "lecture.planned"]
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    log = await read(client, "?action=audit.exported")
    assert [item["detail"] for item in log["items"]] == [{"filter": {"actor": "bad"}, "rows": 1203}]


async def test_every_order_to_a_broadcast_is_in_the_log(here: Platform) -> None:
    lecturer = await here.person("lecturer", Role.LECTURER)
    lecture_id, records = await here.lecture(lecturer), Records(here.db)
    for event in (Event.OPEN, Event.START, Event.CUT, Event.RESUME, Event.END):
        await records.advance(lecture_id, event, lecturer.id, NOON)
    await records.add_ticket(opaque.digest("t"), lecture_id, lecturer.id, NOON, NOON + timedelta(minutes=1))
    await here.person("auditor", Role.AUDITOR)
    async with here.client() as client:
        await log_in(client, "auditor")
        items = (await read(client, f"?subject={lecture_id}"))["items"]
    assert {item["action"].partition(".")[2] for item in items} == {
        "opened", "started", "cut", "resumed", "ended", "ticket_minted",
    }  # fmt: skip
    assert {item["subject_name"] for item in items} == {"珍爱生命"}


def test_every_action_that_the_program_writes_has_a_sentence_and_no_other() -> None:
    assert sorted((set(_written()) | COMPUTED) - set(sentences())) == []
    assert sorted(set(sentences()) - set(_constants()) - COMPUTED) == []
    for action, both in sentences().items():
        assert re.search(r"[\u4e00-\u9fff]", both.zh), action
        assert both.en.isascii(), action


def _nodes() -> Iterator[ast.AST]:
    for path in Path(signaling.__file__).parent.rglob("*.py"):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _constants() -> Iterator[str]:
    yield from (node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _written() -> Iterator[str]:
    """Yield the actions that calls of the writers name."""
    for node in _nodes():
        if isinstance(node, ast.Call) and _name(node.func) in WRITERS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            texts = [value.value for value in values if isinstance(value, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", text))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
