"""The staff of schools over HTTP: lists, edits, leaving and coming back, and what must not be written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from tests.support.importing import Clerk, clerk
from tests.support.platform import Platform, platform

HOME = "522301"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


@pytest.fixture
async def admin(here: Platform, client: TestClient[Any, Any]) -> Clerk:
    return await clerk(here, client)


async def add(admin: Clerk, school: str, number: str, name: str = "甲老师", subject: str = "语文") -> Any:
    body = {"staff_no": number, "name": name, "subject": subject}
    status, made = await admin.call("POST", f"/schools/{school}/teachers", body)
    assert status == 201, made
    return made


async def edit(admin: Clerk, made: Any, tail: str, body: Any, method: str = "POST") -> tuple[int, Any]:
    return await admin.call(method, f"/teachers/{made['id']}{tail}", body, If_Match=f'"{made["version"]}"')


async def test_teachers_are_listed_searched_and_sorted(here: Platform, admin: Clerk) -> None:
    first, second = here.schools[0], here.schools[1]
    for number, name, subject in (("001", "甲老师", "语文"), ("002", "乙老师", "数学"), ("A-3", "丙老师", "语文")):
        await add(admin, first.code, number, name, subject)
    await add(admin, second.code, "001", "丁老师", "体育")
    _, page = await admin.call("GET", "/teachers")
    assert page["total"] == 4
    told = (await admin.call("GET", "/teachers/subjects"))[1]["items"]
    assert (len(told), {*told}) == (3, {"语文", "数学", "体育"})
    _, page = await admin.call("GET", f"/teachers?school={first.code}&subject=语文&sort=-staff_no")
    assert [item["staff_no"] for item in page["items"]] == ["A-3", "001"]
    assert page["items"][0]["school"] == {"code": first.code, "name": first.name}
    _, page = await admin.call("GET", "/teachers?q=A-")
    assert [item["name"] for item in page["items"]] == ["丙老师"]
    _, page = await admin.call("GET", "/teachers?q=丁&size=1&page=2")
    assert (page["items"], page["total"]) == ([], 1)


async def test_pages_in_the_order_of_schools_cross_schools(here: Platform, admin: Clerk) -> None:
    for place, many in enumerate((2, 0, 3, 1)):
        for number in range(many):
            await add(admin, here.schools[place].code, f"{number}")
    status, left = await edit(admin, await add(admin, here.schools[2].code, "9"), "/leave", {"on": "2026-01-01"})
    assert status == 200, left
    _, whole = await admin.call("GET", "/teachers")
    ids = [item["id"] for item in whole["items"]]
    assert (whole["total"], len(ids)) == (6, 6)
    for size in (1, 2, 4):
        pages = [(await admin.call("GET", f"/teachers?size={size}&page={page}"))[1] for page in range(1, 8)]
        assert [item["id"] for page in pages for item in page["items"]] == ids
        assert {page["total"] for page in pages} == {6}
    for narrowed, number in (("state=all", 7), ("state=left", 1), ("subject=体育", 0), (f"county={HOME}", None)):
        _, page = await admin.call("GET", f"/teachers?{narrowed}")
        _, sorted_page = await admin.call("GET", f"/teachers?{narrowed}&sort=name")
        found, same = ({item["id"] for item in one["items"]} for one in (page, sorted_page))
        assert (found, page["total"]) == (same, sorted_page["total"])
        assert number in (None, len(found))


async def test_each_node_has_its_own_staff(here: Platform, client: TestClient[Any, Any], admin: Clerk) -> None:
    own = next(school for school in here.schools if school.region_code == HOME)
    other = next(school for school in here.schools if school.region_code != HOME)
    mine, theirs = await add(admin, own.code, "1"), await add(admin, other.code, "1")
    county = await clerk(here, client, Role.COUNTY_ADMIN, HOME)
    school = await clerk(here, client, Role.SCHOOL_ADMIN, own.code)
    for person in (county, school):
        assert [item["id"] for item in (await person.call("GET", "/teachers"))[1]["items"]] == [mine["id"]]
        assert (await person.call("GET", f"/teachers/{theirs['id']}"))[0] == 404
        assert (await person.call("POST", f"/schools/{other.code}/teachers", {"staff_no": "2", "name": "乙"}))[0] == 404
    operator = await clerk(here, client, Role.OPERATOR)
    assert (await operator.call("GET", "/teachers"))[0] == 403


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "甲老师 13800000000", "personal_number"),
        ("name", "甲 138 0000 0000", "personal_number"),
        ("name", "５２２３０１１９９００１０１１２３４", "personal_number"),
        ("subject", "语文52230119900101123X", "personal_number"),
        ("staff_no", "13800000000", "bad_staff_no"),
        ("staff_no", "522301199001011234", "bad_staff_no"),
        ("staff_no", "一号", "string_pattern_mismatch"),
        ("name", " ", "value_error"),
    ],
)
async def test_numbers_of_persons_are_refused(
    here: Platform, admin: Clerk, field: str, value: str, reason: str
) -> None:
    body = {"staff_no": "9", "name": "甲老师", "subject": "语文"} | {field: value}
    status, answer = await admin.call("POST", f"/schools/{here.schools[0].code}/teachers", body)
    assert (status, answer["errors"]) == (422, [{"field": field, "reason": reason}])
    made = await add(admin, here.schools[0].code, "9")
    assert (await edit(admin, made, "", {field: value}, "PATCH"))[0] == 422


async def test_edits_name_the_version_and_numbers_stay_unique(here: Platform, admin: Clerk) -> None:
    school = here.schools[0].code
    made, other = await add(admin, school, "1"), await add(admin, school, "2")
    assert (await admin.call("PATCH", f"/teachers/{made['id']}", {"name": "乙老师"}))[0] == 428
    status, changed = await edit(admin, made, "", {"name": "乙老师"}, "PATCH")
    assert (status, changed["name"], changed["version"]) == (200, "乙老师", 2)
    assert (await edit(admin, made, "", {"name": "丙老师"}, "PATCH"))[1]["code"] == "changed_meanwhile"
    assert (await edit(admin, other, "", {"staff_no": "1"}, "PATCH"))[1]["code"] == "staff_no_taken"
    body = {"staff_no": "1", "name": "丁老师"}
    assert (await admin.call("POST", f"/schools/{school}/teachers", body))[1]["code"] == "staff_no_taken"
    async with here.db.reading() as session:
        told = list(await session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "teacher.changed")))
    assert told == [f'{{"fields": ["name"], "school": "{school}"}}'], "the log tells no names"


async def test_leaving_and_coming_back_have_their_days(here: Platform, admin: Clerk) -> None:
    made = await add(admin, here.schools[0].code, "1")
    assert (await edit(admin, made, "/return", {"on": "2026-02-01"}))[1]["code"] == "teacher_here"
    _, left = await edit(admin, made, "/leave", {"on": "2026-02-01"})
    assert left["left_on"] == "2026-02-01"
    assert (await admin.call("GET", "/teachers"))[1]["total"] == 0
    assert (await admin.call("GET", "/teachers?state=left"))[1]["total"] == 1
    assert (await edit(admin, left, "/leave", {"on": "2026-02-01"}))[1]["code"] == "teacher_left"
    assert (await edit(admin, left, "/return", {"on": "2026-01-01"}))[1]["code"] == "before_leaving"
    status, back = await edit(admin, left, "/return", {"on": "2026-02-20"})
    assert (status, back["left_on"], back["joined_on"]) == (200, None, "2026-02-20")
    assert (await edit(admin, back, "/leave", {"on": "2026-02-19"}))[1]["code"] == "before_joining"
