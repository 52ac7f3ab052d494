"""Keys and links to one lecture: told once, bound to its time, revoked, and no way around the review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from signaling.live.service import Records
from tests.signaling.test_lectures_plan import XINGYI, desk
from tests.support.databases import dumped
from tests.support.platform import NOON, SAME_ORIGIN, Platform, platform


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


async def right(here: Platform, key: str) -> Any:
    return await Records(here.db).key_right(opaque.digest(key), here.wall())


async def test_a_key_holds_in_the_window_of_its_lecture(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    lecture = await here.lecture(lecturer, at=NOON + timedelta(hours=3))
    path = f"/lectures/{lecture}/stream-key"
    admin = await desk(here, client, Role.PREFECTURE_ADMIN)
    assert (await admin.call("GET", path))[1] == {"held": False, "not_before": None, "not_after": None}
    status, made, _ = await admin.call("POST", path)
    assert (status, made["whip_url"].rpartition("/")[2]) == (201, lecture)
    assert made["stream_key"] not in await dumped(here.db)
    assert await right(here, made["stream_key"]) is None, "an hour too early"
    here.wall.now += timedelta(hours=1)
    found = await right(here, made["stream_key"])
    assert (found.lecture_id, found.user_id) == (lecture, lecturer.id)
    assert (await admin.call("GET", path))[1]["held"] is True
    here.wall.now += timedelta(hours=4, minutes=40)
    assert await right(here, made["stream_key"]) is None, "two hours after the end"
    assert await admin.outcome("POST", path) == (409, "window_over")


async def test_a_new_key_ends_the_old_one_and_revoking_ends_it(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    lecture = await here.lecture(lecturer)
    own = await desk(here, client, Role.LECTURER, login="lecturer")
    other = await desk(here, client, Role.LECTURER, login="other")
    path = f"/lectures/{lecture}/stream-key"
    first, second = [(await own.call("POST", path))[1]["stream_key"] for _ in range(2)]
    assert await right(here, first) is None
    assert await right(here, second) is not None
    assert await other.outcome("DELETE", path) == (404, "not_found")
    for _ in range(2):
        assert (await client.delete(f"/api/v1{path}", headers=own.headers)).status == 204
    assert await right(here, second) is None
    async with here.db.reading() as session:
        actions = [*await session.scalars(select(AuditEntry.action).where(AuditEntry.subject == lecture))]
    assert actions.count("lecture.key_made") == 2
    assert "lecture.key_revoked" in actions


async def test_a_key_follows_the_plan(here: Platform, client: TestClient[Any, Any], lecturer: User) -> None:
    lecture = await here.lecture(lecturer)
    admin, other = await desk(here, client, Role.PREFECTURE_ADMIN), await here.person("other", Role.LECTURER)
    key = (await admin.call("POST", f"/lectures/{lecture}/stream-key"))[1]["stream_key"]
    _, _, etag = await admin.call("GET", f"/lectures/{lecture}")
    _, _, etag = await admin.call("PATCH", f"/lectures/{lecture}", {"scheduled_at": "2026-03-09T06:00:00Z"}, etag)
    assert await right(here, key) is None, "the window moved a week"
    here.wall.now += timedelta(days=7, hours=2)
    assert await right(here, key) is not None
    _, _, etag = await admin.call("PATCH", f"/lectures/{lecture}", {"lecturer_id": other.id}, etag)
    assert await right(here, key) is None, "it was another lecturer's"
    key = (await admin.call("POST", f"/lectures/{lecture}/stream-key"))[1]["stream_key"]
    await admin.call("POST", f"/lectures/{lecture}/call-off", {"reason": "停电"}, etag)
    assert await right(here, key) is None
    assert await admin.outcome("POST", f"/lectures/{lecture}/stream-key") == (409, "called_off")


async def test_a_link_lets_the_lecturer_in_until_it_is_revoked(
    here: Platform, client: TestClient[Any, Any], lecturer: User
) -> None:
    lecture = await here.lecture(lecturer)
    another = await here.lecture(lecturer, at=NOON + timedelta(days=1))
    admin, path = await desk(here, client, Role.PREFECTURE_ADMIN), f"/lectures/{lecture}/invitation"
    made = (await admin.call("POST", path))[1]
    address, _, token = made["studio_url"].partition("#invite=")
    assert address.endswith(f"/studio/{lecture}")
    assert token not in await dumped(here.db)
    entered = await client.post("/api/v1/session/invitation", json={"token": token}, headers=SAME_ORIGIN)
    assert (await entered.json())["user"]["id"] == lecturer.id
    assert (await client.get(f"/api/v1/lectures/{lecture}")).status == 200
    assert (await client.get(f"/api/v1/lectures/{another}")).status == 404
    for method in ("GET", "POST"):
        async with client.request(method, f"/api/v1{path}", headers=SAME_ORIGIN) as answer:
            assert answer.status == 403, "a login by a link makes no other link"
    assert (await client.delete(f"/api/v1{path}", headers=admin.headers)).status == 204
    assert (await admin.call("GET", path))[1]["held"] is False
    assert (await client.get(f"/api/v1/lectures/{lecture}")).status == 401, "its logins end with it"
    again = await client.post("/api/v1/session/invitation", json={"token": token}, headers=SAME_ORIGIN)
    assert again.status == 401


@pytest.mark.parametrize("name", ["stream-key", "invitation"])
async def test_who_may_not_plan_lets_nobody_in(
    here: Platform, client: TestClient[Any, Any], lecturer: User, name: str
) -> None:
    lecture = await here.lecture(lecturer)
    for role, node in ((Role.OPERATOR, ""), (Role.REVIEWER, ""), (Role.COUNTY_ADMIN, XINGYI), (Role.AUDITOR, "")):
        who = await desk(here, client, role, node or "522300")
        for method in ("GET", "POST", "DELETE"):
            assert await who.outcome(method, f"/lectures/{lecture}/{name}") == (403, "forbidden"), role
