"""One-time codes of people: setting them up, taking one, recovery codes, turning them off.

1. **A code counts once**, whoever asks how often at the same time: the step taken is written in the transaction that reads it.
2. The secret is shown once, and stored encrypted; of recovery codes only hashes are stored.
3. **Codes are asked for from the first right code on**: who scans the picture and goes away has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AuthSettings
from signaling.api.problems import Problem, not_found
from signaling.auth import opaque, totp
from signaling.auth.logins_service import end_all
from signaling.auth.models import RecoveryCode, SecondFactor, User
from signaling.auth.sealing import SealError, Sealing
from signaling.auth.trail import entry
from signaling.db.engine import Database

log = structlog.get_logger("auth")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What is shown once: the secret, and the address that a QR code holds."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class FactorState:
    """How somebody's one-time codes stand."""

    since: datetime | None
    codes_left: int


class SecondFactorService:
    """The door to one-time codes. `is_demo` is set by the tour with invented schools."""

    def __init__(self, db: Database, settings: AuthSettings, sealing: Sealing, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._settings = settings
        self._sealing = sealing
        self._clock = clock
        self.is_demo = False

    def is_required(self, role: str) -> bool:
        """Whether a role needs one-time codes on this server."""
        asked = self._settings.totp_required
        return asked != "never" and not (asked == "except_demo" and self.is_demo) and role in self._settings.totp_roles

    async def state(self, user_id: str) -> FactorState:
        """Return since when codes are asked for (None: they are not), and how many recovery codes are left."""
        left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
        async with self._db.reading() as session:
            since = await session.scalar(select(SecondFactor.confirmed_at).where(SecondFactor.user_id == user_id))
            return FactorState(since, await session.scalar(left) or 0)

    async def enrolled(self, user_ids: Sequence[str]) -> set[str]:
        """Return which of the people have one-time codes."""
        statement = select(SecondFactor.user_id).where(SecondFactor.confirmed_at.is_not(None))
        async with self._db.reading() as session:
            return set(await session.scalars(statement.where(SecondFactor.user_id.in_(user_ids))))

    async def enrol(self, user_id: str) -> Enrolment:
        """Make a secret and return it; raise 409 `totp_on` when codes are asked for already. The one before is forgotten."""
        secret = totp.new_secret()
        async with self._db.writing() as session:
            user = await session.get_one(User, user_id)
            old = await session.get(SecondFactor, user_id)
            if old is not None and old.confirmed_at is not None:
                raise Problem(409, "totp_on", "one-time codes are on; turn them off first")
            factor = old or SecondFactor(user_id=user_id)
            factor.sealed, factor.created_at = self._sealing.seal(secret, user_id), self._clock()
            session.add(factor)
        return Enrolment(secret, totp.address(secret, user.login, self._settings.totp_issuer))

    async def confirm(self, session: AsyncSession, user_id: str, code: str) -> list[str]:
        """Take the first code: from now on they are asked for. Return the recovery codes; raise 409 or 422."""
        factor = await session.get(SecondFactor, user_id)
        if factor is None or factor.confirmed_at is not None:
            raise Problem(409, "totp_not_begun", "begin to set up one-time codes first")
        if not self._take(factor, code):
            raise wrong_code_field()
        factor.confirmed_at = self._clock()
        session.add(entry(self._clock(), user_id, "totp.on", user_id))
        return await self._new_recovery_codes(session, user_id)

    async def take(self, session: AsyncSession, user_id: str, text: str) -> str:
        """Take a one-time code or a recovery code within a transaction; return `totp` or `recovery`, or nothing when it is wrong."""
        code = totp.plain(text)
        if not totp.is_code(code):
            return "recovery" if await self._take_recovery(session, user_id, code) else ""
        factor = await session.get(SecondFactor, user_id)
        return "totp" if factor is not None and factor.confirmed_at is not None and self._take(factor, code) else ""

    def _take(self, factor: SecondFactor, code: str) -> bool:
        secret = self._secret(factor)
        step = totp.step_of(totp.plain(code), secret, self._clock(), factor.last_step or 0)
        if step is not None:
            factor.last_step = step
        return step is not None

    def _secret(self, factor: SecondFactor) -> str:
        """Return the secret; raise 503 `key_changed` when the server's key is not the one that sealed it: no code can be right then."""
        try:
            return self._sealing.open(factor.sealed, factor.user_id)
        except SealError as error:
            log.error("- a one-time code cannot be compared", user=factor.user_id, why=str(error))
            raise Problem(503, "key_changed", "the key of this server is another one: no one-time code opens") from None

    async def _take_recovery(self, session: AsyncSession, user_id: str, code: str) -> bool:
        statement = (
            update(RecoveryCode)
            .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == opaque.digest(code))
            .where(RecoveryCode.used_at.is_(None))
        )
        taken = await session.scalars(statement.values(used_at=self._clock()).returning(RecoveryCode.id))
        return taken.one_or_none() is not None

    async def renew_recovery_codes(self, session: AsyncSession, user_id: str) -> list[str]:
        """Return new recovery codes; the ones before are worth nothing."""
        session.add(entry(self._clock(), user_id, "totp.codes_renewed", user_id))
        return await self._new_recovery_codes(session, user_id)

    async def _new_recovery_codes(self, session: AsyncSession, user_id: str) -> list[str]:
        await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        made = totp.recovery_codes()
        session.add_all(RecoveryCode(user_id=user_id, code_hash=opaque.digest(totp.plain(code))) for code in made)
        return made

    async def turn_off(self, session: AsyncSession, user_id: str, actor: str, action: str) -> bool:
        """Forget secret and recovery codes within a transaction; return whether codes were asked for."""
        factor = await session.get(SecondFactor, user_id)
        was_on = factor is not None and factor.confirmed_at is not None
        await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        await session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
        if was_on:
            session.add(entry(self._clock(), actor, action, user_id))
        return was_on

    async def reset(self, user_id: str, actor: str) -> bool:
        """Turn somebody's codes off and end their logins; return whether they were on. Raise 404 for an unknown person.

        Who may do it to whom is the caller's to decide.
        """
        async with self._db.writing() as session:
            if await session.get(User, user_id) is None:
                raise not_found("person")
            was_on = await self.turn_off(session, user_id, actor, "totp.reset")
            if was_on:
                await end_all(session, user_id, self._clock())
        return was_on


def wrong_code_field() -> Problem:
    """Return the problem of a wrong code in a form."""
    return Problem(422, "invalid", "the code is wrong", errors=[{"field": "code", "reason": "wrong_code"}])
