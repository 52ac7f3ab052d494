"""One-time codes: setting up, logging in by two steps, recovery, turning off: over HTTP, with a real database and a clock that is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from config.settings import load
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, SecondFactor, User
from signaling.auth.sealing import Sealing
from tests.support.databases import dumped, migrated
from tests.support.platform import PASSWORD, SAME_ORIGIN, Platform, log_in, platform

LOGIN, HALF = "jt_login", "jt_half"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        await made.person("admin", Role.PREFECTURE_ADMIN)
        yield made


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Platform]:
    made = Platform(await migrated(tmp_path / "strict.sqlite3"), load(), tmp_path)
    try:
        await made.person("admin", Role.PREFECTURE_ADMIN)
        yield made
    finally:
        made.auth.close()
        await made.db.close()


async def post(client: TestClient[Any, Any], path: str, **body: str) -> tuple[int, Any]:
    """Send a body to the API; return status and document."""
    async with client.post(f"/api/v1{path}", json=body, headers=SAME_ORIGIN) as response:
        return response.status, await response.json() if response.content_length else None


def code_of(node: Platform, secret: str, steps: int = 0) -> str:
    """Return what the authenticator shows now, or some steps later."""
    return pyotp.TOTP(secret).at(node.wall() + timedelta(seconds=30 * steps))


def pass_time(node: Platform, seconds: float = 30) -> None:
    """Let both clocks go on."""
    node.wall.now += timedelta(seconds=seconds)
    node.monotonic.now += seconds


async def enrolled(node: Platform, client: TestClient[Any, Any], login: str = "admin") -> tuple[str, list[str]]:
    """Log in, turn one-time codes on, let the code pass; return the secret and the recovery codes."""
    assert (await log_in(client, login)).status == 201
    status, made = await post(client, "/account/totp", password=PASSWORD)
    assert status == 201
    status, confirmed = await post(client, "/account/totp/confirm", code=code_of(node, made["secret"]))
    assert status == 200
    pass_time(node)
    return made["secret"], confirmed["codes"]


async def test_setting_up_asks_for_the_password_and_shows_the_secret_once(node: Platform) -> None:
    async with node.client() as client:
        before = (await log_in(client, "admin")).cookies[LOGIN].value
        status, problem = await post(client, "/account/totp", password="wrong")
        assert (status, problem["errors"]) == (422, [{"field": "password", "reason": "wrong_password"}])
        status, made = await post(client, "/account/totp", password=PASSWORD)
        assert status == 201
        assert made["address"].startswith("otpauth://totp/%E8%AE%B2%E5%A0%82:admin?secret=")
        assert made["qr"].startswith("<svg")
        assert made["secret"] not in await dumped(node.db), "it is stored encrypted"
        assert (await (await client.get("/api/v1/account")).json())["second_factor"]["since"] is None
        assert (await log_in(client, "admin")).status == 201, "not asked for before the first code"
        status, problem = await post(client, "/account/totp/confirm", code="000000")
        assert (status, problem["errors"]) == (422, [{"field": "code", "reason": "wrong_code"}])
        async with client.post(
            "/api/v1/account/totp/confirm", json={"code": code_of(node, made["secret"])}, headers=SAME_ORIGIN
        ) as response:
            codes = (await response.json())["codes"]
            assert response.cookies[LOGIN].value != before, "more rights, another cookie"
        assert len(codes) == 10
        dump = await dumped(node.db)
        assert not any(code in dump or code.replace("-", "") in dump for code in codes)
        factor = (await (await client.get("/api/v1/account")).json())["second_factor"]
        assert (factor["since"] is not None, factor["codes_left"], factor["required"]) == (True, 10, False)
        assert (await post(client, "/account/totp", password=PASSWORD))[1]["code"] == "totp_on"


async def test_a_login_takes_two_steps_and_a_code_once(node: Platform) -> None:
    async with node.client() as client, node.client() as other:
        secret, _ = await enrolled(node, client)
        first = await log_in(other, "admin")
        assert (first.status, (await first.json())["code"]) == (401, "totp_required")
        assert LOGIN not in first.cookies
        cookie = first.cookies[HALF]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        assert (await other.get("/api/v1/session")).status == 401, "half a login is none"
        headers = {"Cookie": f"{LOGIN}={cookie.value}"}
        assert (await other.get("/api/v1/session", headers=headers)).status == 401
        code = code_of(node, secret)
        status, session = await post(other, "/session/code", code=code)
        assert (status, session["stage"]) == (201, "full")
        assert (await other.get("/api/v1/session")).status == 200
        await log_in(other, "admin")
        status, problem = await post(other, "/session/code", code=code)
        assert (status, problem["code"]) == (401, "wrong_code"), "a replay"
        pass_time(node)
        assert (await post(other, "/session/code", code=code_of(node, secret)))[0] == 201


async def test_the_same_code_at_once_opens_one_login(node: Platform) -> None:
    async with node.client() as client:
        secret, _ = await enrolled(node, client)
        halves = [(await log_in(client, "admin")).cookies[HALF].value for _ in range(4)]
        client.session.cookie_jar.clear()
        code = code_of(node, secret)

        async def step(half: str) -> int:
            headers = SAME_ORIGIN | {"Cookie": f"{HALF}={half}"}
            async with client.post("/api/v1/session/code", json={"code": code}, headers=headers) as response:
                return int(response.status)

        assert sorted(await asyncio.gather(*(step(half) for half in halves))) == [201, 401, 401, 401]


async def test_the_second_step_is_short_and_bounded(node: Platform) -> None:
    async with node.client() as client:
        secret, _ = await enrolled(node, client)
        assert (await post(client, "/session/code", code="123456"))[1]["code"] == "half_login_over"
        await log_in(client, "admin")
        pass_time(node, node.settings.auth.half_login_seconds)
        status, problem = await post(client, "/session/code", code=code_of(node, secret))
        assert (status, problem["code"]) == (401, "half_login_over")
        await log_in(client, "admin")
        answers = []
        for _ in range(node.settings.auth.half_login_tries):
            answers.append((await post(client, "/session/code", code="000000"))[1]["code"])
            pass_time(node, 200)
            node.wall.now -= timedelta(seconds=200)
        assert answers == ["wrong_code"] * node.settings.auth.half_login_tries
        assert (await post(client, "/session/code", code=code_of(node, secret)))[1]["code"] == "half_login_over"


async def test_the_right_password_between_wrong_codes_forgets_none(node: Platform) -> None:
    async with node.client() as client:
        secret, _ = await enrolled(node, client)
        statuses = []
        for _ in range(8):
            statuses.append((await log_in(client, "admin")).status)
            statuses.append((await post(client, "/session/code", code="000000"))[0])
        assert statuses[:10] == [401] * 10
        assert set(statuses[10:]) == {429}, "neither step goes on"
        pass_time(node, 5)
        await log_in(client, "admin")
        assert (await post(client, "/session/code", code=code_of(node, secret)))[0] == 201, "and nobody is locked out"


async def test_a_recovery_code_works_once(node: Platform) -> None:
    async with node.client() as client:
        _, codes = await enrolled(node, client)
        await log_in(client, "admin")
        assert (await post(client, "/session/code", code=codes[3].lower().replace("-", " ")))[0] == 201
        assert (await (await client.get("/api/v1/account")).json())["second_factor"]["codes_left"] == 9
        await log_in(client, "admin")
        assert (await post(client, "/session/code", code=codes[3]))[0] == 401
        assert (await post(client, "/session/code", code=codes[4]))[0] == 201


async def test_new_recovery_codes_and_turning_off_ask_for_password_and_code(node: Platform) -> None:
    async with node.client() as client:
        secret, old = await enrolled(node, client)
        wrong = await post(client, "/account/totp/codes", password=PASSWORD, code="000000")
        assert (wrong[0], wrong[1]["errors"]) == (422, [{"field": "code", "reason": "wrong_code"}])
        status, renewed = await post(client, "/account/totp/codes", password=PASSWORD, code=code_of(node, secret))
        assert status == 200
        assert not set(old) & set(renewed["codes"])
        assert (await post(client, "/account/totp/off", password=PASSWORD, code=old[0]))[0] == 422
        assert (await post(client, "/account/totp/off", password="wrong", code=renewed["codes"][0]))[0] == 422
        status, session = await post(client, "/account/totp/off", password=PASSWORD, code=renewed["codes"][0])
        assert (status, session["stage"]) == (201, "full")
        assert (await log_in(client, "admin")).status == 201
        assert (await post(client, "/account/totp/off", password=PASSWORD, code="000000"))[1]["code"] == "totp_off"


async def test_a_higher_administrator_resets_codes(node: Platform) -> None:
    async with node.client() as client:
        await enrolled(node, client)
        user = await node.auth.user("admin")
        assert user is not None
        assert await node.auth.second_factor.enrolled([user.id, "other"]) == {user.id}
        assert await node.auth.second_factor.reset(user.id, "boss")
        assert not await node.auth.second_factor.reset(user.id, "boss")
        assert (await client.get("/api/v1/session")).status == 401
        assert (await log_in(client, "admin")).status == 201
    async with node.db.reading() as session:
        rows = await session.execute(select(AuditEntry.actor, AuditEntry.action).order_by(AuditEntry.id))
        assert ("boss", "totp.reset") in [tuple(row) for row in rows]


async def test_who_needs_codes_gets_nothing_else_until_they_are_set_up(strict: Platform) -> None:
    async with strict.client() as client:
        answer = await log_in(client, "admin")
        assert (answer.status, (await answer.json())["stage"]) == (201, "enrolment")
        assert int(answer.cookies[LOGIN]["max-age"]) == strict.settings.auth.enrolment_seconds
        for path in ("/lectures", "/schools", "/screens", "/account/logins"):
            assert (await client.get(f"/api/v1{path}")).status in {401, 403}, path
        assert (await post(client, "/account/password", old=PASSWORD, new="x"))[1]["code"] == "second_factor_missing"
        assert (await (await client.get("/api/v1/session")).json())["stage"] == "enrolment"
        assert (await (await client.get("/api/v1/account")).json())["second_factor"]["required"]
        status, made = await post(client, "/account/totp")
        assert status == 201
        assert (await post(client, "/account/totp/confirm", code=code_of(strict, made["secret"])))[0] == 200
        assert (await (await client.get("/api/v1/session")).json())["stage"] == "full"
        assert (await client.get("/api/v1/lectures")).status == 200
        pass_time(strict)
        body = {"password": PASSWORD, "code": code_of(strict, made["secret"])}
        status, session = await post(client, "/account/totp/off", **body)
        assert (status, session["stage"]) == (201, "enrolment"), "another telephone: set up anew"


async def test_who_needs_none_logs_in_as_before_and_the_demo_asks_nobody(strict: Platform) -> None:
    await strict.person("lecturer", Role.LECTURER)
    async with strict.client() as client:
        assert (await (await log_in(client, "lecturer")).json())["stage"] == "full"
        strict.auth.second_factor.is_demo = True
        assert (await (await log_in(client, "admin")).json())["stage"] == "full"


async def test_a_stored_secret_of_somebody_else_does_not_open(node: Platform) -> None:
    await node.person("other", Role.OPERATOR)
    async with node.client() as client:
        await enrolled(node, client)
        secret, _ = await enrolled(node, client, "other")
        async with node.db.writing() as session:
            rows = {user.login: user.id for user in await session.scalars(select(User))}
            mine = await session.get_one(SecondFactor, rows["admin"])
            mine.sealed = (await session.get_one(SecondFactor, rows["other"])).sealed
        await log_in(client, "admin")
        status, problem = await post(client, "/session/code", code=code_of(node, secret))
        assert (status, problem["code"]) == (503, "key_changed")


async def test_another_key_of_the_server_is_told_and_a_recovery_code_still_opens(node: Platform) -> None:
    async with node.client() as client:
        secret, codes = await enrolled(node, client)
        await log_in(client, "admin")
        node.auth.second_factor._sealing = Sealing(b"x" * 32)  # a folder put in its place
        status, problem = await post(client, "/session/code", code=code_of(node, secret))
        assert (status, problem["code"], problem["status"]) == (503, "key_changed", 503)
        assert (await post(client, "/session/code", code=codes[0]))[0] == 201
