"""Lists of lectures: the window of a calendar, what of a lecture is a county's own, the lectures of one class."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from signaling.attendance.arrivals_service import ArrivalsService
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.lectures.models import Lecture
from signaling.ledger.events import Subject
from signaling.ledger.facts import Joined
from tests.signaling.test_lectures_plan import XINGREN, XINGYI, desk
from tests.support.platform import NOON, PREFECTURE, Platform, platform
from tests.support.roll import ledger


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


async def call_off(here: Platform, lecture_id: str) -> None:
    async with here.db.writing() as session:
        row = await session.get_one(Lecture, lecture_id)
        row.called_off_at, row.called_off_reason = here.wall(), "停电"


async def test_a_calendar_asks_for_its_window_oldest_first(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    admin, other = await desk(here, client, Role.PREFECTURE_ADMIN), await here.person("other", Role.LECTURER)
    days = [
        await here.lecture(lecturer if day % 2 else other, title=f"第{day}天", at=NOON + timedelta(days=day))
        for day in range(5)
    ]
    await call_off(here, days[2])
    window = "since=2026-03-03T04:00:00Z&until=2026-03-06T04:00:00Z&order=oldest"

    async def ids(more: str) -> list[str]:
        status, listed, _ = await admin.call("GET", f"/lectures?{more}")
        assert status == 200, listed
        assert listed["total"] == len(listed["items"])
        return [one["id"] for one in listed["items"]]

    assert await ids(window) == days[1:4], "the end of the window is not in it"
    assert await ids(f"{window}&called_off=false") == [days[1], days[3]]
    assert await ids("called_off=true") == [days[2]]
    assert await ids(f"lecturer_id={other.id}") == [days[4], days[2], days[0]]
    assert await admin.outcome("GET", "/lectures?order=random") == (400, "bad_query")


async def test_a_county_and_a_school_are_told_their_own_numbers(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    school = next(one for one in here.schools if one.region_code == XINGYI)
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    only = await desk(here, client, Role.SCHOOL_ADMIN, school.code)
    lecture = await here.lecture(lecturer, XINGYI, XINGREN)
    of_county = {one.code for one in here.schools if one.region_code == XINGYI}

    def counted(schools: set[str]) -> dict[str, int]:
        classes = [one for one in here.classes if one.school_code in schools]
        pupils = sum(one.pupils for one in classes)
        return {"classes": len(classes), "schools": len({one.school_code for one in classes}), "pupils": pupils}

    everybody = counted({one.code for one in here.schools if one.region_code in {XINGYI, XINGREN}})
    for _ in ("before the opening", "after it"):
        for who, own in ((admin, None), (county, counted(of_county)), (only, counted({school.code}))):
            one = (await who.call("GET", f"/lectures/{lecture}"))[1]
            listed = (await who.call("GET", "/lectures"))[1]["items"][0]
            assert (one["targets"], one["own"]) == (everybody, own) == (listed["targets"], listed["own"])
        await here.lectures.freeze_targets(lecture)


async def test_a_frozen_lecture_that_wanted_nobody_of_a_county_stays_so(
    here: Platform, lecturer: User, client: TestClient[Any, Any]
) -> None:
    """A class that comes to the county later was not expected: the list of the opening counts."""
    lecture = await here.lecture(lecturer, XINGREN)
    await here.lectures.freeze_targets(lecture)
    scope = await here.directory.scope(XINGYI)
    assert (await here.lectures.counts.of_many([lecture], scope))[lecture].classes == 0


async def test_the_lectures_of_a_class(
    here: Platform, client: TestClient[Any, Any], lecturer: User, tmp_path: Path
) -> None:
    school = next(one for one in here.schools if one.region_code == XINGYI)
    mine = next(one for one in here.classes if one.school_code == school.code)
    past = await here.lecture(lecturer, XINGYI, at=NOON - timedelta(days=7), title="上周")
    await here.lectures.freeze_targets(past)
    coming = await here.lecture(lecturer, PREFECTURE, at=NOON + timedelta(days=1), title="明天")
    off = await here.lecture(lecturer, school.code, at=NOON + timedelta(days=2), title="取消")
    await call_off(here, off)
    await here.lecture(lecturer, XINGREN, title="别县")
    await here.lecture(lecturer, XINGYI, title="未审", approved=False)
    book = ledger(here.db, tmp_path)
    here.lectures.arrivals = ArrivalsService(book).of_class
    for number, at in enumerate((NOON, NOON - timedelta(minutes=5))):
        came = [Joined(f"{number}-{one}", f"screen-{one}", one, at, "boot-1") for one in (mine.id, "another class")]
        await book.record(Subject(past, "b"), *came)
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    status, listed, _ = await county.call("GET", f"/classes/{mine.id}/lectures")
    assert status == 200
    assert [(one["id"], one["expected"]) for one in listed["items"]] == [(off, False), (coming, False), (past, True)]
    assert [one["joined_at"] for one in listed["items"]] == [None, None, "2026-03-02T03:55:00Z"]
    assert listed["items"][0]["called_off_reason"] == "停电"
    assert {one["state"] for one in listed["items"]} == {"scheduled"}
    assert (await county.call("GET", f"/classes/{mine.id}/lectures?since=2026-03-02T04:00:00Z"))[1]["total"] == 2

    far = await desk(here, client, Role.COUNTY_ADMIN, XINGREN, "far")
    lecturing = await desk(here, client, Role.LECTURER, login="lecturer")
    assert await far.outcome("GET", f"/classes/{mine.id}/lectures") == (404, "not_found")
    assert await far.outcome("GET", "/classes/nowhere/lectures") == (404, "not_found")
    assert await lecturing.outcome("GET", f"/classes/{mine.id}/lectures") == (403, "forbidden")
