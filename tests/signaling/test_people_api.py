"""People over HTTP: who is seen, who is added where, invitations, disabling, and that nobody raises anybody above themselves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform, log_in, platform

HOME, AWAY = "522301", "522323"
NEW = {"login": "New.Person", "name": "新人", "role": "county_admin", "node": HOME}
Client = TestClient[Any, Any]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[Client]:
    async with as_somebody(here, "keeper", Role.PREFECTURE_ADMIN) as made:
        yield made


@asynccontextmanager
async def as_somebody(
    here: Platform, login: str, role: Role, node: str = PREFECTURE, agency: str | None = None
) -> AsyncIterator[Client]:
    """Yield the client of a new person who asks by a token."""
    user = await here.person(login, role, node)
    async with here.db.writing() as session:
        (await session.get_one(User, user.id)).agency = agency
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    async with here.client() as made:
        made.session.headers["Authorization"] = f"Bearer {token}"
        yield made


async def call(client: Client, method: str, path: str, body: Any = None, etag: str = "") -> tuple[int, Any, str]:
    headers = SAME_ORIGIN | ({"If-Match": etag} if etag else {})
    answer = await client.request(method, f"/api/v1/people{path}", json=body, headers=headers)
    return answer.status, await answer.json(), answer.headers.get("ETag", "")


async def code_of(client: Client, method: str, path: str, body: Any = None, etag: str = "") -> Any:
    status, document, _ = await call(client, method, path, body, etag)
    return status, document.get("code")


async def audited(here: Platform, subject: str) -> list[tuple[str, Any]]:
    async with here.db.reading() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id))
        return [(row.action, json.loads(row.detail)) for row in rows]


def school_in(here: Platform, county: str) -> str:
    return next(one.code for one in here.schools if one.region_code == county)


async def test_a_person_is_added_with_an_invitation_that_lets_them_set_a_password(
    here: Platform, client: Client
) -> None:
    status, made, etag = await call(client, "POST", "", NEW)
    person, invitation = made["person"], made["invitation"]
    assert (status, etag) == (201, '"1"')
    assert person["node"] == {"code": HOME, "name": "兴义市", "level": "county"}
    told = ("login", "role", "agency", "state", "second_factor", "last_login_at", "open_logins", "managed")
    assert [person[name] for name in told] == ["new.person", "county_admin", None, "invited", False, None, 0, True]
    assert person["invited_until"] == invitation["expires_at"]
    origin, _, token = invitation["url"].partition("/console#/invited/")
    assert origin.startswith("http://127.0.0.1:")
    password = "correct horse 电池 7"
    await here.auth.account.set_password(token, password)
    async with here.client() as browser:
        assert (await log_in(browser, "new.person", password)).status == 201
    _, read, _ = await call(client, "GET", f"/{person['id']}")
    assert (read["state"], read["invited_until"], read["open_logins"]) == ("active", None, 1)
    log = await audited(here, person["id"])
    added = {"login": "new.person", "role": "county_admin", "node": HOME, "agency": None}
    assert log[:2] == [("person.added", added), ("person.invited", {"first": True})]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"login": "a"}, (422, "invalid")),
        ({"login": "张三三"}, (422, "invalid")),
        ({"login": "KEEPER"}, (409, "login_taken")),
        ({"name": " "}, (422, "invalid")),
        ({"role": "king"}, (422, "invalid")),
        ({"node": "999999"}, (422, "unknown_node")),
        ({"node": PREFECTURE}, (422, "wrong_level")),
        ({"agency": "police"}, (422, "agency_elsewhere")),
        ({"agency": "health"}, (422, "unknown_agency")),
        ({"password": "x"}, (422, "invalid")),
    ],
)
async def test_a_person_who_cannot_be_is_refused(client: Client, change: Any, answer: Any) -> None:
    assert await code_of(client, "POST", "", NEW | change) == answer


async def test_an_older_code_names_its_county(client: Client) -> None:
    status, made, _ = await call(client, "POST", "", NEW | {"node": "522322"})
    assert (status, made["person"]["node"]["code"]) == (201, "522302")


async def test_a_county_makes_administrators_of_its_own_and_nothing_else(here: Platform) -> None:
    own, foreign = school_in(here, HOME), school_in(here, AWAY)
    async with as_somebody(here, "county", Role.COUNTY_ADMIN, HOME) as client:
        wanted = [
            ("school_admin", own, 201, None),
            ("county_admin", HOME, 201, None),
            ("school_admin", foreign, 422, "unknown_node"),
            ("county_admin", AWAY, 422, "unknown_node"),
            ("prefecture_admin", PREFECTURE, 422, "unknown_node"),
            ("reviewer", HOME, 422, "wrong_level"),
            ("lecturer", HOME, 403, "not_yours_to_give"),
        ]
        for number, (role, node, status, code) in enumerate(wanted):
            body = {"login": f"made-{number}", "name": "某人", "role": role, "node": node}
            assert await code_of(client, "POST", "", body) == (status, code), (role, node)
        options = (await call(client, "GET", "/options"))[1]
        assert [(one["role"], one["levels"]) for one in options["roles"]] == [
            ("county_admin", ["county"]),
            ("school_admin", ["school"]),
        ]
        assert [one["key"] for one in options["agencies"]] == ["narcotics", "education", "police"]


async def test_people_elsewhere_do_not_exist_and_people_above_cannot_be_changed(here: Platform) -> None:
    away = await here.person("away", Role.COUNTY_ADMIN, AWAY)
    top = await here.person("top", Role.PREFECTURE_ADMIN)
    school = await here.person("school", Role.SCHOOL_ADMIN, school_in(here, HOME))
    lecturer = await here.person("talker", Role.LECTURER, HOME)
    orders = ("disable", "enable", "invitation", "second-factor/reset", "logins/end")
    async with as_somebody(here, "county", Role.COUNTY_ADMIN, HOME) as client:
        listed = (await call(client, "GET", ""))[1]
        assert [(one["login"], one["managed"]) for one in listed["items"]] == [
            ("county", False),
            ("school", True),
            ("talker", False),
        ]
        for hidden in (away.id, top.id, "00000000-0000-7000-8000-000000000000"):
            assert await code_of(client, "GET", f"/{hidden}") == (404, "not_found")
            assert await code_of(client, "PATCH", f"/{hidden}", {"name": "x"}, '"1"') == (404, "not_found")
            for order in orders:
                assert await code_of(client, "POST", f"/{hidden}/{order}") == (404, "not_found")
        for order in orders:
            assert await code_of(client, "POST", f"/{lecturer.id}/{order}") == (403, "not_yours_to_change")
        edit = {"role": "county_admin", "node": AWAY}
        assert await code_of(client, "PATCH", f"/{school.id}", edit, '"1"') == (422, "unknown_node")


async def test_readers_change_nobody(here: Platform) -> None:
    victim = await here.person("victim", Role.SCHOOL_ADMIN, school_in(here, HOME))
    async with as_somebody(here, "auditor", Role.AUDITOR) as client:
        assert (await call(client, "GET", f"/{victim.id}"))[1]["managed"] is False
        assert await code_of(client, "POST", f"/{victim.id}/disable") == (403, "forbidden")
        assert await code_of(client, "POST", "", NEW) == (403, "forbidden")


async def test_filters_and_order(here: Platform, client: Client) -> None:
    school = school_in(here, HOME)
    await here.person("b-school", Role.SCHOOL_ADMIN, school)
    await here.person("a-county", Role.COUNTY_ADMIN, HOME)
    away = await here.person("c-county", Role.COUNTY_ADMIN, AWAY)
    await call(client, "POST", f"/{away.id}/disable")
    await call(client, "POST", "", NEW | {"login": "d-new", "name": "新来的人"})
    police = {"login": "e-police", "name": "民警", "role": "auditor", "node": PREFECTURE, "agency": "police"}
    assert (await call(client, "POST", "", police))[0] == 201

    async def logins(query: str) -> list[str]:
        return [one["login"] for one in (await call(client, "GET", query))[1]["items"]]

    assert await logins("?role=county_admin") == ["a-county", "c-county", "d-new"]
    assert await logins(f"?node={HOME}") == ["a-county", "b-school", "d-new"]
    assert await logins(f"?node={school}") == ["b-school"]
    assert await logins("?node=999999") == []
    assert await logins("?state=disabled") == ["c-county"]
    assert await logins("?state=invited") == ["d-new", "e-police"]
    assert await logins("?state=active&sort=-login") == ["keeper", "b-school", "a-county"]
    assert await logins("?q=COUNTY a-") == ["a-county"]
    assert await logins("?q=新来") == ["d-new"]
    assert await logins("?agency=police") == ["e-police"]
    assert await logins("?size=2&page=2") == ["c-county", "d-new"]
    assert (await call(client, "GET", "?size=2"))[1]["total"] == 6


async def test_an_edit_refuses_to_lose_another_and_ends_logins_when_rights_change(
    here: Platform, client: Client
) -> None:
    person = await here.person("moving", Role.COUNTY_ADMIN, HOME)
    ended: list[str] = []

    async def note(user_id: str) -> None:
        ended.append(user_id)

    here.people.logins_ended = note
    async with here.client() as browser:
        assert (await log_in(browser, "moving")).status == 201
        path = f"/{person.id}"
        assert await code_of(client, "PATCH", path, {"name": "改名"}) == (428, "no_if_match")
        status, renamed, etag = await call(client, "PATCH", path, {"name": "改名"}, '"1"')
        assert (status, renamed["name"], etag) == (200, "改名", '"2"')
        assert (await browser.get("/api/v1/session")).status == 200
        assert await code_of(client, "PATCH", path, {"name": "再改"}, '"1"') == (412, "changed_meanwhile")
        assert ended == []
        status, moved, etag = await call(client, "PATCH", path, {"node": AWAY}, etag)
        assert (status, moved["node"]["code"], moved["open_logins"], ended) == (200, AWAY, 0, [person.id])
        assert (await browser.get("/api/v1/session")).status == 401
    same = await call(client, "PATCH", path, {"node": AWAY, "name": "改名", "agency": None}, etag)
    assert same[2] == etag, "nothing was changed"
    changes = [detail for action, detail in await audited(here, person.id) if action == "person.changed"]
    assert changes == [
        {"before": {"name": "Moving"}, "after": {"name": "改名"}},
        {"before": {"node": HOME}, "after": {"node": AWAY}},
    ]


async def test_a_disabled_person_is_out_at_once_and_can_come_back(here: Platform, client: Client) -> None:
    person = await here.person("leaver", Role.COUNTY_ADMIN, HOME)
    async with here.client() as browser:
        assert (await log_in(browser, "leaver")).status == 201
        status, read, _ = await call(client, "POST", f"/{person.id}/disable")
        assert (status, read["state"], read["open_logins"]) == (200, "disabled", 0)
        assert (await browser.get("/api/v1/session")).status == 401
        assert (await log_in(browser, "leaver")).status == 401
        assert await code_of(client, "POST", f"/{person.id}/invitation") == (409, "person_disabled")
        assert (await call(client, "POST", f"/{person.id}/disable"))[0] == 200, "twice is once"
        assert (await call(client, "POST", f"/{person.id}/enable"))[1]["state"] == "active"
        assert (await log_in(browser, "leaver")).status == 201
    kept = [action for action, _ in await audited(here, person.id) if action.startswith("person.")]
    assert kept == ["person.disabled", "person.enabled"]


async def test_logins_end_and_a_new_invitation_replaces_the_old(here: Platform, client: Client) -> None:
    person = await here.person("busy", Role.COUNTY_ADMIN, HOME)
    async with here.client() as browser:
        await log_in(browser, "busy")
        assert (await call(client, "POST", f"/{person.id}/logins/end"))[1]["open_logins"] == 0
        assert (await browser.get("/api/v1/session")).status == 401
    links = [(await call(client, "POST", f"/{person.id}/invitation"))[1]["invitation"]["url"] for _ in range(2)]
    first, second = (link.rpartition("/")[2] for link in links)
    assert first != second
    await here.auth.account.set_password(second, "another horse 电池 9")
    here.wall.now += timedelta(minutes=2)
    async with here.client() as browser:
        assert (await log_in(browser, "busy")).status == 401
        assert (await log_in(browser, "busy", "another horse 电池 9")).status == 201


async def test_nobody_changes_what_they_are_and_the_last_one_stays(here: Platform, client: Client) -> None:
    me = (await call(client, "GET", "?q=keeper"))[1]["items"][0]
    assert await code_of(client, "POST", f"/{me['id']}/disable") == (409, "yourself")
    assert await code_of(client, "PATCH", f"/{me['id']}", {"role": "auditor"}, '"1"') == (409, "yourself")
    assert (await call(client, "PATCH", f"/{me['id']}", {"name": "改了自己"}, '"1"'))[0] == 200
    async with as_somebody(here, "second", Role.PREFECTURE_ADMIN) as second:
        path = f"/{me['id']}"
        etag = (await call(second, "GET", path))[2]
        other = (await call(second, "GET", "?q=second"))[1]["items"][0]
        assert await code_of(second, "PATCH", path, {"agency": "education"}, etag) == (200, None)
        etag = (await call(client, "GET", f"/{other['id']}"))[2]
        assert await code_of(client, "POST", f"/{other['id']}/disable") == (403, "not_yours_to_change")
    async with as_somebody(here, "third", Role.PREFECTURE_ADMIN) as third:
        assert (await call(third, "POST", f"/{other['id']}/disable"))[0] == 200
        third_id = (await call(third, "GET", "?q=third"))[1]["items"][0]["id"]
        for change in ({"role": "auditor"}, {"agency": "police"}):
            async with here.db.writing() as session:
                (await session.get_one(User, me["id"])).agency = None
            etag = (await call(client, "GET", f"/{third_id}"))[2]
            assert (await call(client, "PATCH", f"/{third_id}", change, etag))[0] == 200
            async with here.db.writing() as session:
                back = await session.get_one(User, third_id)
                back.role, back.agency = Role.PREFECTURE_ADMIN, None


async def test_the_last_one_who_may_do_everything_cannot_be_taken_by_another(here: Platform, client: Client) -> None:
    """The caller is whole as well, so only a race of two could take both: each takes the other, one of them is last."""
    me = (await call(client, "GET", "?q=keeper"))[1]["items"][0]
    async with as_somebody(here, "rival", Role.PREFECTURE_ADMIN) as rival:
        caller = await here.people.caller(await _principal(here, "rival"), await here.directory.scope(PREFECTURE))
        rival_id = (await call(client, "GET", "?q=rival"))[1]["items"][0]["id"]
        assert (await call(client, "POST", f"/{rival_id}/disable"))[0] == 200
        assert (await call(rival, "GET", ""))[0] == 401
        with pytest.raises(Exception, match="last_administrator"):
            await here.people.disable(caller, me["id"])
        etag = (await call(client, "GET", f"/{me['id']}"))[2]
        with pytest.raises(Exception, match="last_administrator"):
            await here.people.change(caller, me["id"], int(etag.strip('"')), {"agency": "police"})


async def _principal(here: Platform, login: str) -> Any:
    user = await here.auth.user(login)
    assert user is not None
    return here.auth.logins.principal_of(user)


async def test_an_agency_gives_no_more_than_it_has(here: Platform) -> None:
    async with as_somebody(here, "teacher", Role.PREFECTURE_ADMIN, agency="education") as client:
        whole = {"login": "whole", "name": "全权", "role": "prefecture_admin", "node": PREFECTURE}
        assert await code_of(client, "POST", "", whole) == (403, "more_than_yours")
        assert await code_of(client, "POST", "", whole | {"agency": "narcotics"}) == (403, "more_than_yours")
        assert await code_of(client, "POST", "", whole | {"agency": "education"}) == (201, None)
        assert await code_of(client, "POST", "", NEW) == (201, None)
    async with as_somebody(here, "officer", Role.PREFECTURE_ADMIN, agency="police") as client:
        assert await code_of(client, "GET", "") == (403, "forbidden")
        assert (await client.get("/api/v1/audit")).status == 200
