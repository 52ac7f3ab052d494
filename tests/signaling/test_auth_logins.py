"""One's own logins: where they are from, how they end, how long they last: over HTTP, with a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.logins_service import end_all
from signaling.auth.models import Login, User
from tests.support.platform import NOON, PASSWORD, SAME_ORIGIN, Platform, log_in, platform

AGENT = "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36"
PATH = "/api/v1/account/logins"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        await made.person("wang", Role.REVIEWER)
        await made.person("zhao", Role.REVIEWER)
        yield made


async def seen_at(node: Platform) -> list[datetime | None]:
    """Return when each login was seen."""
    async with node.db.reading() as session:
        return list(await session.scalars(select(Login.seen_at).order_by(Login.id)))


async def items(client: Any) -> list[dict[str, Any]]:
    """Return the list of one's logins."""
    async with client.get(PATH) as response:
        assert response.status == 200
        return list((await response.json())["items"])


async def test_the_list_tells_from_where_and_which_is_this_one(node: Platform) -> None:
    async with node.client() as first, node.client() as second, node.client() as stranger:
        body = {"login": "wang", "password": PASSWORD}
        headers = SAME_ORIGIN | {"User-Agent": AGENT + "\t字" * 300}
        await first.post("/api/v1/session", json=body, headers=headers)
        node.wall.now += timedelta(minutes=1)
        await log_in(second, "wang")
        await log_in(stranger, "zhao")
        listed = await items(second)
        assert [one["here"] for one in listed] == [True, False]
        assert listed[1]["agent"].startswith(AGENT)
        assert len(listed[1]["agent"]) == 256
        assert listed[1]["address"] == "127.0.0.1"
        assert datetime.fromisoformat(listed[1]["created_at"]) == NOON
        assert len(await items(stranger)) == 1


async def test_one_is_ended_and_nobody_elses(node: Platform) -> None:
    async with node.client() as first, node.client() as second, node.client() as stranger:
        for client, login in ((first, "wang"), (second, "wang"), (stranger, "zhao")):
            await log_in(client, login)
        mine = next(one["id"] for one in await items(second) if not one["here"])
        theirs = (await items(stranger))[0]["id"]
        for login_id in (theirs, "nobody", opaque.mint("")):
            assert (await second.delete(f"{PATH}/{login_id}", headers=SAME_ORIGIN)).status == 404
        assert (await second.delete(f"{PATH}/{mine}", headers=SAME_ORIGIN)).status == 204
        assert (await second.delete(f"{PATH}/{mine}", headers=SAME_ORIGIN)).status == 404
        assert (await first.get("/api/v1/session")).status == 401
        assert (await second.get("/api/v1/session")).status == 200
        assert (await stranger.get("/api/v1/session")).status == 200


async def test_all_others_are_ended(node: Platform) -> None:
    async with node.client() as first, node.client() as second, node.client() as stranger:
        for client, login in ((first, "wang"), (second, "wang"), (stranger, "zhao")):
            await log_in(client, login)
        assert (await second.delete(PATH, headers=SAME_ORIGIN)).status == 204
        assert (await first.get("/api/v1/session")).status == 401
        assert len(await items(second)) == len(await items(stranger)) == 1


async def test_a_login_that_is_not_used_ends_before_its_time(node: Platform) -> None:
    idle = node.settings.auth.idle_seconds
    async with node.client() as client:
        await log_in(client, "wang")
        for _ in range(3):
            node.wall.now += timedelta(seconds=idle - 1)
            assert (await client.get("/api/v1/session")).status == 200
        node.wall.now += timedelta(seconds=idle)
        assert (await client.get("/api/v1/session")).status == 401
        await log_in(client, "zhao")
        assert len(await items(client)) == 1


async def test_a_lecturer_on_the_air_is_not_idle(node: Platform) -> None:
    lecturer = await node.person("lecturer", Role.LECTURER)
    token = opaque.mint(opaque.INVITATION)
    await node.auth.invitations.keep(token, lecturer.id, await node.lecture(lecturer), NOON + timedelta(days=1))
    async with node.client() as client:
        await client.post("/api/v1/session/invitation", json={"token": token}, headers=SAME_ORIGIN)
        node.wall.now += timedelta(seconds=node.settings.auth.idle_seconds + 1)
        assert (await client.get("/api/v1/session")).status == 200


async def test_that_it_is_used_is_written_every_few_minutes(node: Platform) -> None:
    seen = node.settings.auth.seen_seconds
    async with node.client() as client:
        await log_in(client, "wang")
        node.wall.now += timedelta(seconds=seen - 1)
        await client.get("/api/v1/session")
        assert await seen_at(node) == [NOON]
        node.wall.now += timedelta(seconds=1)
        await client.get("/api/v1/session")
        assert await seen_at(node) == [NOON + timedelta(seconds=seen)]


async def test_a_change_of_role_ends_the_cookie_from_before(node: Platform) -> None:
    async with node.client() as client:
        before = (await log_in(client, "wang")).cookies["jt_login"].value
        user = await node.auth.user("wang")
        assert user is not None
        async with node.db.writing() as session:
            await session.execute(update(User).where(User.id == user.id).values(role=Role.AUDITOR))
            await end_all(session, user.id, node.wall())
        assert (await client.get("/api/v1/session")).status == 401
        answer = await log_in(client, "wang")
        assert answer.cookies["jt_login"].value != before
        assert (await answer.json())["user"]["role"] == "auditor"


async def test_over_https_no_planted_cookie_is_read(node: Platform) -> None:
    async with node.client(node.web_app(trusted=("127.0.0.0/8",))) as client:
        tls = SAME_ORIGIN | {"X-Forwarded-Proto": "https"}
        body = {"login": "wang", "password": PASSWORD}
        answer = await client.post("/api/v1/session", json=body, headers=tls)
        cookie = answer.cookies["__Host-jt_login"]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True, True, "Lax", "/", "",
        )  # fmt: skip
        client.session.cookie_jar.clear()
        for name, status in (("jt_login", 401), ("__Host-jt_login", 200)):
            headers = tls | {"Cookie": f"{name}={cookie.value}"}
            assert (await client.get("/api/v1/session", headers=headers)).status == status
