"""Invitations: links that let somebody in to one lecture, and links by which a person sets a password.

1. **A link that sets a password works once**, until it expires, is revoked, or a newer one is made for the same person.
2. It logs nobody in and turns no one-time codes off: who has them needs one after the new password too.
3. What is wrong with a link is not told: unknown, used, expired and revoked are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.api.problems import Problem, not_found
from signaling.auth import opaque
from signaling.auth.logins_service import NOWHERE, LoggedIn, LoginsService, Where, end_all
from signaling.auth.models import Invitation, PasswordInvitation, User
from signaling.auth.trail import entry
from signaling.db.engine import Database


@dataclass(frozen=True, slots=True)
class Invited:
    """A fresh link: `/console#/invited/<token>`. The token is told once."""

    id: str
    token: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """The address of the page, behind the server's own."""
        return f"/console#/invited/{self.token}"


class InvitationsService:
    """Keeps invitations by their hash, and opens what they open."""

    def __init__(
        self, db: Database, settings: AuthSettings, logins: LoginsService, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._settings = settings
        self._logins = logins
        self._clock = clock

    async def keep(self, token: str, user_id: str, lecture_id: str, expires_at: datetime) -> None:
        """Make `token` the invitation of a lecturer to a lecture; one that is kept already stays."""
        row = Invitation(token_hash=opaque.digest(token), user_id=user_id, lecture_id=lecture_id, expires_at=expires_at)
        async with self._db.writing() as session:
            if await session.scalar(select(Invitation.id).where(Invitation.token_hash == row.token_hash)) is None:
                session.add(row)

    async def accept(self, token: str, where: Where = NOWHERE) -> LoggedIn:
        """Begin the login of a lecturer invited to a lecture; raise 401 `bad_invitation`."""
        statement = (
            select(Invitation, User)
            .join(User, User.id == Invitation.user_id)
            .where(Invitation.token_hash == opaque.digest(token), Invitation.expires_at > self._clock())
            .where(Invitation.revoked_at.is_(None), User.disabled_at.is_(None))
        )
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        if row is None:
            raise bad_invitation()
        return await self._logins.begin(row[1], "login.invited", row[0].lecture_id, where=where)

    async def invite(self, user_id: str, actor: str) -> Invited:
        """Make the link by which a person sets a password, the first one or a new one; older links of theirs end.

        Raise 404 when the person is unknown or disabled. Who may invite whom is the caller's to decide.
        """
        token, now = opaque.mint(opaque.INVITATION), self._clock()
        expires_at = now + timedelta(seconds=self._settings.invitation_seconds)
        async with self._db.writing() as session:
            user = await session.get(User, user_id)
            if user is None or user.disabled_at is not None:
                raise not_found("person")
            await self._end_open(session, user_id, now)
            row = PasswordInvitation(
                token_hash=opaque.digest(token),
                user_id=user_id,
                created_by=actor,
                created_at=now,
                expires_at=expires_at,
            )
            session.add(row)
            session.add(entry(now, actor, "person.invited", user_id, {"first": not user.password_hash}))
        return Invited(row.id, token, expires_at)

    async def revoke(self, user_id: str, actor: str) -> bool:
        """End the open link of a person; return whether there was one."""
        now = self._clock()
        async with self._db.writing() as session:
            was_open = await self._end_open(session, user_id, now)
            if was_open:
                session.add(entry(now, actor, "person.invitation_revoked", user_id))
        return was_open

    async def _end_open(self, session: AsyncSession, user_id: str, now: datetime) -> bool:
        statement = update(PasswordInvitation).where(
            PasswordInvitation.user_id == user_id,
            PasswordInvitation.used_at.is_(None),
            PasswordInvitation.revoked_at.is_(None),
        )
        ended = await session.scalars(statement.values(revoked_at=now).returning(PasswordInvitation.id))
        return len(ended.all()) > 0

    async def open(self, user_ids: Sequence[str]) -> dict[str, datetime]:
        """Return until when the people have a link that they have not used, for those who have one."""
        statement = select(PasswordInvitation.user_id, PasswordInvitation.expires_at).where(
            PasswordInvitation.user_id.in_(user_ids),
            PasswordInvitation.used_at.is_(None),
            PasswordInvitation.revoked_at.is_(None),
            PasswordInvitation.expires_at > self._clock(),
        )
        async with self._db.reading() as session:
            return {row[0]: row[1] for row in await session.execute(statement)}

    async def invited(self, token: str) -> tuple[User, datetime]:
        """Return who a link is for and until when; raise 401 `bad_invitation`."""
        async with self._db.reading() as session:
            row, user = await self._found(session, token)
        return user, row.expires_at

    async def set_password(self, token: str, hashed: str) -> User:
        """Use the link: the password is set, every login of the person ends. Raise 401 `bad_invitation`."""
        now = self._clock()
        async with self._db.writing() as session:
            row, user = await self._found(session, token)
            row.used_at = user.password_changed_at = now
            first = not user.password_hash
            user.password_hash = hashed
            await end_all(session, user.id, now)
            session.add(entry(now, user.id, "password.set", user.id, {"first": first}))
        return user

    async def _found(self, session: AsyncSession, token: str) -> tuple[PasswordInvitation, User]:
        if not opaque.is_whole(token, opaque.INVITATION):
            raise bad_invitation()
        statement = (
            select(PasswordInvitation, User)
            .join(User, User.id == PasswordInvitation.user_id)
            .where(PasswordInvitation.token_hash == opaque.digest(token))
            .where(PasswordInvitation.expires_at > self._clock(), PasswordInvitation.used_at.is_(None))
            .where(PasswordInvitation.revoked_at.is_(None), User.disabled_at.is_(None))
        )
        row = (await session.execute(statement)).one_or_none()
        if row is None:
            raise bad_invitation()
        return row[0], row[1]


def bad_invitation() -> Problem:
    """Return the problem of a link that opens nothing; it does not tell why."""
    return Problem(401, "bad_invitation", "the invitation is unknown, used, expired or revoked")
