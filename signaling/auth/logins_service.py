"""Logins: from the cookie to its end.

1. **A login has three ends**: its absolute time, a time without requests, and somebody who ends it. A login for one lecture has no second.
2. That it is in use is written down every few minutes, not with every request.
3. **A new right is a new cookie**: after a password, a one-time code or a change of role the cookie from before is worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.api.problems import not_found
from signaling.auth import opaque
from signaling.auth.agencies import Agencies
from signaling.auth.identity import Principal, Role
from signaling.auth.models import Login, User
from signaling.auth.trail import entry
from signaling.db.engine import Database

FULL: Final = "full"
ENROLMENT: Final = "enrolment"
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Where:
    """From where somebody logs in: address and the browser's words."""

    address: str = ""
    agent: str = ""


NOWHERE: Final = Where()


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A fresh login: the secret of its cookie, how long it may be kept, and who it is."""

    token: str
    principal: Principal
    seconds: int
    stage: str = FULL


@dataclass(frozen=True, slots=True)
class Held:
    """A login that a request carries."""

    login_id: str
    principal: Principal
    stage: str


class LoginsService:
    """Begins and ends logins, and knows whose a cookie is."""

    def __init__(self, db: Database, settings: AuthSettings, clock: Callable[[], datetime], agencies: Agencies) -> None:
        self._agencies = agencies
        self._db = db
        self._settings = settings
        self._clock = clock

    async def begin(
        self,
        user: User,
        action: str,
        lecture_id: str | None = None,
        *,
        where: Where = NOWHERE,
        stage: str = FULL,
    ) -> LoggedIn:
        """Begin a login of a person, for one lecture alone when it is named; `action` is what the audit log calls it."""
        async with self._db.writing() as session:
            made = self.add(session, user, where, stage, lecture_id)
            session.add(entry(self._clock(), user.id, action, user.id, {"from": where.address}))
        return made

    def add(
        self, session: AsyncSession, user: User, where: Where, stage: str = FULL, lecture_id: str | None = None
    ) -> LoggedIn:
        """Begin a login within a transaction that changes more."""
        token, now = opaque.mint(""), self._clock()
        seconds = self._settings.login_seconds if stage == FULL else self._settings.enrolment_seconds
        login = Login(
            token_hash=opaque.digest(token),
            user_id=user.id,
            lecture_id=lecture_id,
            stage=stage,
            address=where.address[:45],
            agent=where.agent[:256],
            created_at=now,
            seen_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
        session.add(login)
        return LoggedIn(token, self.principal_of(user, lecture_id), seconds, stage)

    async def end(self, token: str) -> None:
        """End the login of a cookie; an unknown one is nothing to worry about."""
        if not opaque.is_whole(token):
            return
        statement = update(Login).where(Login.token_hash == opaque.digest(token), Login.ended_at.is_(None))
        now = self._clock()
        async with self._db.writing() as session:
            ended = await session.scalars(statement.values(ended_at=now).returning(Login.user_id))
            session.add_all([entry(now, user_id, "login.left", user_id) for user_id in ended])

    async def by_cookie(self, token: str) -> Held | None:
        """Return the login of a cookie, None when it is nobody's, has ended or expired."""
        if not opaque.is_whole(token):
            return None
        now = self._clock()
        statement = (
            select(User, Login)
            .join(Login, Login.user_id == User.id)
            .where(Login.token_hash == opaque.digest(token), Login.expires_at > now)
            .where(Login.ended_at.is_(None), User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        if row is None or self._is_idle(row[1], now):
            return None
        await self._seen(row[1], now)
        return Held(row[1].id, self.principal_of(row[0], row[1].lecture_id), row[1].stage)

    def principal_of(self, user: User, lecture_id: str | None = None) -> Principal:
        """Return who a person is, with what their agency leaves of the rights of their role."""
        role = Role(user.role)
        rights = self._agencies.rights(role, user.agency)
        return Principal(user.id, user.name, role, user.node, lecture_id, user.agency, rights)

    def _is_idle(self, login: Login, now: datetime) -> bool:
        if login.lecture_id is not None:
            return False
        return now - (login.seen_at or login.created_at) >= timedelta(seconds=self._settings.idle_seconds)

    async def _seen(self, login: Login, now: datetime) -> None:
        if login.seen_at is not None and now - login.seen_at < timedelta(seconds=self._settings.seen_seconds):
            return
        async with self._db.writing() as session:
            await session.execute(update(Login).where(Login.id == login.id).values(seen_at=now))

    async def listed(self, user_id: str) -> Sequence[Login]:
        """Return the logins of a person that are open, the latest first."""
        now = self._clock()
        statement = (
            select(Login)
            .where(Login.user_id == user_id, Login.ended_at.is_(None), Login.expires_at > now)
            .order_by(Login.created_at.desc(), Login.id.desc())
            .limit(LISTED)
        )
        async with self._db.reading() as session:
            return [login for login in await session.scalars(statement) if not self._is_idle(login, now)]

    async def end_one(self, user_id: str, login_id: str) -> None:
        """End one of a person's own logins; raise 404 when it is not theirs or is over."""
        now = self._clock()
        statement = update(Login).where(Login.id == login_id, Login.user_id == user_id, Login.ended_at.is_(None))
        async with self._db.writing() as session:
            ended = await session.scalars(statement.values(ended_at=now).returning(Login.id))
            if ended.one_or_none() is None:
                raise not_found("login")
            session.add(entry(now, user_id, "login.ended", user_id, {"login": login_id}))

    async def end_others(self, user_id: str, login_id: str) -> None:
        """End all logins of a person but one."""
        now = self._clock()
        async with self._db.writing() as session:
            await end_all(session, user_id, now, but=login_id)
            session.add(entry(now, user_id, "login.others_ended", user_id))


async def end_all(session: AsyncSession, user_id: str, now: datetime, but: str = "") -> None:
    """End every login of a person, in the transaction that changes their password, role or node, or disables them."""
    statement = update(Login).where(Login.user_id == user_id, Login.ended_at.is_(None), Login.id != but)
    await session.execute(statement.values(ended_at=now))
