"""Logins: from the cookie to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.auth import opaque
from signaling.auth.agencies import Agencies
from signaling.auth.identity import Principal, Role
from signaling.auth.models import Login, User
from signaling.auth.trail import entry
from signaling.db.engine import Database


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A fresh login: the secret of its cookie and who it is."""

    token: str
    principal: Principal


class LoginsService:
    """Begins and ends logins, and knows whose a cookie is."""

    def __init__(self, db: Database, settings: AuthSettings, clock: Callable[[], datetime], agencies: Agencies) -> None:
        self._agencies = agencies
        self._db = db
        self._settings = settings
        self._clock = clock

    async def begin(self, user: User, action: str, lecture_id: str | None = None) -> LoggedIn:
        """Begin a login of a person, for one lecture alone when it is named; `action` is what the audit log calls it."""
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
            session.add_all([login, entry(now, user.id, action, user.id)])
        return LoggedIn(token, self.principal_of(user, lecture_id))

    async def end(self, token: str) -> None:
        """End the login of a cookie; an unknown one is nothing to worry about."""
        statement = select(Login).where(Login.token_hash == opaque.digest(token), Login.ended_at.is_(None))
        async with self._db.writing() as session:
            for login in await session.scalars(statement):
                login.ended_at = self._clock()

    async def by_cookie(self, token: str) -> Principal | None:
        """Return whose the cookie is, None when it is nobody's, has ended or expired."""
        statement = (
            select(User, Login.lecture_id)
            .join(Login, Login.user_id == User.id)
            .where(Login.token_hash == opaque.digest(token), Login.expires_at > self._clock())
            .where(Login.ended_at.is_(None), User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        return None if row is None else self.principal_of(*row)

    def principal_of(self, user: User, lecture_id: str | None = None) -> Principal:
        """Return who a person is, with what their agency leaves of the rights of their role."""
        role = Role(user.role)
        rights = self._agencies.rights(role, user.agency)
        return Principal(user.id, user.name, role, user.node, lecture_id, user.agency, rights)


async def end_all(session: AsyncSession, user_id: str, now: datetime) -> None:
    """End every login of a person, in the transaction that changes their password, role or node, or disables them."""
    for login in await session.scalars(select(Login).where(Login.user_id == user_id, Login.ended_at.is_(None))):
        login.ended_at = now
