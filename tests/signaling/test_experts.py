"""The pool of lecturers: who is free when, who sees and changes what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from signaling.auth.identity import Role
from signaling.lectures.availability import Hours, Stretch, is_free, overlapping
from signaling.lectures.models import Lecture
from tests.signaling.test_lectures_plan import XINGREN, XINGYI, Desk, desk
from tests.support.platform import NOON, SAME_ORIGIN, Platform, platform

MONDAY = datetime(2026, 3, 9)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


# -- when somebody is free


@pytest.mark.parametrize(
    ("hour", "minutes", "free"),
    [(9, 60, True), (8, 60, False), (11, 60, True), (11, 61, False), (13, 30, False), (14, 40, True)],
)
def test_weekly_hours(hour: int, minutes: int, free: bool) -> None:
    hours = [Hours(1, 9 * 60, 12 * 60), Hours(1, 14 * 60, 15 * 60)]
    assert is_free(MONDAY + timedelta(hours=hour), minutes, hours, []) is free


def test_exceptions_come_before_hours() -> None:
    nine, hours = MONDAY + timedelta(hours=9), [Hours(1, 9 * 60, 12 * 60)]
    away = Stretch(nine, nine + timedelta(hours=1), free=False)
    assert not is_free(nine + timedelta(minutes=59), 30, hours, [away])
    assert is_free(nine + timedelta(hours=1), 30, hours, [away]), "the end of a stretch is not in it"
    evening = MONDAY + timedelta(hours=19)
    extra = Stretch(evening, evening + timedelta(hours=1), free=True)
    assert is_free(evening, 60, hours, [extra])
    assert not is_free(evening, 61, hours, [extra])
    assert not is_free(evening, 30, hours, [extra, Stretch(evening, evening + timedelta(minutes=1), free=False)])
    assert is_free(evening, 30, [], []), "without hours at any time"


def test_hours_of_two_days_meet_at_midnight() -> None:
    hours = [Hours(1, 23 * 60, 24 * 60), Hours(2, 0, 60)]
    assert is_free(MONDAY + timedelta(hours=23, minutes=30), 60, hours, [])
    assert not is_free(MONDAY + timedelta(hours=23, minutes=30), 91, hours, [])


@given(
    spans=st.lists(st.tuples(st.integers(0, 47), st.integers(1, 12)), max_size=6),
    begin=st.integers(0, 40),
    length=st.integers(1, 8),
)
def test_free_is_what_every_half_hour_of_it_is(spans: list[tuple[int, int]], begin: int, length: int) -> None:
    half = timedelta(minutes=30)
    extra = [Stretch(MONDAY + a * half, MONDAY + (a + b) * half, free=True) for a, b in spans]
    never = [Hours(7, 0, 1)]
    covered = {at for a, b in spans for at in range(a, a + b)}
    whole = is_free(MONDAY + begin * half, 30 * length, never, extra)
    assert whole is ({*range(begin, begin + length)} <= covered)


def test_hours_that_share_time_are_told() -> None:
    assert overlapping([Hours(1, 0, 60), Hours(1, 59, 70)])
    assert not overlapping([Hours(1, 0, 60), Hours(1, 60, 70), Hours(2, 0, 60)])


# -- the pool over HTTP


def _tomorrow(lecturer_id: str, title: str) -> Lecture:
    return Lecture(title=title, lecturer_id=lecturer_id, scheduled_at=NOON + timedelta(days=1))


PROFILE = {
    "name": "专家甲",
    "login": "expert-a",
    "field": "毒品预防教育",
    "organisation": "州禁毒办",
    "contact": "办公室 0859-1",
}


async def admin_of(here: Platform, client: TestClient[Any, Any]) -> Desk:
    return await desk(here, client, Role.PREFECTURE_ADMIN)


async def names(who: Desk, query: str) -> list[str]:
    status, listed, _ = await who.call("GET", f"/experts?{query}")
    assert status == 200, listed
    assert listed["total"] == len(listed["items"])
    return [one["name"] for one in listed["items"]]


async def test_only_who_speaks_of_the_topic_to_the_stage_and_is_free_is_found(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    admin = await admin_of(here, client)
    mornings = {"hours": [{"weekday": 1, "begins": 9 * 60, "ends": 12 * 60}]}
    away = {"exceptions": [{"begins_at": "2026-03-09T00:00:00Z", "ends_at": "2026-03-10T00:00:00Z"}]}
    made = {}
    for name, more in (
        ("甲", {"topics": ["毒品认识"], "stages": ["21"], **mornings}),
        ("乙", {"topics": ["毒品防范"], "stages": ["21"]}),
        ("丙", {"stages": ["31"]}),
        ("丁", {"topics": ["毒品认识"], **away}),
        ("戊", {}),
    ):
        status, one, _ = await admin.call("POST", "/experts", {"name": name} | more)
        assert status == 201, one
        made[name] = one["id"]
    assert set(await names(admin, "topic=毒品认识&stage=21")) == {"甲", "丁", "戊"}
    ten = "free_at=2026-03-09T02:00:00Z&minutes=60"  # Monday, ten o'clock of the schools
    assert set(await names(admin, f"topic=毒品认识&stage=21&{ten}")) == {"甲", "戊"}
    assert set(await names(admin, "topic=毒品认识&stage=21&free_at=2026-03-09T06:00:00Z&minutes=60")) == {"戊"}
    row = Lecture(
        title="已排", lecturer_id=made["戊"], scheduled_at=datetime.fromisoformat("2026-03-09T02:30:00Z"), minutes=40
    )
    lecture = await here.lectures.add(row, [XINGYI])
    assert await names(admin, f"topic=毒品认识&stage=21&{ten}") == ["甲"], "who lectures elsewhere is not free"
    async with here.db.writing() as session:
        (await session.get_one(Lecture, lecture)).called_off_at = here.wall()
    assert set(await names(admin, f"topic=毒品认识&stage=21&{ten}")) == {"甲", "戊"}
    status, _, etag = await admin.call("GET", f"/experts/{made['甲']}")
    assert (await admin.call("PATCH", f"/experts/{made['甲']}", {"active": False}, etag))[0] == 200
    assert await names(admin, f"topic=毒品认识&stage=21&{ten}") == ["戊"]
    assert await names(admin, "active=no") == ["甲"]
    first = (await admin.call("GET", "/experts?active=all&size=2"))[1]
    assert (first["total"], len(first["items"])) == (5, 2)
    assert await names(admin, "active=all&q=乙") == ["乙"]


async def test_a_planner_is_told_who_is_free_and_why_others_are_not(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    admin = await admin_of(here, client)
    begins, ends = "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"
    made = {}
    for name, more in (
        ("甲", {"hours": [{"weekday": 1, "begins": 14 * 60, "ends": 16 * 60}]}),
        ("乙", {"exceptions": [{"begins_at": begins, "ends_at": ends}]}),
        ("丙", {}),
        ("丁", {}),
        ("戊", {}),
    ):
        made[name] = (await admin.call("POST", "/experts", {"name": name} | more))[1]["id"]
    status, _, _ = await admin.call("PATCH", f"/experts/{made['丁']}", {"active": False}, '"1"')
    assert status == 200
    row = Lecture(
        title="已排", lecturer_id=made["丙"], scheduled_at=datetime.fromisoformat("2026-03-09T02:30:00Z"), minutes=40
    )
    lecture = await here.lectures.add(row, [XINGREN])
    asked = "/experts?active=all&at=2026-03-09T02:00:00Z&minutes=60"

    async def told(who: Desk, more: str = "") -> dict[str, list[tuple[str, str | None]]]:
        items = (await who.call("GET", asked + more))[1]["items"]
        return {one["name"]: [(why["reason"], why["title"]) for why in one["hindrances"]] for one in items}

    found = await told(admin)
    assert next(iter(found)) == "戊", "who is free comes first"
    assert found == {
        "戊": [],
        "甲": [("hours", None)],
        "乙": [("away", None)],
        "丙": [("lecture", "已排")],
        "丁": [("inactive", None)],
    }
    [busy] = [one for one in (await admin.call("GET", asked))[1]["items"] if one["name"] == "乙"]
    [why] = busy["hindrances"]
    assert (why["begins_at"], why["ends_at"]) == (begins, ends)
    assert (await told(admin, f"&lecture_id={lecture}"))["丙"] == [], "the plan that is changed is in nobody's way"
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    assert (await told(county))["丙"] == [("lecture", None)], "a title is told to who may see the lecture"
    assert (await admin.call("GET", "/experts?q=戊"))[1]["items"][0]["hindrances"] is None


async def test_a_lecturer_is_added_invited_and_keeps_the_own_profile(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    admin = await admin_of(here, client)
    status, made, etag = await admin.call("POST", "/experts", PROFILE)
    assert (status, made["login"], made["contact"], etag) == (201, "expert-a", "办公室 0859-1", '"1"')
    assert await admin.outcome("POST", "/experts", PROFILE) == (409, "login_taken")
    token = made["invitation_url"].rpartition("/")[2]
    user, _ = await here.auth.invitations.invited(token)
    assert (user.id, user.role, user.name) == (made["id"], Role.LECTURER, "专家甲")
    path = f"/experts/{made['id']}"
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    assert (await county.call("GET", path))[1]["contact"] is None, "the office alone knows how to reach somebody"
    assert await county.outcome("PATCH", path, {}, etag) == (403, "forbidden")
    await here.lectures.approve(await here.lectures.add(_tomorrow(made["id"], "本县"), [XINGYI]), made["id"])
    await here.lectures.approve(await here.lectures.add(_tomorrow(made["id"], "别县"), [XINGREN]), made["id"])
    assert [one["title"] for one in (await county.call("GET", path))[1]["lectures"]] == ["本县"]
    assert len((await admin.call("GET", path))[1]["lectures"]) == 2
    own = await desk(here, client, Role.LECTURER, login="expert-a")
    other = await desk(here, client, Role.LECTURER, login="somebody")
    assert (await own.call("GET", path))[1]["contact"] == "办公室 0859-1"
    assert await other.outcome("GET", path) == (404, "not_found")
    assert await own.outcome("GET", "/experts") == (403, "forbidden")
    assert await own.outcome("PATCH", path, {"active": False}, etag) == (403, "forbidden")
    changed, document, newer = await own.call("PATCH", path, {"topics": ["毒品认识"]}, etag)
    assert (changed, document["topics"], newer) == (200, ["毒品认识"], '"2"')
    assert await admin.outcome("PATCH", path, {"field": "x"}, etag) == (412, "changed_meanwhile")
    assert await admin.outcome("PATCH", path, {"field": "x"}) == (428, "no_if_match")
    # A lecturer whom somebody made elsewhere is in the pool and has no profile yet.
    status, bare, etag = await other.call("GET", f"/experts/{(await here.auth.user('somebody')).id}")  # type: ignore[union-attr]
    assert (status, bare["version"], bare["active"], etag) == (200, 0, True, '"0"')
    assert (await other.call("PATCH", f"/experts/{bare['id']}", {"field": "法治"}, etag))[1]["version"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact": "52232319900101123X"},
        {"introduction": "号码 522323 1990 0101 1234"},
        {"topics": ["天文"]},
        {"stages": ["00"]},
        {"hours": [{"weekday": 1, "begins": 60, "ends": 60}]},
        {"hours": [{"weekday": 1, "begins": 0, "ends": 60}, {"weekday": 1, "begins": 30, "ends": 90}]},
        {"exceptions": [{"begins_at": "2026-03-09T00:00:00Z", "ends_at": "2026-03-08T00:00:00Z"}]},
    ],
)
async def test_what_is_no_profile_is_refused(
    here: Platform, client: TestClient[Any, Any], wrong: dict[str, Any]
) -> None:
    admin = await admin_of(here, client)
    assert await admin.outcome("POST", "/experts", PROFILE | wrong) == (422, "invalid")


async def test_a_login_by_a_link_to_one_lecture_is_no_login_to_the_profile(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    lecturer = await here.person("lecturer", Role.LECTURER)
    lecture = await here.lecture(lecturer)
    own = await desk(here, client, Role.LECTURER, login="lecturer")
    made = (await own.call("POST", f"/lectures/{lecture}/invitation"))[1]
    token = made["studio_url"].partition("#invite=")[2]
    answer = await client.post("/api/v1/session/invitation", json={"token": token}, headers=SAME_ORIGIN)
    assert answer.status == 201
    assert (await client.get(f"/api/v1/experts/{lecturer.id}")).status == 403


# -- what planners say of lecturers


async def test_planners_rate_a_lecture_that_has_ended_and_the_newest_opinion_counts(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    lecturer = await here.person("lecturer", Role.LECTURER)
    lecture, second = await here.lecture(lecturer, XINGYI), await here.lecture(lecturer, XINGREN)
    admin, county = await admin_of(here, client), await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    path = f"/lectures/{lecture}/rating"
    good = {"stars": 5, "note": "讲得清楚"}
    assert await admin.outcome("POST", path, good) == (409, "not_over")
    here.states |= {lecture: "ended", second: "archived"}
    for wrong in ({"stars": 0}, {"stars": 6}, {"note": "没有分"}, {"stars": 3, "note": "52232319900101123X"}):
        assert await admin.outcome("POST", path, wrong) == (422, "invalid")
    status, told, _ = await admin.call("POST", path, good)
    assert (status, told["own"]["stars"], told["lecturer"]) == (201, 5, {"mean": 5.0, "count": 1})
    here.wall.now += timedelta(minutes=1)
    assert (await admin.call("POST", path, {"stars": 2}))[1]["lecturer"] == {"mean": 2.0, "count": 1}
    assert (await admin.call("GET", path))[1]["own"]["stars"] == 2, "the newest takes the place of the earlier one"
    assert (await county.call("POST", path, {"stars": 3}))[1]["lecturer"] == {"mean": 2.5, "count": 2}
    assert await county.outcome("POST", f"/lectures/{second}/rating", good) == (404, "not_found")
    assert (await admin.call("POST", f"/lectures/{second}/rating", {"stars": 5}))[0] == 201
    found = (await county.call("GET", "/experts"))[1]["items"]
    assert [one["rating"] for one in found] == [{"mean": 3.33, "count": 3}]
    assert (await county.call("GET", f"/experts/{lecturer.id}"))[1]["rating"]["count"] == 3


async def test_no_lecturer_and_no_reviewer_reads_an_opinion(here: Platform, client: TestClient[Any, Any]) -> None:
    lecturer = await here.person("lecturer", Role.LECTURER)
    lecture = await here.lecture(lecturer, XINGYI)
    here.states[lecture] = "ended"
    await here.parts.ratings.rate(lecture, lecturer.id, 1, "", "somebody")
    for role in (Role.LECTURER, Role.REVIEWER, Role.OPERATOR, Role.AUDITOR):
        login = "lecturer" if role is Role.LECTURER else ""
        who = await desk(here, client, role, login=login)
        assert await who.outcome("GET", f"/lectures/{lecture}/rating") == (403, "forbidden")
        assert await who.outcome("POST", f"/lectures/{lecture}/rating", {"stars": 5}) == (403, "forbidden")
        status, document, _ = await who.call("GET", f"/experts/{lecturer.id}")
        assert status == 403 or document["rating"] is None
    for statement in ("UPDATE expert_ratings SET stars = 5", "DELETE FROM expert_ratings"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with here.db.writing() as session:
                await session.execute(text(statement))
