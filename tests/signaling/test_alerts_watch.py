"""The round of the rules on a database: what is written, that a restart writes nothing twice, and what people answer over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select, update

from signaling.alerts.models import Alert, AlertStep
from signaling.alerts.parts import AlertParts
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from signaling.directory.models import School, Screen
from signaling.lines.documents import LineTestOrder
from tests.support.platform import NOON, PREFECTURE, SAME_ORIGIN, Platform, platform

XINGYI, XINGREN = "522301", "522302"
SOON = NOON + timedelta(minutes=9)


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


class Desk:
    """A person at the API."""

    def __init__(self, client: TestClient[Any, Any], token: str, user: User) -> None:
        self.client, self.headers, self.user = client, SAME_ORIGIN | {"Authorization": f"Bearer {token}"}, user

    async def call(self, method: str, path: str, body: Any = None, etag: str = "") -> tuple[int, Any, str]:
        headers = self.headers | ({"If-Match": etag} if etag else {})
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        return answer.status, await answer.json(), answer.headers.get("ETag", "")

    async def items(self, path: str) -> list[Any]:
        status, document, _ = await self.call("GET", path)
        assert status == 200, document
        return list(document["items"])


async def desk(here: Platform, client: TestClient[Any, Any], role: Role, node: str = PREFECTURE) -> Desk:
    login = f"{role}-{node}"
    user = await here.auth.user(login) or await here.person(login, role, node)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    return Desk(client, token, user)


def schools_of(here: Platform, county: str) -> list[School]:
    return [school for school in here.schools if school.region_code == county]


async def screen_of(here: Platform, school: School) -> str:
    """Pair a screen of a school's first class."""
    own = next(made for made in here.classes if made.school_code == school.code)
    return await here.directory.add_screen(own.id, 1, opaque.mint(opaque.DEVICE_TOKEN))


async def seen(here: Platform, screen_id: str) -> None:
    async with here.db.writing() as session:
        await session.execute(update(Screen).where(Screen.id == screen_id).values(last_seen_at=here.wall()))


async def rows(here: Platform, *conditions: Any) -> list[Alert]:
    async with here.db.reading() as session:
        return list(await session.scalars(select(Alert).where(*conditions).order_by(Alert.id)))


async def steps(here: Platform, alert_id: str) -> list[str]:
    statement = select(AlertStep).where(AlertStep.alert_id == alert_id).order_by(AlertStep.at, AlertStep.id)
    async with here.db.reading() as session:
        return [step.kind for step in await session.scalars(statement)]


async def test_nobody_on_duty_is_an_alarm_until_somebody_is(here: Platform, client: Any, lecturer: User) -> None:
    lecture = await here.lecture(lecturer, at=NOON + timedelta(minutes=31))
    office = await desk(here, client, Role.PREFECTURE_ADMIN)
    assert not await here.alerts.watch.round()
    here.wall.now += timedelta(minutes=2)
    await here.alerts.watch.round()
    (alarm,) = await office.items("/alerts")
    assert (alarm["rule"], alarm["level"], alarm["node"]["code"]) == ("no_duty", "prefecture", PREFECTURE)
    assert alarm["lecture"]["id"] == lecture
    status, told, _ = await office.call("POST", f"/alerts/{alarm['id']}/acknowledge", {"note": "我来"})
    assert (status, told["acknowledged"]["name"]) == (200, office.user.name)
    assert told["acknowledged"]["at"] == "2026-03-02T04:02:00Z"
    again = await office.call("POST", f"/alerts/{alarm['id']}/acknowledge", {})
    assert (again[0], again[1]["code"]) == (409, "acknowledged_already")
    _, _, etag = await office.call("GET", f"/lectures/{lecture}/duty")
    status, told, _ = await office.call("PUT", f"/lectures/{lecture}/duty", {"people": [office.user.id]}, etag)
    assert (status, [one["name"] for one in told["items"]]) == (200, [office.user.name])
    await here.alerts.watch.round()
    assert await office.items("/alerts") == []
    (cleared,) = await office.items("/alerts?state=all")
    assert cleared["cleared_because"] == "resolved"
    assert await steps(here, alarm["id"]) == ["opened", "acknowledged", "cleared"]


async def test_schools_that_are_not_there_are_reminded_each_on_its_own_console(
    here: Platform, client: Any, lecturer: User
) -> None:
    there, missing = schools_of(here, XINGYI)[:2]
    await here.lecture(lecturer, there.code, missing.code, title="两校讲座", at=SOON)
    await seen(here, await screen_of(here, there))
    await screen_of(here, missing)
    await here.alerts.watch.round()
    school = await desk(here, client, Role.SCHOOL_ADMIN, missing.code)
    other = await desk(here, client, Role.SCHOOL_ADMIN, there.code)
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    foreign = await desk(here, client, Role.COUNTY_ADMIN, XINGREN)
    office = await desk(here, client, Role.PREFECTURE_ADMIN)
    (reminder,) = await school.items("/alerts")
    assert (reminder["rule"], reminder["level"], reminder["node"]["name"]) == ("absent", "school", missing.name)
    assert await other.items("/alerts") == []
    assert await foreign.items("/alerts?below=true&state=all") == []
    (line,) = await county.items("/alerts")
    assert (line["level"], line["count"], line["expected"]) == ("county", 1, 2)
    assert {one["level"] for one in await county.items("/alerts?below=true")} == {"county", "school"}
    assert [(one["rule"], one["count"]) for one in await office.items("/alerts?rule=absent")] == [("absent", 1)]
    assert (await foreign.call("GET", f"/alerts/{reminder['id']}"))[1]["code"] == "not_found"
    assert (await other.call("POST", f"/alerts/{reminder['id']}/acknowledge", {}))[0] == 404
    counts = (await school.call("GET", "/alerts/counts"))[1]
    assert counts == {"open": 1, "unacknowledged": 1}
    assert (await school.call("POST", f"/alerts/{reminder['id']}/acknowledge", {}))[0] == 200
    assert (await school.call("GET", "/alerts/counts"))[1] == {"open": 1, "unacknowledged": 0}


async def test_the_call_list_tells_why_and_whom_to_call(here: Platform, client: Any, lecturer: User) -> None:
    there, silent, bare = schools_of(here, XINGYI)[:3]
    lecture = await here.lecture(lecturer, XINGYI, at=SOON)
    await seen(here, await screen_of(here, there))
    await screen_of(here, silent)
    await here.alerts.watch.round()
    school = await desk(here, client, Role.SCHOOL_ADMIN, silent.code)
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    _, document, _ = await county.call("GET", f"/lectures/{lecture}/absent")
    by_code = {one["school"]["code"]: one for one in document["items"]}
    assert there.code not in by_code
    assert document["total"] == document["expected"] - 1
    assert (by_code[silent.code]["reason"], by_code[bare.code]["reason"]) == ("not_online", "never_paired")
    assert by_code[silent.code]["contacts"] == [school.user.name]
    assert {item["paired"] for item in by_code[silent.code]["items"]} == {True, False}
    assert [one["county"]["code"] for one in document["counties"]] == [XINGYI]
    reminder = by_code[silent.code]["reminder"]["id"]
    status, told, _ = await county.call("POST", f"/alerts/{reminder}/contacted", {"note": "正在开机"})
    assert (status, told["contacted"]["name"], told["steps"][-1]["note"]) == (200, county.user.name, "正在开机")
    _, document, _ = await county.call("GET", f"/lectures/{lecture}/absent?size=200")
    called = next(one for one in document["items"] if one["school"]["code"] == silent.code)
    assert called["reminder"]["contacted_at"] is not None
    _, own, _ = await school.call("GET", f"/lectures/{lecture}/absent")
    assert [one["school"]["code"] for one in own["items"]] == [silent.code]
    async with here.db.reading() as session:
        actions = set(await session.scalars(select(AuditEntry.action)))
    assert "alert.contacted" in actions


async def test_a_school_whose_line_was_bad_is_listed_so(here: Platform, client: Any, lecturer: User) -> None:
    good, bad = schools_of(here, XINGYI)[:2]
    lecture = await here.lecture(lecturer, good.code, bad.code, at=SOON)
    for school, verdicts in ((good, ("bad", "limited")), (bad, ("good", "bad"))):
        screen = await screen_of(here, school)
        for run, verdict in enumerate(verdicts):
            line = {"kind": "udp", "state": verdict, "code": "blocked"}
            order = LineTestOrder.model_validate({"run": f"run-{run:04d}", "lines": [line]})
            await here.lines.report(screen, "Chrome", order)
    county = await desk(here, client, Role.COUNTY_ADMIN, XINGYI)
    found = {one["school"]["code"]: one for one in await county.items(f"/lectures/{lecture}/absent")}
    assert (found[good.code]["reason"], found[good.code]["line"]["good"]) == ("not_online", True)
    assert (found[bad.code]["reason"], found[bad.code]["line"]["good"]) == ("line_bad", False)


async def test_a_restart_raises_nothing_again_and_a_long_sleep_is_caught_up(here: Platform, lecturer: User) -> None:
    await here.lecture(lecturer, at=SOON)
    await here.alerts.watch.round()
    before = [(one.id, one.opened_at) for one in await rows(here)]
    assert len(before) > 10
    again = AlertParts(here.db, here.settings, here.today, bytes(32), clock=here.wall)
    assert not await again.watch.round()
    here.wall.now = SOON + timedelta(minutes=2)  # down while it should have gone up
    await again.watch.round()
    assert [(one.id, one.opened_at) for one in await rows(here, Alert.opened_at == NOON)] == before
    escalated = await rows(here, Alert.escalated_at.is_not(None))
    assert len(escalated) == len(before)
    assert not await again.watch.round()
    here.wall.now += timedelta(hours=13)
    await again.watch.round()
    assert await rows(here, Alert.cleared_at.is_(None)) == []


async def test_two_nodes_raise_one_alarm(here: Platform, lecturer: User) -> None:
    await here.lecture(lecturer, at=SOON)
    other = AlertParts(here.db, here.settings, here.today, bytes(32), clock=here.wall)
    first, second = await here.alerts.watch.round(), await other.watch.round()
    assert first
    assert not second
    found = await rows(here)
    assert len({(one.rule, one.subject, one.node) for one in found}) == len(found)


async def test_the_roster_refuses_lost_updates_and_people_who_cannot(
    here: Platform, client: Any, lecturer: User
) -> None:
    lecture = await here.lecture(lecturer, XINGYI, at=SOON)
    office = await desk(here, client, Role.PREFECTURE_ADMIN)
    county, far = (
        await desk(here, client, Role.COUNTY_ADMIN, XINGYI),
        await desk(here, client, Role.COUNTY_ADMIN, XINGREN),
    )
    operator = await desk(here, client, Role.OPERATOR)
    path = f"/lectures/{lecture}/duty"
    names = {one["name"] for one in await office.items(f"{path}/candidates")}
    assert {office.user.name, county.user.name, operator.user.name} <= names
    assert not {far.user.name, lecturer.name} & names
    assert (await office.call("PUT", path, {"people": []}))[0] == 428
    status, _, etag = await office.call("PUT", path, {"people": [county.user.id]}, '"0"')
    assert (status, etag) == (200, '"1"')
    assert (await office.call("PUT", path, {"people": [operator.user.id]}, '"0"'))[1]["code"] == "changed_meanwhile"
    assert (await operator.call("PUT", path, {"people": [operator.user.id]}, etag))[2] == '"2"'
    for wrong in (far.user.id, lecturer.id, "nobody"):
        assert (await office.call("PUT", path, {"people": [wrong]}, '"2"'))[1]["code"] == "unknown_person"
    assert (await county.call("PUT", path, {"people": []}, '"2"'))[1]["code"] == "forbidden"
    assert [one["name"] for one in await county.items(path)] == [operator.user.name]


async def test_people_whose_account_is_closed_watch_over_nothing(here: Platform, client: Any, lecturer: User) -> None:
    lecture = await here.lecture(lecturer, at=NOON + timedelta(minutes=20))
    office, operator = await desk(here, client, Role.PREFECTURE_ADMIN), await desk(here, client, Role.OPERATOR)
    await office.call("PUT", f"/lectures/{lecture}/duty", {"people": [operator.user.id]}, '"0"')
    assert not await here.alerts.watch.round()
    async with here.db.writing() as session:
        await session.execute(update(User).where(User.id == operator.user.id).values(disabled_at=NOON))
    assert [key.rule for key, _, _ in (await here.alerts.watch.round()).raised] == ["no_duty"]


async def test_auditors_read_and_answer_nothing(here: Platform, client: Any, lecturer: User) -> None:
    await here.lecture(lecturer, at=NOON + timedelta(minutes=20))
    await here.alerts.watch.round()
    auditor = await desk(here, client, Role.AUDITOR)
    (alarm,) = await auditor.items("/alerts")
    assert (await auditor.call("POST", f"/alerts/{alarm['id']}/acknowledge", {}))[1]["code"] == "forbidden"
