"""The entrance: from a login and a password, and a one-time code where one is needed, to a login of the browser.

1. **A wait comes before everything**: what is asked during it is refused before any password is hashed or any code compared.
2. **Waits are an account's**, never an address's: a whole school shares one. Whoever knows a password and guesses codes waits longer.
3. **The right password alone makes no failure of an account with one-time codes forgotten**; the code does.
4. **Who finds no place among those that hash is refused before the account is read**: a crowd costs the database nothing, and nobody a try.
5. An unknown login takes the same steps as a known one: same reads, same hash, same rows in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.backoff import Backoff
from signaling.auth.logins_service import ENROLMENT, FULL, NOWHERE, LoggedIn, LoginsService, Where
from signaling.auth.models import HalfLogin, User
from signaling.auth.passwords import Passwords, TooManyLogins, Verify
from signaling.auth.second_factor_service import SecondFactorService
from signaling.auth.trail import entry
from signaling.auth.trail_service import TrailService
from signaling.db.engine import Database


@dataclass(frozen=True, slots=True)
class Half:
    """The password was right; the secret of the cookie with which the code is to come."""

    token: str
    seconds: int


class EntranceService:
    """Checks passwords and codes; failures make an account wait, whoever asks."""

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        logins: LoginsService,
        factor: SecondFactorService,
        trail: TrailService,
        passwords: Passwords,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._db = db
        self._settings = settings
        self._logins = logins
        self._factor = factor
        self._trail = trail
        self._passwords = passwords
        self._clock = clock
        self._monotonic = monotonic
        self._backoff = Backoff(settings.login_attempts, settings.longest_wait_seconds)
        self._codes = Backoff(settings.login_attempts, settings.longest_code_wait_seconds)

    async def login(self, login: str, password: str, where: Where = NOWHERE) -> LoggedIn | Half:
        """Check a password; begin a login, or half of one when a code is needed. Raise 401 `wrong_password` or 429."""
        account = login.strip().lower()
        user, before = await self._checked(account, password, where)
        if (await self._factor.state(user.id)).since is not None:
            self._backoff.withdrawn(account, before)
            return await self._begin_half(user)
        self._backoff.succeeded(account)
        stage = ENROLMENT if self._factor.is_required(user.role) else FULL
        return await self._logins.begin(user, "login.succeeded", where=where, stage=stage)

    async def _checked(self, account: str, password: str, where: Where) -> tuple[User, float]:
        """Return the person of a login and a right password, and when the account's failure before this attempt was."""
        await self._may_try(account, where)
        try:
            with self._passwords.turn() as verify:
                before = self._backoff.failed(account, self._monotonic())
                user, right = await self._compared(account, password, before, verify)
        except TooManyLogins:
            raise too_many("busy", 1.0) from None
        if user is None or not right:
            await self._trail.failed("login.failed", account, where.address)
            raise Problem(401, "wrong_password", "login or password is wrong")
        await self._hash_anew(user, password)
        return user, before

    async def _compared(self, account: str, password: str, before: float, verify: Verify) -> tuple[User | None, bool]:
        user = await self._user(account)
        try:
            return user, await verify(None if user is None else user.password_hash, password)
        except TooManyLogins:
            self._backoff.withdrawn(account, before)
            raise

    async def _may_try(self, account: str, where: Where) -> None:
        now = self._monotonic()
        wait = max(self._backoff.wait(account, now), self._codes.wait(account, now))
        if wait > 0:
            await self._trail.failed("login.refused", account, where.address, first=0)
            raise too_many("too_many_attempts", wait)

    async def _hash_anew(self, user: User, password: str) -> None:
        """Bring a hash to today's figures; when there is no time for it, the next login does."""
        if not self._passwords.is_outdated(user.password_hash):
            return
        try:
            hashed = await self._passwords.hash(password)
        except TooManyLogins:
            return
        statement = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
        async with self._db.writing() as session:
            await session.execute(statement.values(password_hash=hashed))

    async def _begin_half(self, user: User) -> Half:
        token, now, seconds = opaque.mint(""), self._clock(), self._settings.half_login_seconds
        row = HalfLogin(
            token_hash=opaque.digest(token), user_id=user.id, expires_at=now + timedelta(seconds=seconds), tries=0
        )
        async with self._db.writing() as session:
            await session.execute(delete(HalfLogin).where(HalfLogin.expires_at <= now))
            session.add(row)
        return Half(token, seconds)

    async def code(self, token: str, code: str, where: Where = NOWHERE) -> LoggedIn:
        """Check the code after the password and begin the login. Raise 401 `wrong_code` or `half_login_over`, or 429."""
        account = await self._half_account(token, where)
        await self._may_try(account, where)
        self._failed(account)
        logged_in = None
        async with self._db.writing() as session:
            half, user = await self._half(session, token)
            half.tries += 1
            if used := await self._factor.take(session, user.id, code):
                await session.execute(delete(HalfLogin).where(HalfLogin.user_id == user.id))
                logged_in = self._logins.add(session, user, where)
                detail = {"from": where.address, "code": used}
                session.add(entry(self._clock(), user.id, "login.succeeded", user.id, detail))
        if logged_in is None:
            await self._trail.failed("totp.failed", account, where.address)
            raise Problem(401, "wrong_code", "the code is wrong or was used already")
        self._succeeded(account)
        return logged_in

    def _failed(self, account: str) -> None:
        self._backoff.failed(account, self._monotonic())
        self._codes.failed(account, self._monotonic())

    def _succeeded(self, account: str) -> None:
        self._backoff.succeeded(account)
        self._codes.succeeded(account)

    async def _half_account(self, token: str, where: Where) -> str:
        try:
            async with self._db.reading() as session:
                _, user = await self._half(session, token)
        except Problem:
            await self._trail.failed("totp.unknown_cookie", "", where.address, first=0)
            raise
        return user.login

    async def _half(self, session: AsyncSession, token: str) -> tuple[HalfLogin, User]:
        statement = (
            select(HalfLogin, User)
            .join(User, User.id == HalfLogin.user_id)
            .where(HalfLogin.token_hash == opaque.digest(token), HalfLogin.expires_at > self._clock())
            .where(HalfLogin.tries < self._settings.half_login_tries, User.disabled_at.is_(None))
        )
        row = (await session.execute(statement)).one_or_none()
        if row is None:
            raise Problem(401, "half_login_over", "begin with the password again")
        return row[0], row[1]

    async def confirm_password(self, user_id: str, password: str, where: Where, field: str = "password") -> User:
        """Return the person who is logged in when their password is right; raise 422 for the field of the form, or 429.

        A wrong one counts like a failed login: who finds an open browser cannot guess on.
        """
        async with self._db.reading() as session:
            user = await session.get_one(User, user_id)
        try:
            found, before = await self._checked(user.login, password, where)
        except Problem as problem:
            if problem.code == "wrong_password":
                raise wrong_field(field, "wrong_password") from None
            raise
        self._backoff.withdrawn(user.login, before)
        return found

    async def confirm_code(self, session: AsyncSession, user: User, code: str) -> str:
        """Take a code after `confirm_password`, within a transaction; return what it was, or nothing when it is wrong."""
        self._failed(user.login)
        used = await self._factor.take(session, user.id, code)
        if used:
            self._succeeded(user.login)
        return used

    async def _user(self, account: str) -> User | None:
        async with self._db.reading() as session:
            return await session.scalar(select(User).where(User.login == account, User.disabled_at.is_(None)))


def wrong_field(field: str, *reasons: str) -> Problem:
    """Return the 422 of a form whose field is wrong, with a reason for each thing that is."""
    errors = [{"field": field, "reason": reason} for reason in reasons]
    return Problem(422, "invalid", "the body has wrong fields", errors=errors)


def too_many(code: str, seconds: float) -> Problem:
    """Return the 429 of who has to wait."""
    retry = max(1, round(seconds + 0.5))
    return Problem(429, code, "try again later", headers={"Retry-After": str(retry)}, retry_after=retry)
