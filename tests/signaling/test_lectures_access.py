"""Who sees which lecture, and what the list of expected classes is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from signaling.api.problems import Problem
from signaling.auth.identity import GRANTS, Permission, Principal, Role
from signaling.auth.models import User
from signaling.directory.models import SchoolClass
from tests.support.platform import NOON, PREFECTURE, Platform, log_in, platform

XINGYI, PUAN = "522301", "522323"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def lecturer(node: Platform) -> User:
    return await node.person("lecturer", Role.LECTURER)


def principal(role: Role, where: str, user_id: str = "somebody") -> Principal:
    return Principal(user_id, "x", role, where)


async def allowed(node: Platform, who: Principal, lecture_id: str, permission: Permission) -> bool:
    lecture = await node.lectures.info(lecture_id)
    assert lecture is not None
    try:
        await node.access.check(who, lecture, permission)
    except Problem:
        return False
    return True


@pytest.mark.parametrize("role", Role)
async def test_a_role_does_what_the_table_grants_and_nothing_else(node: Platform, lecturer: User, role: Role) -> None:
    lecture = await node.lecture(lecturer)
    where = {Role.COUNTY_ADMIN: XINGYI, Role.SCHOOL_ADMIN: node.schools[0].code}.get(role, PREFECTURE)
    who = principal(role, where, lecturer.id)
    granted = {permission for permission in Permission if await allowed(node, who, lecture, permission)}
    assert granted == GRANTS[role]


async def test_only_the_lecturer_publishes(node: Platform, lecturer: User) -> None:
    lecture = await node.lecture(lecturer)
    for role in Role:
        who = principal(role, PREFECTURE)
        assert not await allowed(node, who, lecture, Permission.LECTURE_PUBLISH)
    own = principal(Role.LECTURER, PREFECTURE, lecturer.id)
    assert await allowed(node, own, lecture, Permission.LECTURE_PUBLISH)


@pytest.mark.parametrize(
    ("audience", "seen"),
    [
        ([PREFECTURE], True),
        ([XINGYI], True),
        (["{school}"], True),
        ([PUAN], False),
        (["{other}"], False),
        ([PUAN, "{school}"], True),
    ],
)
@pytest.mark.parametrize("role", [Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN])
async def test_a_scoped_role_sees_what_concerns_its_node(
    node: Platform, lecturer: User, role: Role, audience: list[str], seen: bool
) -> None:
    school = next(one.code for one in node.schools if one.region_code == XINGYI)
    other = next(one.code for one in node.schools if one.region_code == PUAN)
    lecture = await node.lecture(lecturer, *(name.format(school=school, other=other) for name in audience))
    who = principal(role, XINGYI if role is Role.COUNTY_ADMIN else school)
    assert await allowed(node, who, lecture, Permission.LECTURE_READ) is seen
    assert bool((await node.access.visible(who))[0]) is seen
    assert await node.access.may_read(who, lecture) is seen


async def test_over_http_a_foreign_lecture_does_not_exist(node: Platform, lecturer: User) -> None:
    lecture = await node.lecture(lecturer, PUAN)
    await node.person("county", Role.COUNTY_ADMIN, XINGYI)
    async with node.client() as client:
        assert (await client.get(f"/api/v1/lectures/{lecture}")).status == 401
        await log_in(client, "county")
        foreign = await client.get(f"/api/v1/lectures/{lecture}")
        absent = await client.get("/api/v1/lectures/00000000-0000-0000-0000-000000000000")
        assert (foreign.status, await foreign.json()) == (absent.status, await absent.json())
        assert (await (await client.get("/api/v1/lectures")).json()) == {
            "items": [],
            "total": 0,
            "page": 1,
            "size": 200,
        }


async def test_the_document_of_a_lecture(node: Platform, lecturer: User) -> None:
    lecture = await node.lecture(lecturer, approved=False)
    await node.person("admin", Role.PREFECTURE_ADMIN)
    async with node.client() as client:
        await log_in(client, "admin")
        document = await (await client.get(f"/api/v1/lectures/{lecture}")).json()
    assert document["lecturer"] == {"id": lecturer.id, "name": "Lecturer"}
    assert document["scheduled_at"] == "2026-03-02T04:00:00.000Z"
    assert (document["approved"], document["state"], document["boot_id"]) == (False, "scheduled", "boot")
    pupils = sum(one.pupils for one in node.classes)
    assert document["targets"] == {"classes": 60, "schools": 20, "pupils": pupils}


async def test_expected_classes_are_written_down_once(node: Platform, lecturer: User) -> None:
    school = node.schools[0]
    lecture = await node.lecture(lecturer, school.code)
    preview = await node.lectures.targets(lecture)
    assert await node.lectures.freeze_targets(lecture) == 3
    assert await node.lectures.targets(lecture) == preview
    late = SchoolClass(school_code=school.code, code="2020-21-09", name="新班", entry_year=2020, stage="21", number=9)
    await node.directory.add_schools([], [late])
    assert await node.lectures.freeze_targets(lecture) == 3
    assert late.id not in {one.class_id for one in await node.lectures.targets(lecture)}
    assert (await node.lectures.counts.of(lecture)).classes == 3


async def test_expected_classes_come_in_the_order_of_reports(node: Platform, lecturer: User) -> None:
    lecture = await node.lecture(lecturer)
    await node.directory.add_screen(node.classes[0].id, 1, "jtd_" + "a" * 32)
    targets = await node.lectures.targets(lecture)
    regions = list(dict.fromkeys(one.region_code for one in targets))
    there = {school.region_code for school in node.schools}
    assert regions == [region.code for region in await node.directory.regions() if region.code in there]
    assert sum(len(one.screens) for one in targets) == 1


async def test_a_screen_shows_what_is_on_the_air_before_what_comes(node: Platform, lecturer: User) -> None:
    class_id = node.classes[0].id
    hour = timedelta(hours=1)
    far = await node.lecture(lecturer, at=NOON + 50 * hour)
    near = await node.lecture(lecturer, at=NOON + 49 * hour)
    old = await node.lecture(lecturer, at=NOON - hour)
    states: dict[str, str] = {old: "ended"}
    node.lectures.state_of = lambda lecture_id: states.get(lecture_id, "scheduled")
    assert await node.lectures.current_for_class(class_id) == near
    states[far] = "open"
    assert await node.lectures.current_for_class(class_id) == far
    states[old] = "paused"
    assert await node.lectures.current_for_class(class_id) == old
    states.update({old: "archived", far: "archived", near: "archived"})
    assert await node.lectures.current_for_class(class_id) is None
    assert await node.lectures.current_for_class("no such class") is None
