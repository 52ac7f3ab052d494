"""The door to people and their secrets: who is asking. What belongs to it alone is in the services that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import select

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.agencies import Agencies
from signaling.auth.entrance_service import EntranceService
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.invitations_service import InvitationsService
from signaling.auth.logins_service import LoginsService, end_all
from signaling.auth.models import ApiToken, User
from signaling.auth.passwords import Passwords
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database

COOKIE = "jt_login"


class AuthService:
    """Who is asking, people, the tokens of programs, the audit log.

    `logins` begins and ends logins, `entrance` checks passwords, `invitations` opens links.
    """

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        agencies: Agencies | None = None,
    ) -> None:
        self._db = db
        self._passwords = passwords or Passwords(settings.hash_threads, settings.hash_queue)
        self._clock = clock
        self.agencies = agencies or Agencies()
        self.logins = LoginsService(db, settings, clock, self.agencies)
        self.entrance = EntranceService(db, settings, self.logins, self._passwords, clock, monotonic)
        self.invitations = InvitationsService(db, self.logins, clock)

    def close(self) -> None:
        """End the hashing threads."""
        self._passwords.close()

    async def principal(self, request: web.BaseRequest) -> Principal | None:
        """Return who is asking, by `Authorization: Bearer jta_...` or the login cookie; None for a stranger.

        A request with a Bearer token never falls back to its cookie: CSRF protection rests on that.
        """
        token = opaque.bearer(request)
        if "Authorization" in request.headers:
            return await self._by_api_token(token) if token and token.startswith(opaque.API_TOKEN) else None
        cookie = request.cookies.get(COOKIE)
        return await self.logins.by_cookie(cookie) if cookie else None

    async def require(self, request: web.BaseRequest, permission: Permission) -> Principal:
        """Return who is asking if their role grants the permission; raise 401 `not_logged_in` or 403 `forbidden`."""
        principal = await self.principal(request)
        if principal is None:
            raise not_logged_in()
        if not principal.may(permission):
            raise Problem(403, "forbidden", "your role may not do this")
        return principal

    async def _by_api_token(self, token: str) -> Principal | None:
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
        hashed = await self._passwords.hash(password)
        user = User(login=login.strip().lower(), name=name, role=role, node=node, password_hash=hashed, agency=agency)
        async with self._db.writing() as session:
            session.add(user)
        return user

    async def set_password(self, user_id: str, password: str) -> None:
        """Change a password and end every login of that person."""
        hashed = await self._passwords.hash(password)
        now = self._clock()
        async with self._db.writing() as session:
            user = await session.get_one(User, user_id)
            user.password_hash = hashed
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
        async with self._db.writing() as session:
            session.add(entry(self._clock(), actor, action, subject, detail))


def not_logged_in() -> Problem:
    """Return the problem of a stranger."""
    return Problem(401, "not_logged_in", "log in first", headers={"WWW-Authenticate": 'Bearer realm="jiangtang"'})
