"""The calendar of a school: what a calendar program reads, behind a secret that can be renewed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.directory.models import School
from signaling.lectures.calendar import Entry, Office, calendar
from signaling.lectures.calendar_service import CalendarService
from signaling.operations.logs import redact
from tests.signaling.test_lectures_plan import XINGREN, XINGYI, desk, plan
from tests.support.platform import NOON, PREFECTURE, Platform, platform

SHANGHAI = ZoneInfo("Asia/Shanghai")


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


def events(text: bytes) -> list[Event]:
    parsed = Calendar.from_ical(text)
    assert not [error for one in parsed.walk() for error in one.errors]
    return list(parsed.walk("VEVENT"))


moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@settings(deadline=None)
@given(at=moments, minutes=st.integers(5, 240), title=st.text(max_size=64), sequence=st.integers(0, 1000))
def test_a_calendar_program_reads_what_was_planned(at: datetime, minutes: int, title: str, sequence: int) -> None:
    title = " ".join("".join(letter for letter in title if letter.isprintable()).split())
    at, changed = at.replace(microsecond=0), datetime(2026, 3, 1, 12, tzinfo=UTC)
    entry = Entry("01-ab", title, "毒品认识", "讲师", at, minutes, sequence, changed, called_off=False)
    told = calendar("学校", [entry], Office("禁毒办"))
    assert told == calendar("学校", [entry], Office("禁毒办"))
    assert all(len(line) <= 75 for line in told.split(b"\r\n")), "lines are folded (section 3.1)"
    [one] = events(told)
    assert (one["uid"], one["sequence"], one["status"]) == ("01-ab@jiangtang", sequence, "CONFIRMED")
    assert str(one["summary"]) == title
    starts_at, ends_at = one.decoded("dtstart"), one.decoded("dtend")
    assert starts_at.astimezone(UTC) == at
    assert ends_at - starts_at == timedelta(minutes=minutes)
    assert one["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert one.decoded("last-modified") == changed == one.decoded("dtstamp")


def test_the_zone_is_that_of_the_schools() -> None:
    parsed = Calendar.from_ical(calendar("学校", [], Office("禁毒办", "office@example.org")))
    [zone] = parsed.walk("VTIMEZONE")
    assert (zone["tzid"], zone.walk("STANDARD")[0]["tzoffsetto"].td) == ("Asia/Shanghai", timedelta(hours=8))
    assert parsed["method"] == "PUBLISH"


async def read(client: TestClient[Any, Any], path: str, **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
    async with client.get(path, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


def school_of(here: Platform, county: str) -> School:
    return next(one for one in here.schools if one.region_code == county)


async def test_a_school_reads_the_approved_lectures_that_concern_it(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    school = school_of(here, XINGYI)
    theirs = await here.lecture(lecturer, XINGYI, title="本县", at=NOON + timedelta(days=1))
    await here.lecture(lecturer, XINGREN, title="别县")
    await here.lecture(lecturer, XINGYI, title="未审", approved=False)
    await here.lecture(lecturer, PREFECTURE, title="太久", at=NOON - timedelta(days=400))
    path = (await here.parts.calendars.link(school.code)).path
    status, told, headers = await read(client, path)
    assert (status, headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert "max-age" in headers["Cache-Control"]
    assert "private" in headers["Cache-Control"]
    [one] = events(told)
    assert (one["uid"], str(one["summary"])) == (f"{theirs}@jiangtang", "本县")
    assert one["organizer"].params["CN"] == "禁毒办"
    assert one.decoded("dtstart").astimezone(SHANGHAI).hour == 12
    again = await read(client, path, **{"If-None-Match": headers["ETag"]})
    assert (again[0], again[1]) == (304, b"")


async def test_changes_are_counted_and_what_was_called_off_is_told(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    school, admin = school_of(here, XINGYI), await desk(here, client, Role.PREFECTURE_ADMIN)
    _, made, etag = await admin.call("POST", "/lectures", plan(lecturer))
    await here.lectures.approve(made["id"], lecturer.id)
    _, made, etag = await admin.call("GET", f"/lectures/{made['id']}")
    path = (await here.parts.calendars.link(school.code)).path
    [first] = events((await read(client, path))[1])
    tag = (await read(client, path))[2]["ETag"]
    here.wall.now += timedelta(hours=1)
    later = "2026-03-09T07:30:00Z"
    _, made, etag = await admin.call("PATCH", f"/lectures/{made['id']}", {"scheduled_at": later}, etag)
    [second] = events((await read(client, path))[1])
    assert (first["uid"], first["sequence"] + 1) == (second["uid"], second["sequence"])
    assert second.decoded("last-modified") == here.wall() > first.decoded("last-modified")
    assert second.decoded("dtstart").astimezone(UTC) == datetime.fromisoformat(later)
    assert (await read(client, path, **{"If-None-Match": tag}))[0] == 200
    _, made, etag = await admin.call("POST", f"/lectures/{made['id']}/call-off", {"reason": "停电"}, etag)
    [third] = events((await read(client, path))[1])
    assert (third["uid"], third["status"], third["sequence"]) == (first["uid"], "CANCELLED", second["sequence"] + 1)
    assert "停电" in str(third["description"])


async def test_what_lost_its_approval_is_told_as_cancelled_and_comes_back(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    school, admin = school_of(here, XINGYI), await desk(here, client, Role.PREFECTURE_ADMIN)
    reviewer = await desk(here, client, Role.REVIEWER)
    path = (await here.parts.calendars.link(school.code)).path
    _, made, etag = await admin.call("POST", "/lectures", plan(lecturer, topic="毒品认识"))
    one = f"/lectures/{made['id']}"

    async def read_one() -> Event:
        here.wall.now += timedelta(minutes=1)
        [found] = events((await read(client, path))[1])
        return found

    async def approve() -> None:
        assert await admin.outcome("POST", f"{one}/submit") == (200, None)
        assert await reviewer.outcome("POST", f"{one}/review", {"decision": "approve"}) == (200, None)

    assert events((await read(client, path))[1]) == [], "a draft is nobody's business"
    await approve()
    first = await read_one()
    assert (first["status"], str(first["summary"])) == ("CONFIRMED", "远离毒品")
    returned = await reviewer.outcome("POST", f"{one}/review", {"decision": "return", "note": "请补充"})
    assert returned == (200, None)
    second = await read_one()
    assert (second["uid"], second["status"]) == (first["uid"], "CANCELLED")
    assert second["sequence"] == first["sequence"] + 1
    assert second.decoded("last-modified") > first.decoded("last-modified")
    await approve()
    third = await read_one()
    assert (third["uid"], third["status"], third["sequence"]) == (first["uid"], "CONFIRMED", second["sequence"] + 1)
    etag = (await admin.call("GET", one))[2]
    _, _, etag = await admin.call("PATCH", one, {"title": "没有审核的题目", "summary": "新"}, etag)
    fourth = await read_one()
    assert (fourth["status"], fourth["sequence"]) == ("CANCELLED", third["sequence"] + 1)
    assert "没有审核的题目" not in fourth.to_ical().decode(), "schools learn of a title when it is approved"
    assert "远离毒品" in str(fourth["summary"])
    assert "毒品认识" not in str(fourth["description"])
    assert await admin.outcome("POST", f"{one}/call-off", {"reason": "停电"}, etag) == (200, None)
    last = await read_one()
    assert (last["status"], last["sequence"]) == ("CANCELLED", fourth["sequence"] + 1)
    assert "停电" in str(last["description"])


async def test_kinds_and_stages_narrow_a_calendar(here: Platform, client: TestClient[Any, Any], lecturer: User) -> None:
    school = school_of(here, XINGYI)
    other = "11" if school.kind != "11" else "21"
    for title, narrow in (
        ("同类", {"kinds": [school.kind]}),
        ("别类", {"kinds": [other]}),
        ("幼儿", {"stages": ["11"]}),
    ):
        at = NOON + timedelta(days=len(title) + ord(title[0]) % 50)
        values = {"title": title, "scheduled_at": at, "audience": [XINGYI], "kinds": [], "stages": [], **narrow}
        made = await here.plans.add(values | {"minutes": 40, "lecturer_id": lecturer.id}, lecturer.id)
        await here.lectures.approve(made, lecturer.id)
    stages = {one.stage for one in here.classes if one.school_code == school.code}
    told = {
        str(one["summary"])
        for one in events((await read(client, (await here.parts.calendars.link(school.code)).path))[1])
    }
    assert told == {"同类"} | ({"幼儿"} if "11" in stages else set())


async def test_a_renewed_link_makes_the_old_one_worthless(here: Platform, client: TestClient[Any, Any]) -> None:
    school = school_of(here, XINGYI)
    only = await desk(here, client, Role.SCHOOL_ADMIN, school.code)
    far = await desk(here, client, Role.COUNTY_ADMIN, XINGREN)
    lecturing = await desk(here, client, Role.LECTURER, login="somebody")
    link = f"/schools/{school.code}/calendar"
    assert await far.outcome("GET", link) == (404, "not_found")
    assert await far.outcome("POST", f"{link}/renew") == (404, "not_found")
    assert await lecturing.outcome("GET", link) == (403, "forbidden")
    old = (await only.call("GET", link))[1]["url"]
    assert (await read(client, "/" + old.split("/", 3)[3]))[0] == 200
    new = (await only.call("POST", f"{link}/renew"))[1]
    assert new["number"] == 2
    assert (await only.call("GET", link))[1]["url"] == new["url"] != old
    gone = await read(client, "/" + old.split("/", 3)[3])
    nowhere = await read(client, f"/calendar/2152999999/{'jtc_' + 'a' * 32}.ics")
    assert (gone[0], nowhere[0]) == (404, 404)
    assert gone[1] == nowhere[1]
    assert (await read(client, "/" + new["url"].split("/", 3)[3]))[0] == 200
    other_school = new["url"].split("/", 3)[3].replace(school.code, school_of(here, XINGREN).code)
    assert (await read(client, f"/{other_school}"))[0] == 404, "a secret opens one school"
    assert "jtc_" not in str(redact(None, "", {"path": new["url"]}))  # type: ignore[arg-type]


async def test_another_key_gives_other_links(here: Platform) -> None:
    code = school_of(here, XINGYI).code
    other = CalendarService(here.db, here.settings.lectures, b"another", here.wall)
    assert (await other.link(code)).path != (await here.parts.calendars.link(code)).path
