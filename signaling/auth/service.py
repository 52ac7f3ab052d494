"""Logins, tokens and the audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import Select, select

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.backoff import Backoff
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.models import ApiToken, AuditEntry, Invitation, Login, User
from signaling.auth.passwords import Passwords, TooManyLogins
from signaling.db.base import utc_now
from signaling.db.engine import Database

COOKIE = "jt_login"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A fresh login: the secret of its cookie and who it is."""

    token: str
    principal: Principal


class AuthService:
    """The door to people and their secrets."""

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._settings = settings
        self._passwords = passwords or Passwords(settings.hash_threads, settings.hash_queue)
        self._clock = clock
        self._monotonic = monotonic
        self._backoff = Backoff(settings.login_attempts, settings.longest_wait_seconds)

    def close(self) -> None:
        """End the hashing threads."""
        self._passwords.close()

    async def login(self, login: str, password: str) -> LoggedIn:
        """Check a password and begin a login; raise 401 `wrong_password` or 429 with Retry-After."""
        account = login.strip().lower()
        wait = self._backoff.wait(account, self._monotonic())
        if wait > 0:
            raise _too_many("too_many_attempts", wait)
        self._backoff.failed(account, self._monotonic())
        user = await self._user_by_login(account)
        try:
            right = await self._passwords.verify(None if user is None else user.password_hash, password)
        except TooManyLogins:
            self._backoff.withdrawn(account)
            raise _too_many("busy", 1.0) from None
        if user is None or not right:
            await self.audit("system", "login.failed", "" if user is None else user.id)
            raise Problem(401, "wrong_password", "login or password is wrong")
        self._backoff.succeeded(account)
        return await self._begin(user, "login.succeeded")

    async def accept_invitation(self, token: str) -> LoggedIn:
        """Begin the login of an invited lecturer; raise 401 `bad_invitation`."""
        statement = (
            select(Invitation, User)
            .join(User, User.id == Invitation.user_id)
            .where(Invitation.token_hash == opaque.digest(token), Invitation.expires_at > self._clock())
            .where(Invitation.revoked_at.is_(None), User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        if row is None:
            raise Problem(401, "bad_invitation", "the invitation is unknown, expired or revoked")
        return await self._begin(row[1], "login.invited", row[0].lecture_id)

    async def _begin(self, user: User, action: str, lecture_id: str | None = None) -> LoggedIn:
        token = opaque.mint("")
        now = self._clock()
        login = Login(
            token_hash=opaque.digest(token),
            user_id=user.id,
            lecture_id=lecture_id,
            created_at=now,
            expires_at=now + timedelta(seconds=self._settings.login_seconds),
        )
        async with self._db.writing() as session:
            session.add_all([login, _entry(now, user.id, action, user.id, {})])
        return LoggedIn(token, _principal(user, lecture_id))

    async def logout(self, token: str) -> None:
        """End the login of a cookie; an unknown one is nothing to worry about."""
        statement = select(Login).where(Login.token_hash == opaque.digest(token), Login.ended_at.is_(None))
        async with self._db.writing() as session:
            for login in await session.scalars(statement):
                login.ended_at = self._clock()

    async def principal(self, request: web.BaseRequest) -> Principal | None:
        """Return who is asking, by `Authorization: Bearer jta_...` or the login cookie; None for a stranger.

        A request with a Bearer token never falls back to its cookie: CSRF protection rests on that.
        """
        token = opaque.bearer(request)
        if "Authorization" in request.headers:
            return await self._by_api_token(token) if token and token.startswith(opaque.API_TOKEN) else None
        cookie = request.cookies.get(COOKIE)
        return await self._by_cookie(cookie) if cookie else None

    async def require(self, request: web.BaseRequest, permission: Permission) -> Principal:
        """Return who is asking if their role grants the permission; raise 401 `not_logged_in` or 403 `forbidden`."""
        principal = await self.principal(request)
        if principal is None:
            raise not_logged_in()
        if not principal.may(permission):
            raise Problem(403, "forbidden", "your role may not do this")
        return principal

    async def _by_cookie(self, token: str) -> Principal | None:
        statement = (
            select(User, Login.lecture_id)
            .join(Login, Login.user_id == User.id)
            .where(Login.token_hash == opaque.digest(token), Login.expires_at > self._clock())
            .where(Login.ended_at.is_(None), User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        return None if row is None else _principal(*row)

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
        return _principal(row[0])

    async def users(self) -> list[User]:
        """Return all people by login."""
        async with self._db.reading() as session:
            return list(await session.scalars(select(User).order_by(User.login)))

    async def user(self, login: str) -> User | None:
        """Return the person of a login, or None."""
        return await self._user_by_login(login.strip().lower())

    async def add_user(self, login: str, name: str, role: Role, node: str, password: str) -> User:
        """Add a person; raises `sqlalchemy.exc.IntegrityError` when the login is taken."""
        hashed = await self._passwords.hash(password)
        user = User(login=login.strip().lower(), name=name, role=role, node=node, password_hash=hashed)
        async with self._db.writing() as session:
            session.add(user)
        return user

    async def set_password(self, user_id: str, password: str) -> None:
        """Change a password and end every login of that person."""
        hashed = await self._passwords.hash(password)
        open_logins = select(Login).where(Login.user_id == user_id, Login.ended_at.is_(None))
        async with self._db.writing() as session:
            user = await session.get_one(User, user_id)
            user.password_hash = hashed
            for login in await session.scalars(open_logins):
                login.ended_at = self._clock()
            session.add(_entry(self._clock(), "system", "password.changed", user_id, {}))

    async def keep_api_token(self, token: str, user_id: str, label: str) -> None:
        """Make `token` act as a person; one that is kept already stays."""
        row = ApiToken(token_hash=opaque.digest(token), user_id=user_id, label=label)
        await self._add_once(row, select(ApiToken).where(ApiToken.token_hash == row.token_hash))

    async def keep_invitation(self, token: str, user_id: str, lecture_id: str, expires_at: datetime) -> None:
        """Make `token` the invitation of a lecturer to a lecture."""
        row = Invitation(token_hash=opaque.digest(token), user_id=user_id, lecture_id=lecture_id, expires_at=expires_at)
        await self._add_once(row, select(Invitation).where(Invitation.token_hash == row.token_hash))

    async def audit(self, actor: str, action: str, subject: str = "", **detail: Any) -> None:
        """Append to the audit log; `detail` must hold no secret."""
        async with self._db.writing() as session:
            session.add(_entry(self._clock(), actor, action, subject, detail))

    async def _add_once(self, row: ApiToken | Invitation, existing: Select[Any]) -> None:
        async with self._db.writing() as session:
            if await session.scalar(existing) is None:
                session.add(row)

    async def _user_by_login(self, account: str) -> User | None:
        async with self._db.reading() as session:
            return await session.scalar(select(User).where(User.login == account, User.disabled_at.is_(None)))


def not_logged_in() -> Problem:
    """Return the problem of a stranger."""
    return Problem(401, "not_logged_in", "log in first", headers={"WWW-Authenticate": 'Bearer realm="jiangtang"'})


def _principal(user: User, lecture_id: str | None = None) -> Principal:
    return Principal(user.id, user.name, Role(user.role), user.node, lecture_id)


def _entry(at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]) -> AuditEntry:
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    return AuditEntry(at=at, actor=actor, action=action, subject=subject, detail=text)


def _too_many(code: str, seconds: float) -> Problem:
    retry = max(1, round(seconds + 0.5))
    return Problem(429, code, "try again later", headers={"Retry-After": str(retry)}, retry_after=retry)
