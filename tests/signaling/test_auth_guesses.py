"""Ten thousand guesses of each secret: none gets in, what could cost is refused before it does, and the audit log tells in a few rows."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import event, func, select

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.cookies import LOGIN
from signaling.auth.entrance_service import Half
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, Login
from signaling.auth.passwords import TooManyLogins
from tests.support.platform import PASSWORD, SAME_ORIGIN, Platform, log_in, platform

GUESSES = 10_000
# Guesses that take a look into the database each; for all of them: JIANGTANG_GUESSES=10000.
SOME = int(os.environ.get("JIANGTANG_GUESSES", "1000"))
MOST_ROWS = 20

pytestmark = pytest.mark.timeout(120 + SOME // 10)  # a guess over HTTP takes a few milliseconds of CPU


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        await made.person("admin", Role.PREFECTURE_ADMIN)
        yield made


async def refusals(guess: Callable[[int], Awaitable[object]], times: int = GUESSES) -> Counter[str]:
    """Guess and count the codes of the refusals; a guess that gets in counts as `in`."""
    codes: Counter[str] = Counter()
    for number in range(times):
        try:
            await guess(number)
        except Problem as problem:
            codes[problem.code] += 1
        else:
            codes["in"] += 1
    return codes


async def told(node: Platform, action: str) -> list[int]:
    """Return the counts that the rows of an action tell."""
    async with node.db.reading() as session:
        rows = await session.scalars(
            select(AuditEntry.detail).where(AuditEntry.action == action).order_by(AuditEntry.id)
        )
        return [json.loads(detail)["count"] for detail in rows]


async def rows(node: Platform) -> int:
    """Return how many rows the audit log has."""
    async with node.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(AuditEntry)) or 0


async def test_a_password(node: Platform) -> None:
    hashed = node.auth.passwords.hashed
    codes = await refusals(lambda number: node.auth.entrance.login("admin", f"guess {number}"))
    attempts = node.settings.auth.login_attempts
    assert codes == {"wrong_password": attempts, "too_many_attempts": GUESSES - attempts}
    assert node.auth.passwords.hashed - hashed == attempts, "the others were refused before hashing"
    assert await told(node, "login.failed") == [1, 2, 3, 4, 5]
    assert await told(node, "login.refused") == [10, 100, 1000]
    assert await rows(node) <= MOST_ROWS


async def test_a_password_for_hours(node: Platform) -> None:
    """Who waits as told gets a guess a minute, and a row an hour at each power of ten."""
    hashed = node.auth.passwords.hashed

    async def guess(number: int) -> None:
        node.monotonic.now += node.settings.auth.longest_wait_seconds
        await node.auth.entrance.login("admin", f"guess {number}")

    hours = 4
    codes = await refusals(guess, hours * 60)
    assert codes == {"wrong_password": hours * 60}
    assert node.auth.passwords.hashed - hashed == hours * 60
    assert await rows(node) <= hours * 7


async def test_passwords_of_all_accounts_at_once(node: Platform) -> None:
    codes = await refusals(lambda number: node.auth.entrance.login(f"account-{number}", "123456"), 300)
    assert codes == {"wrong_password": 300}
    assert await rows(node) <= node.settings.auth.failures_told + 3
    assert await told(node, "failures.many") == [201]


async def test_an_unknown_login_takes_the_steps_of_a_known_one(node: Platform) -> None:
    steps: Counter[str] = Counter()
    event.listen(
        node.db.engine.sync_engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *more: steps.update([statement.split(" ", 1)[0]]),
    )
    seen = []
    for login in ("admin", "nobody"):
        steps.clear()
        hashed = node.auth.passwords.hashed
        assert await refusals(lambda number, login=login: node.auth.entrance.login(login, "wrong"), 8) == {  # type: ignore[misc]
            "wrong_password": 5,
            "too_many_attempts": 3,
        }
        seen.append((node.auth.passwords.hashed - hashed, dict(steps)))
    assert seen[0] == seen[1]


async def test_a_crowd_is_refused_before_the_account_is_read(node: Platform) -> None:
    statements: list[str] = []
    event.listen(
        node.db.engine.sync_engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *more: statements.append(statement),
    )
    hashed = node.auth.passwords.hashed
    with ExitStack() as crowd:
        with suppress(TooManyLogins):
            while True:
                crowd.enter_context(node.auth.passwords.turn())
        async with node.client() as client:
            answers = [await log_in(client, "admin") for _ in range(20)]
            assert [answer.status for answer in answers] == [429] * 20
            assert {(await answer.json())["code"] for answer in answers} == {"busy"}
            assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
            assert statements == []
            assert node.auth.passwords.hashed == hashed
            crowd.close()
            assert (await log_in(client, "admin")).status == 201, "who was refused has not lost a try"


async def test_a_one_time_code(node: Platform) -> None:
    user = await node.auth.user("admin")
    assert user is not None
    made = await node.auth.second_factor.enrol(user.id)
    async with node.db.writing() as session:
        await node.auth.second_factor.confirm(session, user.id, pyotp.TOTP(made.secret).at(node.wall()))
    node.wall.now += timedelta(minutes=5)
    right = {pyotp.TOTP(made.secret).at(node.wall() + timedelta(seconds=30 * step)) for step in (-1, 0, 1)}
    half = await node.auth.entrance.login("admin", PASSWORD)
    assert isinstance(half, Half)
    compared = []
    take = node.auth.second_factor.take

    async def counted(session: object, user_id: str, code: str) -> str:
        compared.append(code)
        return await take(session, user_id, code)  # type: ignore[arg-type]

    node.auth.second_factor.take = counted  # type: ignore[method-assign, assignment]
    wrong = [f"{number:06}" for number in range(SOME + 3) if f"{number:06}" not in right][:SOME]
    codes = await refusals(lambda number: node.auth.entrance.code(half.token, wrong[number]), SOME)
    tries = node.settings.auth.half_login_tries
    assert codes == {"wrong_code": tries, "half_login_over": SOME - tries}
    assert len(compared) == tries
    assert await told(node, "totp.failed") == [1, 2, 3, 4, 5]
    assert await rows(node) <= MOST_ROWS


async def test_a_pairing_code(node: Platform) -> None:
    """Codes are compared by looking them up: all but the first few are refused before."""
    begun, looked_up = await node.screens.begin("192.0.2.1", "Chrome/109"), 0

    def counted(connection: object, cursor: object, statement: str, *more: object) -> None:
        nonlocal looked_up
        looked_up += "FROM pairings" in statement

    event.listen(node.db.engine.sync_engine, "before_cursor_execute", counted)
    wrong = [f"{number:06}" for number in range(GUESSES + 1) if f"{number:06}" != begun.code][:GUESSES]
    codes = await refusals(lambda number: node.screens.look_up(wrong[number], "keeper"))
    tries = node.settings.screens.code_attempts
    assert codes == {"no_such_code": tries, "too_many_attempts": GUESSES - tries}
    assert looked_up == tries
    assert await rows(node) <= MOST_ROWS
    node.monotonic.now += 60
    assert (await node.screens.look_up(begun.code, "keeper")).id == begun.id, "who waits as told may type it"


async def at_once(guess: Callable[[], Awaitable[int]], times: int) -> Counter[int]:
    """Guess in groups of a hundred and count the statuses; the rows of such a group come into the audit log in any order."""
    statuses: Counter[int] = Counter()
    for _ in range(times // 100):
        statuses.update(await asyncio.gather(*(guess() for _ in range(100))))
    return statuses


def powers(most: int) -> list[int]:
    """The powers of ten from ten on."""
    return [10**power for power in range(1, 9) if 10**power <= most]


async def test_an_invitation(node: Platform) -> None:
    user = await node.auth.user("admin")
    assert user is not None
    invited = await node.auth.invitations.invite(user.id, "system")
    hashed = node.auth.passwords.hashed
    async with node.client() as client:

        async def guess(token: str = "") -> int:
            body = {"token": token or opaque.mint("jti_"), "password": "九月开学第一课 2026"}
            async with client.post("/api/v1/invited/password", json=body, headers=SAME_ORIGIN) as response:
                return response.status

        assert await at_once(guess, SOME) == {401: SOME}
        assert node.auth.passwords.hashed == hashed
        assert sorted(await told(node, "invitation.unknown")) == [1, 2, 3, 4, 5, *powers(SOME)]
        assert await rows(node) <= MOST_ROWS
        assert await guess(invited.token) == 204


async def test_a_session(node: Platform) -> None:
    begun = await node.auth.entrance.login("admin", PASSWORD)
    assert not isinstance(begun, Half)
    async with node.client() as client:

        async def guess(cookie: str = "") -> int:
            headers = {"Cookie": f"{LOGIN}={cookie or opaque.mint('')}"}
            async with client.get("/api/v1/session", headers=headers) as response:
                return response.status

        assert await at_once(guess, SOME) == {401: SOME}
        assert await guess(begun.token) == 200
    async with node.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Login)) == 1
    assert sorted(await told(node, "login.unknown_cookie")) == powers(SOME)
    assert await rows(node) <= MOST_ROWS
