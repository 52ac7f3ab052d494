"""Log in, log out, invitations, API tokens: over HTTP, with a real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from signaling.auth import opaque
from signaling.auth.cookies import HOST
from signaling.auth.cookies import LOGIN as COOKIE
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.auth.passwords import Passwords, TooManyLogins
from tests.support.databases import dumped
from tests.support.platform import NOON, PASSWORD, SAME_ORIGIN, Platform, log_in, platform


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        await made.person("admin", Role.PREFECTURE_ADMIN)
        yield made


async def test_a_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(node: Platform) -> None:
    async with node.client() as client:
        response = await log_in(client, "admin")
        assert response.status == 201
        user = (await response.json())["user"]
        assert (user["name"], user["role"], user["node"]) == ("Admin", "prefecture_admin", "522300")
        cookie = response.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        assert not cookie["secure"]
        assert (await (await client.get("/api/v1/session")).json())["user"] == user


async def test_behind_a_tls_proxy_the_cookie_is_secure(node: Platform) -> None:
    async with node.client(node.web_app(trusted=("127.0.0.0/8",))) as client:
        headers = SAME_ORIGIN | {"X-Forwarded-Proto": "https"}
        body = {"login": "admin", "password": PASSWORD}
        response = await client.post("/api/v1/session", json=body, headers=headers)
        assert response.cookies[HOST + COOKIE]["secure"]


async def test_a_stranger_is_401(node: Platform) -> None:
    async with node.client() as client:
        response = await client.get("/api/v1/session")
        assert response.status == 401
        assert (await response.json())["code"] == "not_logged_in"
        assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(("login", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("ADMIN ", "")])
async def test_a_wrong_login_tells_not_what_was_wrong(node: Platform, login: str, password: str) -> None:
    async with node.client() as client:
        response = await log_in(client, login, password or "x")
        assert response.status == 401
        assert (await response.json())["code"] == "wrong_password"
        assert COOKIE not in response.cookies


async def test_logins_are_not_case_sensitive(node: Platform) -> None:
    async with node.client() as client:
        assert (await log_in(client, " Admin")).status == 201


async def test_failures_of_one_account_make_it_wait_whoever_asks(node: Platform) -> None:
    await node.person("other", Role.OPERATOR)
    async with node.client() as client:
        for _ in range(node.settings.auth.login_attempts):
            assert (await log_in(client, "admin", "wrong")).status == 401
        refused = await log_in(client, "admin")
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await log_in(client, "other")).status == 201
        node.monotonic.now += 2.0
        assert (await log_in(client, "admin")).status == 201


async def test_unknown_accounts_wait_as_known_ones_do(node: Platform) -> None:
    async with node.client() as client:
        statuses = [(await log_in(client, "nobody", "wrong")).status for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_guesses_at_once_are_counted_before_they_are_looked_at(node: Platform) -> None:
    async with node.client() as client:
        guesses = await asyncio.gather(*(log_in(client, "admin", f"guess {number}") for number in range(200)))
        statuses = [guess.status for guess in guesses]
        assert statuses.count(401) == node.settings.auth.login_attempts, "so many passwords were compared"
        assert statuses.count(429) == 200 - node.settings.auth.login_attempts
        node.monotonic.now += 2.0
        assert (await log_in(client, "admin")).status == 201


async def test_an_unknown_account_costs_a_hash_too() -> None:
    passwords = Passwords(1, 8)
    loop = asyncio.get_running_loop()
    try:
        stored = await passwords.hash(PASSWORD)
        began = loop.time()
        assert await passwords.verify(stored, PASSWORD)
        known = loop.time() - began
        began = loop.time()
        assert not await passwords.verify(None, PASSWORD)
        unknown = loop.time() - began
    finally:
        passwords.close()
    assert unknown > known / 4


async def test_a_full_queue_refuses_at_once() -> None:
    passwords = Passwords(1, 8)
    try:
        tries = [asyncio.ensure_future(passwords.verify(None, "x")) for _ in range(28)]
        refused, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_EXCEPTION)
        assert any(isinstance(one.exception(), TooManyLogins) for one in refused)
        answers = [type(one.exception()) for one in tries if one.done() and not one.cancelled()]
        assert answers.count(TooManyLogins) == 19
        for one in tries:
            one.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
    finally:
        passwords.close()


class Held(PasswordHasher):
    """Compares when it is told to."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().verify(hash, password)


async def test_who_waits_too_long_is_refused_and_not_hashed() -> None:
    hasher = Held()
    passwords = Passwords(1, 8, hasher, wait=0.5)
    try:
        first = asyncio.create_task(passwords.verify(hasher.hash("x"), "x"))
        await asyncio.to_thread(hasher.begun.wait, 30)
        with pytest.raises(TooManyLogins, match="no thread was free"):
            await passwords.verify(None, "x")
        assert not first.done(), "what has begun is waited for"
        hasher.go_on.set()
        assert await first
        assert passwords.hashed == 1
        assert not await passwords.verify(None, "x")
    finally:
        hasher.go_on.set()
        passwords.close()


async def test_every_login_has_a_new_cookie_and_ends_the_one_before(node: Platform) -> None:
    async with node.client() as client:
        first = (await log_in(client, "admin")).cookies[COOKIE].value
        second = (await log_in(client, "admin")).cookies[COOKIE].value
        assert first != second
        client.session.cookie_jar.clear()
        assert (await client.get("/api/v1/session", headers={"Cookie": f"{COOKIE}={first}"})).status == 401
        assert (await client.get("/api/v1/session", headers={"Cookie": f"{COOKIE}={second}"})).status == 200


async def test_a_cookie_planted_before_the_login_is_worth_nothing(node: Platform) -> None:
    async with node.client() as client:
        planted = {COOKIE: "planted-by-somebody"}
        body = {"login": "admin", "password": PASSWORD}
        response = await client.post("/api/v1/session", json=body, headers=SAME_ORIGIN, cookies=planted)
        assert response.cookies[COOKIE].value != planted[COOKIE]
        client.session.cookie_jar.clear()
        assert (await client.get("/api/v1/session", cookies=planted)).status == 401


async def test_logging_out_ends_the_login_on_the_server(node: Platform) -> None:
    async with node.client() as client:
        token = (await log_in(client, "admin")).cookies[COOKIE].value
        assert (await client.delete("/api/v1/session", headers=SAME_ORIGIN)).status == 204
        assert (await client.get("/api/v1/session", headers={"Cookie": f"{COOKIE}={token}"})).status == 401


async def test_a_login_expires(node: Platform) -> None:
    async with node.client() as client:
        await log_in(client, "admin")
        node.wall.now += timedelta(seconds=node.settings.auth.login_seconds)
        assert (await client.get("/api/v1/session")).status == 401


async def test_a_changed_password_ends_all_logins(node: Platform) -> None:
    user = await node.auth.user("admin")
    assert user is not None
    async with node.client() as client:
        await log_in(client, "admin")
        await node.auth.set_password(user.id, "another password")
        assert (await client.get("/api/v1/session")).status == 401
        assert (await log_in(client, "admin")).status == 401
        assert (await log_in(client, "admin", "another password")).status == 201


async def test_an_invitation_opens_one_lecture_until_it_expires(node: Platform) -> None:
    lecturer = await node.person("lecturer", Role.LECTURER)
    invited, other = await node.lecture(lecturer), await node.lecture(lecturer)
    token = opaque.mint(opaque.INVITATION)
    await node.auth.invitations.keep(token, lecturer.id, invited, NOON + timedelta(days=1))
    async with node.client() as client:
        body = {"token": token}
        response = await client.post("/api/v1/session/invitation", json=body, headers=SAME_ORIGIN)
        assert response.status == 201
        assert (await response.json())["user"]["id"] == lecturer.id
        assert (await client.get(f"/api/v1/lectures/{invited}")).status == 200
        assert (await client.get(f"/api/v1/lectures/{other}")).status == 404
        assert len((await (await client.get("/api/v1/lectures")).json())["items"]) == 1
        node.wall.now += timedelta(days=1)
        late = await client.post("/api/v1/session/invitation", json=body, headers=SAME_ORIGIN)
        assert (late.status, (await late.json())["code"]) == (401, "bad_invitation")


async def test_an_api_token_acts_as_its_user_and_no_other_bearer_does(node: Platform) -> None:
    user = await node.auth.user("admin")
    assert user is not None
    token = opaque.mint(opaque.API_TOKEN)
    await node.auth.keep_api_token(token, user.id, "test")
    await node.auth.keep_api_token(token, user.id, "test")
    async with node.client() as client:
        good = await client.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
        assert good.status == 200
        for bad in (token[:-1], token.replace("jta_", "jtk_"), "", "x" * 5000, "jta_\udcff"):
            headers = {"Authorization": f"Bearer {bad}"}
            assert (await client.get("/api/v1/session", headers=headers)).status == 401


async def test_a_wrong_bearer_never_falls_back_to_the_cookie(node: Platform) -> None:
    async with node.client() as client:
        await log_in(client, "admin")
        headers = {"Authorization": "Bearer nonsense", "Sec-Fetch-Site": "cross-site"}
        assert (await client.get("/api/v1/session", headers=headers)).status == 401


async def test_no_secret_is_stored(node: Platform) -> None:
    async with node.client() as client:
        cookie = (await log_in(client, "admin")).cookies[COOKIE].value
    dump = await dumped(node.db)
    assert cookie not in dump
    assert PASSWORD not in dump
    assert opaque.digest(cookie) in dump
    assert "$argon2id$" in dump


async def test_the_audit_log_takes_entries_and_nothing_else(node: Platform) -> None:
    async with node.client() as client:
        await log_in(client, "admin", "wrong")
        await log_in(client, "admin")
    async with node.db.reading() as session:
        assert list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))) == [
            "login.failed",
            "login.succeeded",
        ]
    for statement in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(DBAPIError, match="audit_log is append-only"):
            async with node.db.writing() as session:
                await session.execute(text(statement))
