"""The directory over HTTP: what each role sees of its own and of a foreign node, pages, search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.directory.models import School
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform, log_in, platform

HOME, FOREIGN = "522301", "522302"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


async def enter(here: Platform, client: TestClient[Any, Any], role: Role, node: str) -> None:
    await here.person("person", role, node)
    assert (await log_in(client, "person")).status == 201


async def get(client: TestClient[Any, Any], path: str) -> tuple[int, Any]:
    answer = await client.get(f"/api/v1{path}")
    return answer.status, await answer.json()


def codes(page: Any) -> list[str]:
    return [item["code"] for item in page["items"]]


async def test_a_stranger_and_a_lecturer_get_nothing(here: Platform, client: TestClient[Any, Any]) -> None:
    paths = ("/counties", "/schools", f"/schools/{here.schools[0].code}", "/schools/2152000000")
    assert [(await get(client, path))[0] for path in paths] == [401] * 4
    await enter(here, client, Role.LECTURER, PREFECTURE)
    assert [(await get(client, path))[0] for path in paths] == [403] * 4


async def test_the_prefecture_sees_every_school_in_pages(here: Platform, client: TestClient[Any, Any]) -> None:
    await enter(here, client, Role.PREFECTURE_ADMIN, PREFECTURE)
    status, counties = await get(client, "/counties")
    assert (status, len(counties["items"])) == (200, 9)
    assert sum(item["schools"] for item in counties["items"]) == len(here.schools)
    seen: list[str] = []
    for number in range(1, 5):
        _, page = await get(client, f"/schools?page={number}&size=6")
        assert (page["total"], page["page"], page["size"]) == (len(here.schools), number, 6)
        seen += codes(page)
    assert sorted(seen) == sorted(school.code for school in here.schools)
    assert (await get(client, "/schools?page=5&size=6"))[1]["items"] == []


async def test_a_county_sees_its_schools_and_nothing_else(here: Platform, client: TestClient[Any, Any]) -> None:
    await enter(here, client, Role.COUNTY_ADMIN, HOME)
    own = sorted(school.code for school in here.schools if school.region_code == HOME)
    foreign = next(school.code for school in here.schools if school.region_code == FOREIGN)
    assert [item["code"] for item in (await get(client, "/counties"))[1]["items"]] == [HOME]
    assert sorted(codes((await get(client, "/schools"))[1])) == own
    assert (await get(client, f"/schools?county={FOREIGN}"))[1]["total"] == 0
    assert (await get(client, f"/schools?q={foreign}"))[1]["total"] == 0
    missing, hidden = await get(client, "/schools/2152000000"), await get(client, f"/schools/{foreign}")
    assert missing == hidden
    assert hidden[0] == 404
    assert (await get(client, f"/schools/{own[0]}"))[0] == 200


async def test_a_school_sees_itself(here: Platform, client: TestClient[Any, Any]) -> None:
    own = here.schools[0]
    await enter(here, client, Role.SCHOOL_ADMIN, own.code)
    assert codes((await get(client, "/schools"))[1]) == [own.code]
    counties = (await get(client, "/counties"))[1]["items"]
    assert [(item["code"], item["schools"]) for item in counties] == [(own.region_code, 1)]
    assert (await get(client, f"/schools/{here.schools[1].code}"))[0] == 404


async def test_a_person_of_a_node_that_is_gone_sees_nothing(here: Platform, client: TestClient[Any, Any]) -> None:
    await enter(here, client, Role.COUNTY_ADMIN, "529999")
    assert (await get(client, "/schools"))[1]["total"] == 0
    assert (await get(client, "/counties"))[1]["items"] == []


async def test_schools_are_found_by_words_code_kind_and_county(here: Platform, client: TestClient[Any, Any]) -> None:
    await enter(here, client, Role.OPERATOR, PREFECTURE)
    cloud = here.schools[0]
    assert cloud.code in codes((await get(client, "/schools?q=云岭"))[1])
    assert codes((await get(client, "/schools?q=兴义 云岭"))[1]) == [cloud.code]
    assert codes((await get(client, f"/schools?q={cloud.code[:10]}"))[1]) == [cloud.code]
    assert (await get(client, "/schools?q=%25"))[1]["total"] == 0, "a sign of the database is a sign"
    junior = {school.code for school in here.schools if school.kind == "31"}
    assert set(codes((await get(client, "/schools?kind=31"))[1])) == junior
    assert codes((await get(client, f"/schools?county={FOREIGN}&kind=31"))[1]) == sorted(
        school.code for school in here.schools if school.region_code == FOREIGN and school.kind == "31"
    )


async def test_a_school_named_by_a_code_does_not_stand_before_the_one_that_has_it(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    await enter(here, client, Role.PREFECTURE_ADMIN, PREFECTURE)
    wanted = here.schools[-1]
    async with here.db.writing() as session:
        first = await session.get_one(School, here.schools[0].code)
        first.name = f"{wanted.code} 分校"
    assert (await get(client, f"/schools/{wanted.code}"))[1]["name"] == wanted.name
    assert (await get(client, f"/schools/{wanted.code[:6]}"))[0] == 404, "the beginning of a code is no code"


async def test_a_school_shows_its_classes_and_paired_screens(here: Platform, client: TestClient[Any, Any]) -> None:
    own = here.schools[0]
    await enter(here, client, Role.SCHOOL_ADMIN, own.code)
    classes = [made for made in here.classes if made.school_code == own.code]
    tokens = [opaque.mint(opaque.DEVICE_TOKEN) for _ in range(3)]
    first = await here.directory.add_screen(classes[0].id, 1, tokens[0])
    await here.directory.add_screen(classes[0].id, 2, tokens[1])
    await here.directory.add_screen(classes[1].id, 1, tokens[2])
    await here.directory.revoke_screen(first)
    _, school = await get(client, f"/schools/{own.code}")
    assert (school["classes"], school["screens"]) == (3, 2)
    assert school["pupils"] == sum(made.pupils for made in classes)
    shown = {item["id"]: item["screens"] for item in school["class_list"]}
    assert shown == {classes[0].id: 1, classes[1].id: 1, classes[2].id: 0}
    assert [item["entry_year"] for item in school["class_list"]] == sorted(
        (c.entry_year for c in classes), reverse=True
    )


@pytest.mark.parametrize("query", ["page=0", "page=x", "size=201", "size=-1", "page=²", "page=99999999999"])
async def test_a_page_that_makes_no_sense_is_refused(here: Platform, client: TestClient[Any, Any], query: str) -> None:
    await enter(here, client, Role.PREFECTURE_ADMIN, PREFECTURE)
    status, problem = await get(client, f"/schools?{query}")
    assert (status, problem["code"]) == (400, "bad_query")


async def test_the_schools_of_the_prefecture_itself_have_a_home_in_lists_and_tree(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    await enter(here, client, Role.PREFECTURE_ADMIN, PREFECTURE)
    assert codes((await get(client, "/counties?direct=true"))[1])[-1] == "522399"
    assert "522399" not in codes((await get(client, "/tree?parent=522300"))[1]), "nothing is there yet"
    order = {"name": "州直属小学", "kind": "21", "county": PREFECTURE}
    refused = await client.post("/api/v1/schools", json=order, headers=SAME_ORIGIN)
    assert (refused.status, (await refused.json())["code"]) == (422, "unknown_county"), "a school lies in a unit"
    added = await client.post("/api/v1/schools", json={**order, "county": "522399"}, headers=SAME_ORIGIN)
    assert added.status == 201
    _, counties = await get(client, "/counties")
    assert {item["code"]: item["schools"] for item in counties["items"]}["522399"] == 1
    _, top = await get(client, "/tree")
    assert top["items"][0]["schools"] == len(here.schools) + 1
    assert codes((await get(client, "/tree?parent=522399"))[1]) == [(await added.json())["code"]]
