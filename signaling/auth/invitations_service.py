"""Invitations: links that let somebody in without a password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.logins_service import LoggedIn, LoginsService
from signaling.auth.models import Invitation, User
from signaling.db.engine import Database


class InvitationsService:
    """Keeps invitations by their hash, and opens what they open."""

    def __init__(self, db: Database, logins: LoginsService, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._logins = logins
        self._clock = clock

    async def keep(self, token: str, user_id: str, lecture_id: str, expires_at: datetime) -> None:
        """Make `token` the invitation of a lecturer to a lecture; one that is kept already stays."""
        row = Invitation(token_hash=opaque.digest(token), user_id=user_id, lecture_id=lecture_id, expires_at=expires_at)
        async with self._db.writing() as session:
            if await session.scalar(select(Invitation.id).where(Invitation.token_hash == row.token_hash)) is None:
                session.add(row)

    async def accept(self, token: str) -> LoggedIn:
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
        return await self._logins.begin(row[1], "login.invited", row[0].lecture_id)


def bad_invitation() -> Problem:
    """Return the problem of a link that opens nothing; it does not tell why."""
    return Problem(401, "bad_invitation", "the invitation is unknown, expired or revoked")
