"""Keeping the directory over HTTP: schools and what happens to them, classes, terms, the tree; lost updates are refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.directory.queries import ClassFilter, Scope
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform, log_in, platform

HOME, FOREIGN = "522301", "522302"
TODAY = "2026-03-02"
NEW = {"name": "试验小学", "county": HOME, "kind": "21"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        await here.person("keeper", Role.PREFECTURE_ADMIN)
        assert (await log_in(made, "keeper")).status == 201
        yield made


async def call(
    client: TestClient[Any, Any], method: str, path: str, body: Any = None, etag: str = ""
) -> tuple[int, Any, str]:
    headers = SAME_ORIGIN | ({"If-Match": etag} if etag else {})
    answer = await client.request(method, f"/api/v1{path}", json=body, headers=headers)
    return answer.status, await answer.json() if answer.content_length else None, answer.headers.get("ETag", "")


async def code_of(client: TestClient[Any, Any], method: str, path: str, body: Any = None, etag: str = "") -> Any:
    status, document, _ = await call(client, method, path, body, etag)
    return status, document["code"] if status >= 400 else None


async def happened(client: TestClient[Any, Any], school: str, kind: str, on: str = TODAY, **more: Any) -> Any:
    return await code_of(client, "POST", f"/schools/{school}/events", {"kind": kind, "on": on, **more})


async def audited(here: Platform, action: str) -> list[Any]:
    async with here.db.reading() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == action))
        return [(row.subject, json.loads(row.detail)) for row in rows]


async def test_a_school_without_a_code_gets_a_temporary_one_and_later_its_own(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    status, first, etag = await call(client, "POST", "/schools", NEW)
    assert (status, first["code"], first["temporary"], etag) == (201, "T000000001", True, '"1"')
    assert (await call(client, "POST", "/schools", NEW))[1]["code"] == "T000000002"
    status, made, _ = await call(
        client, "POST", f"/schools/{first['code']}/classes", {"name": "五（2）班", "pupils": 41}
    )
    assert status == 201
    real = "2152123456"
    assert await happened(client, first["code"], "recoded", code=real) == (201, None)
    status, school, _ = await call(client, "GET", f"/schools/{first['code']}")
    assert (status, school["code"], school["temporary"], school["aliases"]) == (200, real, False, [first["code"]])
    assert [item["id"] for item in school["class_list"]] == [made["id"]]
    assert await code_of(client, "POST", "/schools", NEW | {"code": real}) == (409, "code_taken")
    assert (await audited(here, "school.recoded"))[0][0] == first["code"]
    for code in (first["code"], real):
        events = (await call(client, "GET", f"/schools/{code}/events"))[1]["items"]
        assert {event["kind"] for event in events} == {"opened", "recoded"}, "the history goes on under the new code"
    listed = (await call(client, "GET", "/schools?state=closed"))[1]["items"]
    assert first["code"] not in [item["code"] for item in listed], "it is the same school"
    classes = (await call(client, "GET", f"/classes?school={first['code']}"))[1]["items"]
    assert [item["id"] for item in classes] == [made["id"]]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"name": " "}, (422, "invalid")),
        ({"name": "一\x00"}, (422, "invalid")),
        ({"kind": "99"}, (422, "invalid")),
        ({"county": "999999"}, (422, "unknown_county")),
        ({"county": PREFECTURE}, (422, "unknown_county")),
        ({"code": "3152123456"}, (422, "kind_differs")),
        ({"code": "2152"}, (422, "invalid")),
        ({"opened_on": "2017-11-31"}, (422, "invalid")),
        ({"pupils": 3}, (422, "invalid")),
    ],
)
async def test_a_school_that_cannot_be_is_refused(client: TestClient[Any, Any], change: Any, answer: Any) -> None:
    assert await code_of(client, "POST", "/schools", NEW | change) == answer


async def test_a_former_code_names_its_county_unit(client: TestClient[Any, Any]) -> None:
    former, today = [(await call(client, "GET", f"/schools?county={code}&size=200"))[1] for code in ("522322", FOREIGN)]
    assert former["total"] == today["total"] > 0
    status, made, _ = await call(client, "POST", "/schools", NEW | {"county": "522322"})
    assert (status, made["county"]["code"]) == (201, FOREIGN)
    below = [(await call(client, "GET", f"/tree?parent={code}"))[1]["items"] for code in ("522322", FOREIGN)]
    assert below[0] == below[1] != []


async def test_an_edit_without_the_etag_or_with_an_old_one_changes_nothing(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    path = f"/schools/{here.schools[0].code}"
    _, before, etag = await call(client, "GET", path)
    assert await code_of(client, "PATCH", path, {"name": "新校名"}) == (428, "no_if_match")
    assert await code_of(client, "PATCH", path, {"name": "新校名"}, "*") == (428, "no_if_match")
    status, changed, newer = await call(client, "PATCH", path, {"name": "新校名"}, etag)
    assert (status, changed["name"], newer) == (200, "新校名", f'"{before["version"] + 1}"')
    assert await code_of(client, "PATCH", path, {"name": "旧校名"}, etag) == (412, "changed_meanwhile")
    assert (await call(client, "GET", path))[1]["name"] == "新校名"
    assert [detail["after"] for _, detail in await audited(here, "school.changed")] == [{"name": "新校名"}]


async def test_a_merged_school_gives_its_classes_away_and_numbers_that_are_taken_move_up(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    old, new = here.schools[0], here.schools[9]
    theirs = {made.id for made in here.classes if made.school_code == old.code}
    assert await happened(client, old.code, "merged", into=new.code) == (201, None)
    school = (await call(client, "GET", f"/schools/{new.code}"))[1]
    assert theirs <= {item["id"] for item in school["class_list"]}
    keys = [item["code"] for item in school["class_list"]]
    assert len(keys) == len(set(keys))
    gone = (await call(client, "GET", f"/schools/{old.code}"))[1]
    assert (gone["closed_on"], gone["successor"], gone["classes"]) == (TODAY, new.code, 0)
    listed = [item["code"] for item in (await call(client, "GET", "/schools?size=200"))[1]["items"]]
    assert old.code not in listed
    assert new.code in listed
    closed = (await call(client, "GET", "/schools?state=closed"))[1]["items"]
    assert [item["code"] for item in closed] == [old.code]


async def test_what_cannot_happen_changes_nothing(here: Platform, client: TestClient[Any, Any]) -> None:
    school, other = here.schools[0].code, here.schools[1].code
    assert await happened(client, school, "reopened") == (409, "not_closed")
    assert await happened(client, school, "merged") == (422, "invalid")
    assert await happened(client, school, "merged", into=school) == (422, "bad_successor")
    assert await happened(client, school, "merged", into="2152000000") == (422, "bad_successor")
    assert await happened(client, school, "renamed", on="2026-03-03", name="明日小学") == (422, "date_in_future")
    assert await happened(client, school, "opened") == (422, "invalid")
    assert await happened(client, school, "moved", region="999999") == (422, "unknown_county")
    assert await happened(client, school, "moved", region=PREFECTURE) == (422, "unknown_county")
    own = (await call(client, "GET", f"/schools/{school}"))[1]["county"]["code"]
    assert await happened(client, school, "moved", region=own) == (422, "same_county")
    assert await happened(client, school, "closed") == (201, None)
    assert await happened(client, school, "closed") == (409, "school_closed")
    assert await happened(client, other, "merged", into=school) == (422, "bad_successor")
    assert await code_of(client, "POST", f"/schools/{school}/classes", {"name": "五（9）班"}) == (409, "school_closed")
    events = (await call(client, "GET", f"/schools/{school}/events"))[1]["items"]
    assert [event["kind"] for event in events] == ["closed"]


async def test_what_happened_is_told_with_the_names_of_today(here: Platform, client: TestClient[Any, Any]) -> None:
    school, other = here.schools[0], here.schools[1]
    assert await happened(client, school.code, "moved", region=other.region_code) == (201, None)
    assert await happened(client, school.code, "merged", into=other.code) == (201, None)
    merged, moved = (await call(client, "GET", f"/schools/{school.code}/events"))[1]["items"]
    assert (merged["other"], merged["other_name"]) == (other.code, other.name)
    counties = {one["code"]: one["name"] for one in (await call(client, "GET", "/counties"))[1]["items"]}
    assert (moved["before_name"], moved["other_name"]) == (counties[moved["before"]], counties[other.region_code])
    assert moved["by"] == merged["by"] != ""


async def test_a_closing_in_the_future_takes_effect_on_its_day_and_can_be_undone(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    school = here.schools[0].code
    assert await happened(client, school, "closed", on="2026-03-04") == (201, None)

    async def is_listed() -> bool:
        return school in [item["code"] for item in (await call(client, "GET", "/schools?size=200"))[1]["items"]]

    assert await is_listed()
    here.wall.now = datetime(2026, 3, 3, 16, 0, tzinfo=UTC)  # midnight of the fourth in China
    assert (await log_in(client, "keeper")).status == 201  # the login of two days ago is over
    assert not await is_listed()
    assert await happened(client, school, "reopened", on="2026-03-04") == (201, None)
    assert await is_listed()
    assert (await call(client, "GET", f"/schools/{school}"))[1]["classes"] == 3


async def test_what_happened_to_a_school_cannot_be_rewritten(here: Platform, client: TestClient[Any, Any]) -> None:
    await happened(client, here.schools[0].code, "renamed", name="改名小学")
    for statement in ("UPDATE school_events SET note = 'x'", "DELETE FROM school_events"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with here.db.writing() as session:
                await session.execute(text(statement))


async def test_a_spelling_is_told_before_a_class_is_added(here: Platform, client: TestClient[Any, Any]) -> None:
    path = f"/schools/{here.schools[0].code}"
    status, told, _ = await call(client, "GET", f"{path}/class-name?name={quote('六(12)班')}")
    assert status == 200
    assert told == {
        "name": "六年级（12）班", "code": "2020-21-12", "entry_year": 2020, "stage": "21", "number": 12, "taken": False,
    }  # fmt: skip
    assert (await call(client, "POST", f"{path}/classes", {"name": "2020级12班"}))[0] == 201
    assert (await call(client, "GET", f"{path}/class-name?name=6.12"))[1]["taken"] is True
    assert await code_of(client, "GET", f"{path}/class-name?name=x") == (422, "class_name_unknown")


async def test_classes_are_added_by_any_spelling_changed_and_closed(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    school = here.schools[0].code
    status, made, etag = await call(client, "POST", f"/schools/{school}/classes", {"name": "六(12)班", "pupils": 40})
    assert (status, made["code"], made["name"], made["grade"]) == (201, "2020-21-12", "六年级（12）班", 6)
    path = f"/classes/{made['id']}"
    assert await code_of(client, "POST", f"/schools/{school}/classes", {"name": "2020级12班"}) == (409, "class_exists")
    assert (await code_of(client, "POST", f"/schools/{school}/classes", {"name": "火箭班"}))[0] == 422
    assert await code_of(client, "PATCH", path, {"pupils": 41}) == (428, "no_if_match")
    status, changed, newer = await call(client, "PATCH", path, {"pupils": 41}, etag)
    assert (status, changed["pupils"]) == (200, 41)
    assert await code_of(client, "POST", f"{path}/close", {"on": TODAY}, etag) == (412, "changed_meanwhile")
    early = await code_of(client, "POST", f"{path}/close", {"on": "2019-12-31"}, newer)
    assert early == (422, "before_entry"), "the class came in 2020"
    assert (await call(client, "POST", f"{path}/close", {"on": TODAY}, newer))[1]["closed_on"] == TODAY
    listed = (await call(client, "GET", f"/classes?school={school}"))[1]
    assert made["id"] not in [item["id"] for item in listed["items"]]


@pytest.mark.parametrize("sort", ["name", "-name", "pupils", "-pupils", "school"])
async def test_classes_are_listed_sorted_in_pages(client: TestClient[Any, Any], sort: str) -> None:
    whole = (await call(client, "GET", f"/classes?sort={sort}&size=200"))[1]["items"]
    pages = [(await call(client, "GET", f"/classes?sort={sort}&size=25&page={page}"))[1]["items"] for page in (1, 2, 3)]
    assert [item["id"] for page in pages for item in page] == [item["id"] for item in whole]
    if sort.endswith("pupils"):
        sizes = [item["pupils"] for item in whole]
        assert sizes == sorted(sizes, reverse=sort.startswith("-"))


async def test_the_tree_begins_at_the_caller_and_goes_down_to_schools(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    tops = (await call(client, "GET", "/tree"))[1]["items"]
    assert [(node["code"], node["level"], node["schools"]) for node in tops] == [
        (PREFECTURE, "prefecture", len(here.schools))
    ]
    counties = (await call(client, "GET", f"/tree?parent={PREFECTURE}"))[1]["items"]
    assert len(counties) == 9
    schools = (await call(client, "GET", f"/tree?parent={HOME}"))[1]["items"]
    assert {node["parent"] for node in schools} == {HOME}
    assert len(schools) == counties[0]["schools"]
    assert (await call(client, "GET", "/tree?parent=999999"))[0] == 404


async def test_a_search_finds_county_units_and_schools_and_no_wildcards(client: TestClient[Any, Any]) -> None:
    async def found(text: str) -> list[str]:
        return [item["name"] for item in (await call(client, "GET", f"/tree/search?q={text}"))[1]["items"]]

    assert (await found("兴义"))[0] == "兴义市"
    assert all("兴义" in name and "中学" in name for name in await found("兴义 中学"))
    assert await found("%25") == await found("_") == await found("") == []


@pytest.mark.parametrize(
    ("role", "node", "school", "own_class", "foreign", "move"),
    [
        (Role.PREFECTURE_ADMIN, PREFECTURE, 201, 201, 201, 201),
        (Role.COUNTY_ADMIN, HOME, 201, 201, 404, 403),
        (Role.SCHOOL_ADMIN, "{school}", 403, 201, 404, 403),
        (Role.OPERATOR, PREFECTURE, 403, 403, 403, 403),
        (Role.REVIEWER, PREFECTURE, 403, 403, 403, 403),
        (Role.AUDITOR, PREFECTURE, 403, 403, 403, 403),
        (Role.LECTURER, PREFECTURE, 403, 403, 403, 403),
    ],
)
async def test_who_keeps_what(
    here: Platform, role: Role, node: str, school: int, own_class: int, foreign: int, move: int
) -> None:
    own, other = here.schools[0].code, here.schools[1].code
    user = await here.person("person", role, node.format(school=own))
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    async with here.client() as client:
        client.session.headers["Authorization"] = f"Bearer {token}"
        assert (await call(client, "POST", "/schools", NEW))[0] == school
        assert (await call(client, "POST", f"/schools/{own}/classes", {"name": "五（8）班"}))[0] == own_class
        for code in (other, "2152000000"):
            status = (await call(client, "POST", f"/schools/{code}/classes", {"name": "五（8）班"}))[0]
            assert status == (foreign if code == other or foreign != 201 else 404)
        assert (await happened(client, own, "moved", region=FOREIGN))[0] == move


async def test_terms_are_seeded_once_and_kept_per_county(here: Platform, client: TestClient[Any, Any]) -> None:
    await here.terms.seed(here.today())
    await here.terms.seed(here.today())
    rows = (await call(client, "GET", "/terms"))[1]["items"]
    assert [row["code"] for row in rows] == ["2026-2027-2", "2026-2027-1", "2025-2026-2", "2025-2026-1"]
    current = (await call(client, "GET", f"/terms/current?county={HOME}"))[1]["term"]
    assert (current["region"], current["code"]) == (PREFECTURE, "2025-2026-2")
    own = {"starts_on": "2026-03-09", "ends_on": "2026-07-03"}
    status, made, etag = await call(client, "PUT", f"/terms/{HOME}/2025-2026-2", own)
    assert (status, made["version"]) == (200, 1)
    assert (await call(client, "GET", f"/terms/current?county={HOME}"))[1]["term"] is None, "its own has not begun"
    later = own | {"ends_on": "2026-07-05"}
    assert await code_of(client, "PUT", f"/terms/{HOME}/2025-2026-2", later) == (428, "no_if_match")
    assert (await call(client, "PUT", f"/terms/{HOME}/2025-2026-2", later, etag))[1]["version"] == 2
    assert await code_of(client, "PUT", f"/terms/{HOME}/2025-2026-2", own, etag) == (412, "changed_meanwhile")
    assert await code_of(client, "PUT", f"/terms/{HOME}/2025-2026-1", own) == (409, "terms_overlap")


@pytest.mark.parametrize(
    ("term", "starts_on", "ends_on", "answer"),
    [
        ("2026-2027-3", "2026-09-01", "2027-01-20", (422, "bad_term")),
        ("2026-2028-1", "2026-09-01", "2027-01-20", (422, "bad_term")),
        ("2026-2027-1", "2027-01-20", "2026-09-01", (422, "term_ends_first")),
        ("2026-2027-1", "2025-09-01", "2026-01-20", (422, "outside_school_year")),
        ("2017-2018-1", "2017-09-01", "2017-11-31", (422, "invalid")),
    ],
)
async def test_a_term_that_cannot_be_is_refused(
    client: TestClient[Any, Any], term: str, starts_on: str, ends_on: str, answer: Any
) -> None:
    assert await code_of(client, "PUT", f"/terms/{HOME}/{term}", {"starts_on": starts_on, "ends_on": ends_on}) == answer


async def test_a_county_sets_its_own_terms_alone(here: Platform) -> None:
    user = await here.person("county", Role.COUNTY_ADMIN, HOME)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    span = {"starts_on": "2026-03-09", "ends_on": "2026-07-03"}
    async with here.client() as client:
        client.session.headers["Authorization"] = f"Bearer {token}"
        answers = [
            (await call(client, "PUT", f"/terms/{region}/2025-2026-2", span))[0]
            for region in (HOME, FOREIGN, "999999", PREFECTURE)
        ]
    assert answers == [200, 404, 404, 403]


async def test_closed_schools_and_classes_are_not_expected_at_lectures(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    lecturer = await here.person("lecturer", Role.LECTURER)
    lecture = await here.lecture(lecturer, HOME)
    before = (await here.lectures.counts.of(lecture)).classes
    school = next(one.code for one in here.schools if one.region_code == HOME)
    await happened(client, school, "closed")
    assert (await here.lectures.counts.of(lecture)).classes == before - 3
    items, _ = await here.directory.classes(Scope(None), ClassFilter(school=school), 10)
    assert len(items) == 3, "they stay in the records"
