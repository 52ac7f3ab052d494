"""The entrance: from a login and a password to a login of the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth.backoff import Backoff
from signaling.auth.logins_service import LoggedIn, LoginsService
from signaling.auth.models import User
from signaling.auth.passwords import Passwords, TooManyLogins
from signaling.auth.trail import entry
from signaling.db.engine import Database


class EntranceService:
    """Checks passwords; failures make an account wait, whoever asks."""

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        logins: LoginsService,
        passwords: Passwords,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._db = db
        self._logins = logins
        self._passwords = passwords
        self._clock = clock
        self._monotonic = monotonic
        self._backoff = Backoff(settings.login_attempts, settings.longest_wait_seconds)

    async def login(self, login: str, password: str) -> LoggedIn:
        """Check a password and begin a login; raise 401 `wrong_password` or 429 with Retry-After."""
        account = login.strip().lower()
        wait = self._backoff.wait(account, self._monotonic())
        if wait > 0:
            raise too_many("too_many_attempts", wait)
        self._backoff.failed(account, self._monotonic())
        user = await self._user(account)
        try:
            right = await self._passwords.verify(None if user is None else user.password_hash, password)
        except TooManyLogins:
            self._backoff.withdrawn(account)
            raise too_many("busy", 1.0) from None
        if user is None or not right:
            await self._tell("login.failed", "" if user is None else user.id)
            raise Problem(401, "wrong_password", "login or password is wrong")
        self._backoff.succeeded(account)
        return await self._logins.begin(user, "login.succeeded")

    async def _user(self, account: str) -> User | None:
        async with self._db.reading() as session:
            return await session.scalar(select(User).where(User.login == account, User.disabled_at.is_(None)))

    async def _tell(self, action: str, subject: str) -> None:
        async with self._db.writing() as session:
            session.add(entry(self._clock(), "system", action, subject))


def too_many(code: str, seconds: float) -> Problem:
    """Return the 429 of who has to wait."""
    retry = max(1, round(seconds + 0.5))
    return Problem(429, code, "try again later", headers={"Retry-After": str(retry)}, retry_after=retry)
