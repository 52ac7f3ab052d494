"""The door to people and their secrets: who is asking. What belongs to it alone is in the services that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from argon2 import PasswordHasher
from sqlalchemy import select

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth import cookies, opaque
from signaling.auth.account_service import AccountService
from signaling.auth.agencies import Agencies
from signaling.auth.entrance_service import EntranceService
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.invitations_service import InvitationsService
from signaling.auth.logins_service import FULL, Held, LoginsService, end_all
from signaling.auth.models import ApiToken, User
from signaling.auth.passwords import Passwords
from signaling.auth.sealing import Sealing
from signaling.auth.second_factor_service import SecondFactorService
from signaling.auth.trail import entry
from signaling.auth.trail_service import TrailService
from signaling.db.base import utc_now
from signaling.db.engine import Database

COOKIES_TOLD: Final = 0  # an expired cookie is nothing special: only many of them are told


class AuthService:
    """Who is asking, people, the tokens of programs, the audit log.

    `logins` begins and ends logins, `entrance` checks passwords and codes, `invitations` opens links, `second_factor` keeps one-time
    codes, `account` is for the people themselves. `key` encrypts the secrets of one-time codes.
    """

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        agencies: Agencies | None = None,
        key: bytes | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self.agencies = agencies or Agencies()
        self.passwords = passwords or hashing(settings)
        self.trail = TrailService(db, settings.failures_told, clock, monotonic)
        self.logins = LoginsService(db, settings, clock, self.agencies)
        self.second_factor = SecondFactorService(db, settings, Sealing(key), clock)
        self.entrance = EntranceService(
            db, settings, self.logins, self.second_factor, self.trail, self.passwords, clock, monotonic
        )
        self.invitations = InvitationsService(db, settings, self.logins, clock)
        self.account = AccountService(
            db, settings, self.passwords, self.logins, self.entrance, self.second_factor, self.invitations, clock
        )

    def close(self) -> None:
        """End the hashing threads."""
        self.passwords.close()

    async def principal(self, request: web.Request) -> Principal | None:
        """Return who is asking, by `Authorization: Bearer jta_...` or the login cookie; None for a stranger.

        A request with a Bearer token never falls back to its cookie: CSRF protection rests on that. A login that has to set up
        one-time codes first is nobody yet.
        """
        if "Authorization" in request.headers:
            return await self._by_api_token(opaque.bearer(request) or "")
        held = await self.held(request)
        return held.principal if held is not None and held.stage == FULL else None

    async def held(self, request: web.Request) -> Held | None:
        """Return the login whose cookie the request carries, whatever it may do."""
        cookie = cookies.read(request, cookies.LOGIN)
        if cookie is None or "Authorization" in request.headers:
            return None
        held = await self.logins.by_cookie(cookie)
        if held is None:
            await self.trail.failed("login.unknown_cookie", first=COOKIES_TOLD)
        return held

    async def require(self, request: web.Request, permission: Permission) -> Principal:
        """Return who is asking if their role grants the permission; raise 401 `not_logged_in` or 403 `forbidden`."""
        principal = await self.principal(request)
        if principal is None:
            raise not_logged_in()
        if not principal.may(permission):
            raise forbidden()
        return principal

    async def own_login(self, request: web.Request, *, enrolling: bool = False) -> Held:
        """Return the login of somebody at their own account; raise 401, or 403 for tokens and logins that are for less.

        `enrolling` lets those in who have to set up one-time codes first.
        """
        held = await self.held(request)
        if held is None:
            raise not_logged_in() if await self.principal(request) is None else forbidden()
        if held.principal.lecture_id is not None:
            raise forbidden()
        if held.stage != FULL and not enrolling:
            raise Problem(403, "second_factor_missing", "set up one-time codes first")
        return held

    async def _by_api_token(self, token: str) -> Principal | None:
        if not token.startswith(opaque.API_TOKEN):
            return None
        statement = (
            select(User, ApiToken.expires_at)
            .join(ApiToken, ApiToken.user_id == User.id)
            .where(ApiToken.token_hash == opaque.digest(token), ApiToken.revoked_at.is_(None))
            .where(User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        if row is None or (row[1] is not None and row[1] <= self._clock()):
            return None
        return self.logins.principal_of(row[0])

    async def users(self) -> list[User]:
        """Return all people by login."""
        async with self._db.reading() as session:
            return list(await session.scalars(select(User).order_by(User.login)))

    async def user(self, login: str) -> User | None:
        """Return the person of a login who is not disabled, or None."""
        statement = select(User).where(User.login == login.strip().lower(), User.disabled_at.is_(None))
        async with self._db.reading() as session:
            return await session.scalar(statement)

    async def add_user(
        self, login: str, name: str, role: Role, node: str, password: str, agency: str | None = None
    ) -> User:
        """Add a person; raises `sqlalchemy.exc.IntegrityError` when the login is taken."""
        hashed = await self.passwords.hash(password)
        user = User(login=login.strip().lower(), name=name, role=role, node=node, password_hash=hashed, agency=agency)
        async with self._db.writing() as session:
            session.add(user)
        return user

    async def set_password(self, user_id: str, password: str) -> None:
        """Change a password and end every login of that person."""
        hashed = await self.passwords.hash(password)
        now = self._clock()
        async with self._db.writing() as session:
            user = await session.get_one(User, user_id)
            user.password_hash, user.password_changed_at = hashed, now
            await end_all(session, user_id, now)
            session.add(entry(now, "system", "password.changed", user_id))

    async def keep_api_token(self, token: str, user_id: str, label: str) -> None:
        """Make `token` act as a person; one that is kept already stays."""
        row = ApiToken(token_hash=opaque.digest(token), user_id=user_id, label=label)
        async with self._db.writing() as session:
            if await session.scalar(select(ApiToken.id).where(ApiToken.token_hash == row.token_hash)) is None:
                session.add(row)

    async def audit(self, actor: str, action: str, subject: str = "", **detail: Any) -> None:
        """Append to the audit log; `detail` must hold no secret."""
        await self.trail.write(actor, action, subject, **detail)


def hashing(settings: AuthSettings) -> Passwords:
    """Return the hashing threads that the settings ask for."""
    hasher = PasswordHasher(time_cost=settings.hash_passes, memory_cost=settings.hash_memory_kib, parallelism=1)
    return Passwords(settings.hash_threads, settings.hash_queue, hasher, settings.hash_wait_seconds)


def not_logged_in() -> Problem:
    """Return the problem of a stranger."""
    return Problem(401, "not_logged_in", "log in first", headers={"WWW-Authenticate": 'Bearer realm="jiangtang"'})


def forbidden() -> Problem:
    """Return the problem of somebody who is known and may not."""
    return Problem(403, "forbidden", "your role may not do this")
