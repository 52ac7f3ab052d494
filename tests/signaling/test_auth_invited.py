"""Links by which people set a password, and the change of one's own: over HTTP, with a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from tests.support.databases import dumped
from tests.support.platform import PASSWORD, PREFECTURE, SAME_ORIGIN, Platform, log_in, platform

NEW = "九月开学第一课, hello"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


async def newcomer(node: Platform, login: str = "liming", role: Role = Role.SCHOOL_ADMIN) -> str:
    """Add somebody who has no password yet."""
    user = User(login=login, name="李明老师", role=role, node=PREFECTURE, password_hash="")
    async with node.db.writing() as session:
        session.add(user)
    return user.id


async def post(client: TestClient[Any, Any], path: str, **body: str) -> tuple[int, Any]:
    """Send a body; return status and document."""
    async with client.post(path, json=body, headers=SAME_ORIGIN) as response:
        return response.status, await response.json() if response.content_length else None


async def actions(node: Platform) -> list[str]:
    """Return what the audit log says was done."""
    async with node.db.reading() as session:
        return list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


async def test_a_newcomer_sets_a_password_once_and_logs_in(node: Platform) -> None:
    user_id = await newcomer(node)
    invited = await node.auth.invitations.invite(user_id, "admin-id")
    assert await node.auth.invitations.open([user_id]) == {user_id: invited.expires_at}
    async with node.client() as client:
        for nothing in ("x", PASSWORD):
            assert (await log_in(client, "liming", nothing)).status == 401
        status, told = await post(client, "/api/v1/invited", token=invited.token)
        assert (status, told["login"], told["name"], told["first"]) == (200, "liming", "李明老师", True)
        assert told["policy"] == {"shortest": 12, "longest": 256, "kinds": 2}
        status, problem = await post(client, "/api/v1/invited/password", token=invited.token, password="liming12")
        assert status == 422
        assert {"field": "password", "reason": "too_short"} in problem["errors"]
        assert {"field": "password", "reason": "like_login"} in problem["errors"]
        assert (await post(client, "/api/v1/invited/password", token=invited.token, password=NEW))[0] == 204
        again = await post(client, "/api/v1/invited/password", token=invited.token, password=NEW)
        assert (again[0], again[1]["code"]) == (401, "bad_invitation")
        assert (await log_in(client, "liming", NEW)).status == 201
    assert await node.auth.invitations.open([user_id]) == {}
    dump = await dumped(node.db)
    assert invited.token not in dump
    assert opaque.digest(invited.token) in dump
    told = await actions(node)
    assert [name for name in told if "fail" not in name] == [
        "person.invited",
        "password.set",
        "invitation.unknown",
        "login.succeeded",
    ]


async def test_a_link_used_twice_at_once_sets_one_password(node: Platform) -> None:
    invited = await node.auth.invitations.invite(await newcomer(node), "admin-id")
    async with node.client() as client:
        sent = [post(client, "/api/v1/invited/password", token=invited.token, password=f"{NEW}{n}") for n in range(5)]
        statuses = sorted(status for status, _ in await asyncio.gather(*sent))
    assert statuses == [204, 401, 401, 401, 401]
    assert (await actions(node)).count("password.set") == 1


async def test_expired_revoked_replaced_and_foreign_links_open_nothing(node: Platform) -> None:
    user_id = await newcomer(node)
    first = await node.auth.invitations.invite(user_id, "admin-id")
    second = await node.auth.invitations.invite(user_id, "admin-id")
    assert await node.auth.invitations.revoke(user_id, "admin-id")
    assert not await node.auth.invitations.revoke(user_id, "admin-id")
    third = await node.auth.invitations.invite(user_id, "admin-id")
    lecturer = await node.person("lecturer", Role.LECTURER)
    lecture = opaque.mint(opaque.INVITATION)
    await node.auth.invitations.keep(
        lecture, lecturer.id, await node.lecture(lecturer), node.wall() + timedelta(days=1)
    )
    async with node.client() as client:
        for token in (first.token, second.token, lecture, "jti_short", third.token[:-1] + "é"):
            for path, more in (("/api/v1/invited", {}), ("/api/v1/invited/password", {"password": NEW})):
                status, problem = await post(client, path, token=token, **more)
                assert (status, problem["code"]) == (401, "bad_invitation"), token
        assert (await post(client, "/api/v1/session/invitation", token=third.token))[0] == 401, "it is no login"
        node.wall.now += timedelta(seconds=node.settings.auth.invitation_seconds)
        assert (await post(client, "/api/v1/invited", token=third.token))[0] == 401


async def test_the_disabled_and_the_unknown_are_not_invited(node: Platform) -> None:
    user_id = await newcomer(node)
    invited = await node.auth.invitations.invite(user_id, "admin-id")
    async with node.db.writing() as session:
        (await session.get_one(User, user_id)).disabled_at = node.wall()
    for unknown in (user_id, "nobody"):
        with pytest.raises(Problem, match="404"):
            await node.auth.invitations.invite(unknown, "admin-id")
    async with node.client() as client:
        assert (await post(client, "/api/v1/invited/password", token=invited.token, password=NEW))[0] == 401


async def test_a_reset_ends_all_logins_when_the_new_password_is_set(node: Platform) -> None:
    user = await node.person("wang", Role.REVIEWER)
    async with node.client() as client:
        await log_in(client, "wang")
        invited = await node.auth.invitations.invite(user.id, "admin-id")
        assert (await client.get("/api/v1/session")).status == 200
        status, told = await post(client, "/api/v1/invited", token=invited.token)
        assert (status, told["first"], told["policy"]["shortest"]) == (200, False, 8)
        assert (await post(client, "/api/v1/invited/password", token=invited.token, password=NEW))[0] == 204
        assert (await client.get("/api/v1/session")).status == 401
        assert (await log_in(client, "wang")).status == 401
        assert (await log_in(client, "wang", NEW)).status == 201


async def test_ones_own_password_is_changed_for_the_old_one_and_ends_the_other_logins(node: Platform) -> None:
    await node.person("wang", Role.REVIEWER)
    async with node.client() as other, node.client() as client:
        await log_in(other, "wang")
        before = (await log_in(client, "wang")).cookies["jt_login"].value
        path = "/api/v1/account/password"
        for old, new, field, reason in (
            ("wrong", NEW, "old", "wrong_password"),
            (PASSWORD, "short", "new", "too_short"),
            (PASSWORD, "wang-2026-x", "new", "like_login"),
            (PASSWORD, PASSWORD, "new", "same"),
        ):
            status, problem = await post(client, path, old=old, new=new)
            assert (status, problem["code"]) == (422, "invalid")
            assert {"field": field, "reason": reason} in problem["errors"]
        async with client.post(path, json={"old": PASSWORD, "new": NEW}, headers=SAME_ORIGIN) as response:
            assert response.status == 204
            assert response.cookies["jt_login"].value != before
        assert (await client.get("/api/v1/session")).status == 200
        assert (await other.get("/api/v1/session")).status == 401
        told = await (await client.get("/api/v1/account")).json()
        assert told["password_changed_at"] is not None
        client.session.cookie_jar.clear()
        assert (await client.get("/api/v1/session", headers={"Cookie": f"jt_login={before}"})).status == 401
    assert "password.changed" in await actions(node)


async def test_an_open_browser_is_no_place_to_guess_a_password(node: Platform) -> None:
    await node.person("wang", Role.REVIEWER)
    async with node.client() as client:
        await log_in(client, "wang")
        before = node.auth.passwords.hashed
        statuses = [(await post(client, "/api/v1/account/password", old=f"g{n}", new=NEW))[0] for n in range(20)]
        assert statuses == [422] * 5 + [429] * 15
        assert node.auth.passwords.hashed - before == 5


async def test_neither_a_program_nor_an_invited_lecturer_reaches_the_account(node: Platform) -> None:
    lecturer = await node.person("lecturer", Role.LECTURER)
    token, key = opaque.mint(opaque.INVITATION), opaque.mint(opaque.API_TOKEN)
    await node.auth.invitations.keep(token, lecturer.id, await node.lecture(lecturer), node.wall() + timedelta(days=1))
    await node.auth.keep_api_token(key, lecturer.id, "test")
    async with node.client() as client:
        assert (await client.get("/api/v1/account")).status == 401
        assert (await client.get("/api/v1/account", headers={"Authorization": f"Bearer {key}"})).status == 403
        await post(client, "/api/v1/session/invitation", token=token)
        assert (await client.get("/api/v1/session")).status == 200
        for path in ("/api/v1/account", "/api/v1/account/logins"):
            assert (await client.get(path)).status == 403
        assert (await post(client, "/api/v1/account/password", old=PASSWORD, new=NEW))[0] == 403
