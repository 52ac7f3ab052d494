"""Planning over HTTP: who plans what, the review, conflicts, previews, calling off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.lectures import review
from signaling.lectures.times import overlaps
from tests.support.platform import NOON, PREFECTURE, SAME_ORIGIN, Platform, platform

XINGYI, XINGREN = "522301", "522302"
STATES = (review.DRAFT, review.SUBMITTED, review.APPROVED, review.RETURNED)
ACTIONS = tuple(review.WRITTEN)


class Desk:
    """A person at the API."""

    def __init__(self, client: TestClient[Any, Any], token: str) -> None:
        self.client, self.headers = client, SAME_ORIGIN | {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, etag: str = "") -> tuple[int, Any, str]:
        headers = self.headers | ({"If-Match": etag} if etag else {})
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        return answer.status, await answer.json(), answer.headers.get("ETag", "")

    async def outcome(self, method: str, path: str, body: Any = None, etag: str = "") -> tuple[int, str | None]:
        status, document, _ = await self.call(method, path, body, etag)
        return status, document["code"] if status >= 400 else None


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


@pytest.fixture
async def lecturer(here: Platform) -> User:
    return await here.person("lecturer", Role.LECTURER)


async def desk(
    here: Platform, client: TestClient[Any, Any], role: Role, node: str = PREFECTURE, login: str = ""
) -> Desk:
    name = login or role.value
    user = await here.auth.user(name) or await here.person(name, role, node)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    return Desk(client, token)


def plan(lecturer: User | None = None, **changes: Any) -> dict[str, Any]:
    made = {"title": "远离毒品", "scheduled_at": "2026-03-09T06:00:00Z", "minutes": 40, "audience": [XINGYI, XINGREN]}
    return made | ({"lecturer_id": lecturer.id} if lecturer else {}) | changes


async def test_a_lecture_for_two_counties_is_planned_reviewed_and_seen_by_them_alone(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin, reviewer = [await desk(here, client, role) for role in (Role.PREFECTURE_ADMIN, Role.REVIEWER)]
    counties = {code: await desk(here, client, Role.COUNTY_ADMIN, code, code) for code in (XINGYI, XINGREN, "522323")}
    status, made, etag = await admin.call("POST", "/lectures", plan(lecturer, summary="讲稿"))
    assert (status, made["review"], made["approved"], etag) == (201, "draft", False, '"1"')
    path = f"/lectures/{made['id']}"
    assert (await admin.call("GET", f"{path}/plan"))[1]["audience"] == [
        {"code": XINGYI, "name": "兴义市", "level": "county", "parent": PREFECTURE},
        {"code": XINGREN, "name": "兴仁市", "level": "county", "parent": PREFECTURE},
    ]
    assert made["targets"]["classes"] == sum(
        one.school_code in {s.code for s in here.schools if s.region_code in {XINGYI, XINGREN}} for one in here.classes
    )
    for county in counties.values():
        assert (await county.call("GET", path))[0] == 404, "nobody sees what is not approved"
    assert await reviewer.outcome("POST", f"{path}/review", {"decision": "approve"}) == (409, "illegal_review")
    assert (await admin.call("POST", f"{path}/submit"))[1]["review"] == "submitted"
    assert [one["id"] for one in (await reviewer.call("GET", "/lectures?review=submitted"))[1]["items"]] == [made["id"]]
    returned = await reviewer.call("POST", f"{path}/review", {"decision": "return", "note": "请补充来源"})
    assert returned[1]["review"] == "returned"
    assert (await admin.call("POST", f"{path}/submit"))[0] == 200
    assert (await reviewer.call("POST", f"{path}/review", {"decision": "approve"}))[1]["approved"] is True
    steps = (await reviewer.call("GET", f"{path}/reviews"))[1]["items"]
    assert [step["action"] for step in steps] == ["approved", "submitted", "returned", "submitted"]
    assert (steps[2]["note"], steps[2]["name"]) == ("请补充来源", "Reviewer")
    assert [(await county.call("GET", path))[0] for county in counties.values()] == [200, 200, 404]
    assert [(await county.call("GET", "/lectures"))[1]["total"] for county in counties.values()] == [1, 1, 0]


async def test_nobody_approves_what_is_theirs(here: Platform, client: TestClient[Any, Any], lecturer: User) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    other = await desk(here, client, Role.PREFECTURE_ADMIN, login="other")
    own = await desk(here, client, Role.LECTURER, login="lecturer")
    _, made, _ = await admin.call("POST", "/lectures", plan(lecturer))
    path = f"/lectures/{made['id']}"
    assert (await own.call("POST", f"{path}/submit"))[0] == 200
    assert await own.outcome("POST", f"{path}/review", {"decision": "approve"}) == (403, "forbidden")
    assert await admin.outcome("POST", f"{path}/review", {"decision": "approve"}) == (403, "own_lecture")
    assert await other.outcome("POST", f"{path}/review", {"decision": "approve"}) == (200, None)


async def test_another_content_is_reviewed_again_another_time_is_not(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    lecture = await here.lecture(lecturer)
    _, _, etag = await admin.call("GET", f"/lectures/{lecture}")
    later = {"scheduled_at": "2026-03-09T07:00:00Z", "kinds": ["21"]}
    status, made, etag = await admin.call("PATCH", f"/lectures/{lecture}", later, etag)
    assert (status, made["approved"], made["targets"]["schools"]) == (200, True, _of_kind(here, "21"))
    assert await admin.outcome("PATCH", f"/lectures/{lecture}", later) == (428, "no_if_match")
    status, made, newer = await admin.call("PATCH", f"/lectures/{lecture}", {"title": "新题目"}, etag)
    assert (status, made["approved"], made["review"]) == (200, False, "draft")
    assert await admin.outcome("PATCH", f"/lectures/{lecture}", {"title": "旧题目"}, etag) == (412, "changed_meanwhile")
    assert newer != etag


def _of_kind(here: Platform, kind: str) -> int:
    return sum(school.kind == kind for school in here.schools)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"title": ""}, (422, "invalid")),
        ({"title": "一\x00二"}, (422, "invalid")),
        ({"scheduled_at": "2026-02-30T06:00:00Z"}, (422, "invalid")),
        ({"scheduled_at": "2026-03-09T06:00:00"}, (422, "invalid")),
        ({"scheduled_at": "9999-12-31T23:59:59Z"}, (422, "invalid")),
        ({"minutes": 0}, (422, "invalid")),
        ({"audience": []}, (422, "invalid")),
        ({"audience": ["999999"]}, (422, "unknown_node")),
        ({"kinds": ["99"]}, (422, "invalid")),
        ({"topic": "天气"}, (422, "invalid")),
        ({"lecturer_id": "nobody"}, (422, "no_lecturer")),
        ({"lecturer_id": None}, (422, "no_lecturer")),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    here: Platform, client: TestClient[Any, Any], lecturer: User, change: Any, answer: Any
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    assert await admin.outcome("POST", "/lectures", plan(lecturer, **change)) == answer
    assert (await admin.call("GET", "/lectures"))[1]["total"] == 0


async def test_a_lecturer_plans_own_lectures(here: Platform, client: TestClient[Any, Any], lecturer: User) -> None:
    own, other = await desk(here, client, Role.LECTURER, login="lecturer"), await here.person("other", Role.LECTURER)
    status, made, _ = await own.call("POST", "/lectures", plan())
    assert (status, made["lecturer"]["id"]) == (201, lecturer.id)
    assert await own.outcome("POST", "/lectures", plan(other)) == (403, "forbidden")
    foreign = await here.lecture(other)
    assert await own.outcome("POST", f"/lectures/{foreign}/submit") == (404, "not_found")


@pytest.mark.parametrize("role", [Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN, Role.OPERATOR, Role.REVIEWER, Role.AUDITOR])
async def test_others_plan_nothing(here: Platform, client: TestClient[Any, Any], lecturer: User, role: Role) -> None:
    node = {Role.COUNTY_ADMIN: XINGYI, Role.SCHOOL_ADMIN: here.schools[0].code}.get(role, PREFECTURE)
    who, lecture = await desk(here, client, role, node), await here.lecture(lecturer)
    asked = [("", plan(lecturer)), ("/preview", {"audience": [XINGYI]}), (f"/{lecture}/submit", None)]
    for path, order in [*asked, (f"/{lecture}/call-off", {"reason": "停电"})]:
        assert await who.outcome("POST", f"/lectures{path}", order) == (403, "forbidden")


async def test_a_lecturer_is_at_one_place_at_a_time(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    assert (await admin.call("POST", "/lectures", plan(lecturer)))[0] == 201
    during, after = "2026-03-09T06:39:00Z", "2026-03-09T06:40:00Z"
    assert await admin.outcome("POST", "/lectures", plan(lecturer, scheduled_at=during)) == (409, "lecturer_busy")
    assert (await admin.call("POST", "/lectures", plan(lecturer, scheduled_at=after)))[0] == 201


async def test_classes_that_are_wanted_twice_are_told_but_not_forbidden(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin, other = await desk(here, client, Role.PREFECTURE_ADMIN), await here.person("other", Role.LECTURER)
    _, first, _ = await admin.call("POST", "/lectures", plan(lecturer))
    slot = {
        "scheduled_at": "2026-03-09T06:20:00Z",
        "minutes": 60,
        "audience": [XINGREN, "522323"],
        "lecturer_id": other.id,
    }
    _, found, _ = await admin.call("POST", "/lectures/conflicts", slot)
    of_xingren = sum(
        one.school_code in {s.code for s in here.schools if s.region_code == XINGREN} for one in here.classes
    )
    assert [(one["id"], one["lecturer"], one["classes"]) for one in found["items"]] == [
        (first["id"], False, of_xingren)
    ]
    assert found["warnings"] == ["too_long_for_kindergarten", "too_long_for_class"]
    assert (await admin.call("POST", "/lectures/conflicts", slot | {"audience": ["522323"]}))[1]["items"] == []
    same = slot | {"audience": ["522323"], "lecturer_id": lecturer.id}
    assert (await admin.call("POST", "/lectures/conflicts", same))[1]["items"][0]["lecturer"] is True
    assert (await admin.call("POST", "/lectures/conflicts", same | {"lecture_id": first["id"]}))[1]["items"] == []
    assert (await admin.call("POST", "/lectures", plan(other, audience=[XINGREN])))[0] == 201


async def test_a_preview_counts_what_the_frozen_list_will_have(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    scope = {"audience": [XINGYI, here.schools[1].code], "kinds": ["21"], "stages": ["21"]}
    counts = (await admin.call("POST", "/lectures/preview", scope))[1]
    _, made, _ = await admin.call("POST", "/lectures", plan(lecturer, **scope))
    assert made["targets"] == counts
    assert (await admin.call("GET", "/lectures"))[1]["items"][0]["targets"] == counts
    assert await here.lectures.freeze_targets(made["id"]) == counts["classes"] > 0
    assert (await admin.call("GET", "/lectures"))[1]["items"][0]["targets"] == counts


async def test_a_scope_may_name_older_codes(here: Platform, client: TestClient[Any, Any], lecturer: User) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    _, made, _ = await admin.call("POST", "/lectures", plan(lecturer, audience=["522322", XINGREN]))
    assert (await admin.call("GET", f"/lectures/{made['id']}/plan"))[1]["audience"] == [
        {"code": XINGREN, "name": "兴仁市", "level": "county", "parent": PREFECTURE}
    ]
    scopes = ({"audience": [code]} for code in ("522322", XINGREN))
    older, today = [(await admin.call("POST", "/lectures/preview", scope))[1] for scope in scopes]
    assert older == today
    assert today["classes"] > 0


async def test_an_audience_tells_where_its_nodes_lie(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin, school = await desk(here, client, Role.PREFECTURE_ADMIN), here.schools[0]
    _, made, _ = await admin.call("POST", "/lectures", plan(lecturer, audience=[PREFECTURE, school.code]))
    aims = (await admin.call("GET", f"/lectures/{made['id']}/plan"))[1]["audience"]
    assert [(aim["code"], aim["level"], aim["parent"]) for aim in aims] == [
        *sorted([(school.code, "school", school.region_code), (PREFECTURE, "prefecture", None)])
    ]


async def test_who_may_lecture_is_told_with_what_keeps_them(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin, own = await desk(here, client, Role.PREFECTURE_ADMIN), await desk(here, client, Role.LECTURER)
    other = await here.person("other", Role.LECTURER)
    _, made, _ = await admin.call("POST", "/lectures", plan(lecturer))
    when = f"scheduled_at={made['scheduled_at']}&minutes=40"
    assert {one["id"]: one["busy"] for one in (await admin.call("GET", f"/lecturers?{when}"))[1]["items"]} == {
        lecturer.id: "远离毒品",
        other.id: None,
    }
    changed = (await admin.call("GET", f"/lecturers?{when}&lecture_id={made['id']}"))[1]["items"]
    assert [one["busy"] for one in changed] == [None, None], "the plan that is being changed keeps nobody"
    assert [one["id"] for one in (await admin.call("GET", "/lecturers?q=nobody"))[1]["items"]] == []
    named = (await admin.call("GET", f"/lecturers?q={other.name}"))[1]["items"]
    assert other.id in {one["id"] for one in named}
    assert [one["id"] for one in (await own.call("GET", "/lecturers"))[1]["items"]] == [lecturer.id], "a lecturer: self"


async def test_a_lecture_that_was_called_off_is_not_reviewed(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    _, made, etag = await admin.call("POST", "/lectures", plan(lecturer))
    path = f"/lectures/{made['id']}"
    assert (await admin.call("POST", f"{path}/call-off", {"reason": "停电"}, etag))[0] == 200
    assert await admin.outcome("POST", f"{path}/submit") == (409, "called_off")


async def test_a_class_that_closes_today_is_not_expected_from_midnight_in_china_on(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    scope = {"audience": [XINGYI]}
    before = (await admin.call("POST", "/lectures/preview", scope))[1]["classes"]
    first = next(one for one in here.schools if one.region_code == XINGYI)
    event = {"kind": "closed", "on": "2026-03-03"}
    assert (await admin.call("POST", f"/schools/{first.code}/events", event))[0] == 201
    assert (await admin.call("POST", "/lectures/preview", scope))[1]["classes"] == before
    here.wall.now = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert (await admin.call("POST", "/lectures/preview", scope))[1]["classes"] < before


async def test_a_class_outside_the_scope_has_no_lecture(here: Platform, lecturer: User) -> None:
    junior = next(one for one in here.classes if one.stage == "31")
    primary = next(one for one in here.classes if one.stage == "21")
    made = plan(lecturer, scheduled_at=NOON + timedelta(hours=2), audience=[PREFECTURE], kinds=[], stages=["31"])
    lecture = await here.plans.add(made, lecturer.id)
    await here.lectures.approve(lecture, lecturer.id)
    assert await here.lectures.current_for_class(junior.id) == lecture
    assert await here.lectures.current_for_class(primary.id) is None


async def test_a_lecture_that_was_called_off_is_shown_to_no_class(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    lecture = await here.lecture(lecturer, at=NOON + timedelta(hours=2))
    assert await here.lectures.current_for_class(here.classes[0].id) == lecture
    _, _, etag = await admin.call("GET", f"/lectures/{lecture}")
    status, made, etag = await admin.call("POST", f"/lectures/{lecture}/call-off", {"reason": "停电"}, etag)
    assert (status, made["called_off_reason"]) == (200, "停电")
    assert await admin.outcome("POST", f"/lectures/{lecture}/call-off", {"reason": "停电"}, etag) == (409, "called_off")
    assert await here.lectures.current_for_class(here.classes[0].id) is None


@pytest.mark.parametrize(("state", "action"), [*product(STATES, ACTIONS)])
def test_an_action_that_the_table_does_not_have_is_refused(state: str, action: str) -> None:
    if (state, action) in review.TABLE:
        assert review.after(state, action) in STATES
    else:
        with pytest.raises(Problem, match="illegal_review"):
            review.after(state, action)


async def test_the_steps_of_a_review_cannot_be_rewritten(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    lecture = await here.lecture(lecturer, approved=False)
    await here.plans.decide(lecture, "submit", "", lecturer.id)
    with pytest.raises(DBAPIError, match="append-only"):
        async with here.db.writing() as session:
            await session.execute(text("DELETE FROM lecture_reviews"))


@given(st.integers(0, 600), st.integers(5, 240), st.integers(0, 600), st.integers(5, 240))
def test_times_overlap_when_a_minute_lies_in_both(a: int, first: int, b: int, second: int) -> None:
    zero = datetime(2026, 3, 2, tzinfo=UTC)
    both = set(range(a, a + first)) & set(range(b, b + second))
    at = [zero + timedelta(minutes=minute) for minute in (a, b)]
    assert overlaps(at[0], first, at[1], second) is bool(both)


async def test_planners_aim_within_their_own_node_and_are_shown_what_is_in_it(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    school = next(one for one in here.schools if one.region_code == XINGYI)
    foreign = next(one for one in here.schools if one.region_code == XINGREN)
    whole, county, own = [
        await desk(here, client, Role.LECTURER, node, login)
        for node, login in ((PREFECTURE, "whole"), (XINGYI, "county"), (school.code, "own"))
    ]

    async def shown(who: Desk, parent: str = "") -> list[str]:
        status, told, _ = await who.call("GET", "/aims" + (f"?parent={parent}" if parent else ""))
        return [one["code"] for one in told["items"]] if status == 200 else [told["code"]]

    assert await shown(whole) == [PREFECTURE]
    assert {XINGYI, XINGREN} < {*await shown(whole, PREFECTURE)}
    assert await shown(county) == [XINGYI]
    assert school.code in await shown(county, XINGYI)
    assert await shown(county, XINGREN) == ["not_found"] == await shown(county, "999999")
    assert await shown(own) == [school.code]
    found = (await county.call("GET", f"/aims/search?q={foreign.name}"))[1]["items"]
    assert found == []
    assert len((await whole.call("GET", f"/aims/search?q={foreign.name}"))[1]["items"]) == 1
    unknown = (422, "unknown_node")
    for who, node, told in (
        (whole, PREFECTURE, (201, None)),
        (county, XINGYI, (201, None)),
        (county, XINGREN, unknown),
        (county, PREFECTURE, unknown),
        (county, foreign.code, unknown),
        (own, school.code, (201, None)),
        (own, XINGYI, unknown),
    ):
        assert await who.outcome("POST", "/lectures", plan(audience=[node])) == told, node
        expected = (200, None) if told[1] is None else unknown
        assert await who.outcome("POST", "/lectures/preview", {"audience": [node]}) == expected
    for role in (Role.OPERATOR, Role.COUNTY_ADMIN, Role.REVIEWER):
        assert await (await desk(here, client, role)).outcome("GET", "/aims") == (403, "forbidden")


async def test_what_the_office_aimed_at_stays_when_a_lecturer_changes_their_part(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    own = await desk(here, client, Role.LECTURER, XINGYI, "county")
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    lecturer = await here.auth.user("county")
    assert lecturer is not None
    _, made, etag = await admin.call("POST", "/lectures", plan(lecturer))
    path = f"/lectures/{made['id']}"
    wider = {"audience": [XINGYI, XINGREN, "522323"]}
    assert await own.outcome("PATCH", path, wider, etag) == (422, "unknown_node")
    assert await own.outcome("PATCH", path, {"audience": [XINGREN, XINGYI]}, etag) == (200, None)
