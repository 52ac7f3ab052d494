"""A person's own account: password, one-time codes. **What makes rights stronger or weaker asks for the password again**, and whatever
changes a secret ends the other logins and gives this browser a new cookie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.api.problems import Problem
from signaling.auth.entrance_service import EntranceService, too_many, wrong_field
from signaling.auth.invitations_service import InvitationsService
from signaling.auth.logins_service import ENROLMENT, FULL, Held, LoggedIn, LoginsService, Where, end_all
from signaling.auth.models import User
from signaling.auth.password_policy import Policy
from signaling.auth.passwords import Passwords, TooManyLogins
from signaling.auth.second_factor_service import Enrolment, SecondFactorService, wrong_code_field
from signaling.auth.trail import entry
from signaling.db.engine import Database


class AccountService:
    """What people do with their own account."""

    def __init__(
        self,
        db: Database,
        settings: AuthSettings,
        passwords: Passwords,
        logins: LoginsService,
        entrance: EntranceService,
        factor: SecondFactorService,
        invitations: InvitationsService,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._settings = settings
        self._passwords = passwords
        self._logins = logins
        self._entrance = entrance
        self._factor = factor
        self._invitations = invitations
        self._clock = clock

    def policy(self, role: str) -> Policy:
        """Return the rules for passwords of a role."""
        settings = self._settings
        is_admin = role in settings.totp_roles
        shortest = settings.password_shortest_admin if is_admin else settings.password_shortest
        return Policy(shortest, settings.password_kinds)

    async def person(self, user_id: str) -> User:
        """Return the person of a login."""
        async with self._db.reading() as session:
            return await session.get_one(User, user_id)

    def check(self, password: str, user: User, field: str) -> None:
        """Raise 422 `invalid` with every reason why the person may not have this password."""
        reasons = self.policy(user.role).reasons(password, user.login, user.name)
        if reasons:
            raise wrong_field(field, *reasons)

    async def change_password(self, held: Held, old: str, new: str, where: Where) -> LoggedIn:
        """Change one's password: all other logins end, this browser gets a new cookie. Raise 422 for the fields, or 429."""
        user = await self._entrance.confirm_password(held.principal.user_id, old, where, "old")
        self.check(new, user, "new")
        if new == old:
            raise wrong_field("new", "same")
        hashed = await self._hash(new)
        async with self._db.writing() as session:
            row = await session.get_one(User, user.id)
            row.password_hash, row.password_changed_at = hashed, self._clock()
            session.add(entry(self._clock(), user.id, "password.changed", user.id))
            return await self._again(session, row, where, held.stage)

    async def set_password(self, token: str, password: str) -> User:
        """Set the password of an invited person. Raise 401 `bad_invitation`, 422 for the field, or 429."""
        user, _ = await self._invitations.invited(token)
        self.check(password, user, "password")
        return await self._invitations.set_password(token, await self._hash(password))

    async def _hash(self, password: str) -> str:
        try:
            return await self._passwords.hash(password)
        except TooManyLogins:
            raise too_many("busy", 1.0) from None

    async def enrol(self, held: Held, password: str | None, where: Where) -> Enrolment:
        """Begin to set up one-time codes. Who has just been let in to do it need not show the password again."""
        if held.stage != ENROLMENT:
            await self._entrance.confirm_password(held.principal.user_id, password or "", where)
        return await self._factor.enrol(held.principal.user_id)

    async def confirm(self, held: Held, code: str, where: Where) -> tuple[list[str], LoggedIn]:
        """Turn one-time codes on by the first one; return the recovery codes and the login that goes on."""
        async with self._db.writing() as session:
            user = await session.get_one(User, held.principal.user_id)
            codes = await self._factor.confirm(session, user.id, code)
            return codes, await self._again(session, user, where, FULL)

    async def renew_codes(self, held: Held, password: str, code: str, where: Where) -> list[str]:
        """Return new recovery codes for password and code."""
        user = await self._entrance.confirm_password(held.principal.user_id, password, where)
        await self._is_on(user)
        async with self._db.writing() as session:
            used = await self._entrance.confirm_code(session, user, code)
            codes = await self._factor.renew_recovery_codes(session, user.id) if used else []
        if not used:
            raise wrong_code_field()
        return codes

    async def turn_off(self, held: Held, password: str, code: str, where: Where) -> LoggedIn:
        """Turn one's codes off for password and code. Who needs them is led to set them up again, with another telephone perhaps."""
        user = await self._entrance.confirm_password(held.principal.user_id, password, where)
        await self._is_on(user)
        logged_in = None
        async with self._db.writing() as session:
            if await self._entrance.confirm_code(session, user, code):
                await self._factor.turn_off(session, user.id, user.id, "totp.off")
                stage = ENROLMENT if self._factor.is_required(user.role) else FULL
                logged_in = await self._again(session, user, where, stage)
        if logged_in is None:
            raise wrong_code_field()
        return logged_in

    async def _is_on(self, user: User) -> None:
        if (await self._factor.state(user.id)).since is None:
            raise Problem(409, "totp_off", "one-time codes are off")

    async def _again(self, session: AsyncSession, user: User, where: Where, stage: str) -> LoggedIn:
        """End every login of the person and begin the one that goes on."""
        await end_all(session, user.id, self._clock())
        return self._logins.add(session, user, where, stage)
