"""Pairs screens with rooms, again after a wipe, and keeps the inventory.

1. **A screen is paired by somebody who is responsible for its school**, who types the six digits that it shows (after RFC 8628).
2. The device token is made when the screen fetches it and is stored as its hash; it is told once.
3. **A room whose sticker is used gets a new token; the old one is worthless at once**, with every session and watch token of it.
4. Wrong codes make an account wait before they are compared; a screen's own secret is compared in constant time.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import ScreensSettings
from signaling.api.problems import Problem, not_found
from signaling.auth import opaque
from signaling.auth.backoff import Backoff
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import School, SchoolClass, Screen
from signaling.directory.pages_service import page_by_school
from signaling.directory.queries import Scope
from signaling.screens import queries, stickers
from signaling.screens.models import Pairing
from signaling.screens.queries import ScreenFilter, ScreenRow

LONGEST_WAIT: Final = 60.0
TRIES: Final = 20  # random codes until a free one is found; with a few thousand alive the first one mostly is


@dataclass(frozen=True, slots=True)
class Begun:
    """A pairing that has begun, with the secret that is told once."""

    id: str
    code: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Paired:
    """What a screen needs for the rest of its life."""

    screen_id: str
    device_token: str


class ScreensService:
    """The door to the screens; `revoked` is told the id of a screen whose token has become worthless."""

    def __init__(
        self,
        db: Database,
        settings: ScreensSettings,
        sticker_key: bytes,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._settings = settings
        self._key = sticker_key
        self._clock = clock
        self._monotonic = monotonic
        self._guesses = Backoff(settings.code_attempts, LONGEST_WAIT)
        self.revoked: Callable[[str, datetime], None] = lambda screen_id, at: None

    async def begin(self, address: str, agent: str, key: str | None = None) -> Begun:
        """Begin the pairing of a screen, which may have a key (its thumbprint); raise 503 `too_many_pairings`."""
        now, secret = self._clock(), opaque.mint("")
        expires_at = now + timedelta(seconds=self._settings.code_seconds)
        async with self._db.writing() as session:
            await session.execute(delete(Pairing).where(Pairing.expires_at < now - timedelta(days=1)))
            alive = select(Pairing.code, Pairing.address).where(Pairing.expires_at > now, Pairing.state == "waiting")
            rows = (await session.execute(alive)).all()
            if len(rows) >= self._settings.codes_alive:
                raise _too_many(503, "too_many_pairings", 60)
            if sum(row.address == address for row in rows) >= self._settings.codes_alive_per_address:
                raise _too_many(429, "too_many_pairings", 60)
            code = _free_code({row.code for row in rows})
            made = Pairing(code=code, secret_hash=opaque.digest(secret), address=address, agent=agent[:256])
            made.created_at, made.expires_at, made.key_thumbprint = now, expires_at, key
            session.add(made)
            await session.flush()
            return Begun(made.id, code, secret, expires_at)

    async def poll(self, pairing_id: str, secret: str) -> tuple[str, Paired | None]:
        """Return the state of a pairing, with the token the first time after it was confirmed; raise 401 `bad_secret`."""
        async with self._db.writing() as session:
            row = await session.get(Pairing, pairing_id)
            stored = "" if row is None else row.secret_hash
            if not hmac.compare_digest(stored, opaque.digest(secret)) or row is None:
                raise Problem(401, "bad_secret", "this pairing is another screen's, or is over")
            if row.state == "waiting" and row.expires_at <= self._clock():
                return "expired", None
            if row.state != "confirmed" or row.screen_id is None:
                return row.state, None
            row.state = "collected"
            return "confirmed", await self._new_token(session, row.screen_id, row.agent, row.key_thumbprint)

    async def _new_token(self, session: AsyncSession, screen_id: str, agent: str, key: str | None) -> Paired:
        token = opaque.mint(opaque.DEVICE_TOKEN)
        screen = await session.get_one(Screen, screen_id)
        screen.device_token_hash, screen.agent, screen.key_thumbprint = opaque.digest(token), agent[:256], key
        screen.tier, screen.capability = "", ""
        return Paired(screen_id, token)

    async def look_up(self, code: str, user_id: str) -> Pairing:
        """Return the screen that shows a code; raise 404 `no_such_code`, or 429 `too_many_attempts` after wrong ones."""
        now = self._monotonic()
        wait = self._guesses.wait(user_id, now)
        if wait > 0:
            raise _too_many(429, "too_many_attempts", wait)
        self._guesses.failed(user_id, now)
        waiting = select(Pairing).where(
            Pairing.code == code, Pairing.state == "waiting", Pairing.expires_at > self._clock()
        )
        async with self._db.reading() as session:
            found = await session.scalar(waiting)
        if found is None:
            await self._audited(user_id, "pairing.wrong_code", "", {})
            raise Problem(404, "no_such_code", "no screen shows this code")
        self._guesses.succeeded(user_id)
        return found

    async def confirm(
        self, pairing_id: str, code: str, class_id: str, terminal_no: int, scope: Scope, actor: str
    ) -> str:
        """Hang the screen in a room; return its id. A screen that hung there before loses its token. Raise 404 or 409."""
        await self._expect(pairing_id, code, actor)
        async with self._db.writing() as session:
            row = await self._waiting(session, pairing_id)
            screen = await self._room(session, class_id, terminal_no, scope)
            now = self._clock()
            older = screen.device_token_hash is not None
            screen.device_token_hash, screen.revoked_at, screen.paired_at = None, None, now
            screen.sticker_hash = stickers.digest_of(self._sticker(screen))
            row.state, row.screen_id = "confirmed", screen.id
            detail = {"address": row.address, "replaced": older, "key": row.key_thumbprint is not None}
            self._audit(session, actor, "screen.paired", screen.id, detail)
        self.revoked(screen.id, now)
        return screen.id

    async def refuse(self, pairing_id: str, code: str, actor: str) -> None:
        """Send a screen away."""
        await self._expect(pairing_id, code, actor)
        async with self._db.writing() as session:
            row = await self._waiting(session, pairing_id)
            row.state = "refused"
            self._audit(session, actor, "pairing.refused", pairing_id, {"address": row.address})

    async def _expect(self, pairing_id: str, code: str, actor: str) -> None:
        """Raise 404 unless the pairing shows this code: knowing its id is not standing before it."""
        if (await self.look_up(code, actor)).id != pairing_id:
            raise Problem(404, "no_such_code", "no screen shows this code")

    async def _waiting(self, session: AsyncSession, pairing_id: str) -> Pairing:
        row = await session.get(Pairing, pairing_id, with_for_update=True)
        if row is None or row.state != "waiting" or row.expires_at <= self._clock():
            raise Problem(409, "pairing_over", "somebody was faster, or the code is too old")
        return row

    async def _room(self, session: AsyncSession, class_id: str, terminal_no: int, scope: Scope) -> Screen:
        """Return the row of a terminal of a class, made when it is new; raise 404 when the scope does not cover it."""
        of_class = select(SchoolClass, School.region_code).join(School, School.code == SchoolClass.school_code)
        row = (await session.execute(of_class.where(SchoolClass.id == class_id))).one_or_none()
        if row is None or row[0].closed_on is not None or not scope.includes(row[1], row[0].school_code):
            raise not_found("class")
        there = select(Screen).where(Screen.class_id == class_id, Screen.terminal_no == terminal_no)
        screen = await session.scalar(there)
        if screen is None:
            screen = Screen(class_id=class_id, terminal_no=terminal_no, sticker_serial=0, repairs=0)
            session.add(screen)
            await session.flush()
        return screen

    async def repair(self, text: str, address: str, agent: str, key: str | None = None) -> Paired:
        """Pair the room of a sticker again; raise 404 `no_such_sticker`, 409 `repaired_too_often`."""
        code = stickers.normal(text)
        if code is None:
            raise Problem(404, "no_such_sticker", "no room has this code")
        now = self._clock()
        by_sticker = select(Screen).where(Screen.sticker_hash == stickers.digest_of(code), Screen.revoked_at.is_(None))
        async with self._db.writing() as session:
            screen = await session.scalar(by_sticker)
            if screen is None or screen.paired_at is None:
                raise Problem(404, "no_such_sticker", "no room has this code")
            today = screen.repaired_at is not None and now - screen.repaired_at < timedelta(days=1)
            repairs = screen.repairs + 1 if today else 1
            if repairs > self._settings.repairs_per_day:
                raise Problem(409, "repaired_too_often", "pair this screen with a six-digit code today")
            screen.repairs, screen.repaired_at = repairs, now
            paired = await self._new_token(session, screen.id, agent, key)
            detail = {"address": address, "key": key is not None}
            self._audit(session, f"screen:{screen.id}"[:64], "screen.repaired", screen.id, detail)
        self.revoked(screen.id, now)
        return paired

    async def revoke(self, screen_id: str, actor: str) -> None:
        """Make a screen's token and its sticker worthless and end its sessions. Idempotent."""
        now = self._clock()
        async with self._db.writing() as session:
            screen = await session.get(Screen, screen_id)
            if screen is None or screen.revoked_at is not None:
                return
            screen.revoked_at, screen.device_token_hash = now, None
            screen.sticker_serial, screen.sticker_hash = screen.sticker_serial + 1, None
            self._audit(session, actor, "screen.revoked", screen_id, {})
        self.revoked(screen_id, now)

    async def renew_sticker(self, screen_id: str, actor: str) -> None:
        """Give a room another sticker; the old one is worthless."""
        async with self._db.writing() as session:
            screen = await session.get_one(Screen, screen_id)
            screen.sticker_serial += 1
            screen.sticker_hash = stickers.digest_of(self._sticker(screen))
            self._audit(session, actor, "screen.sticker_renewed", screen_id, {})

    def _sticker(self, screen: Screen) -> str:
        return stickers.code_of(self._key, screen.id, screen.sticker_serial)

    async def page(self, scope: Scope, wanted: ScreenFilter, limit: int, offset: int) -> tuple[list[ScreenRow], int]:
        """Return a page of the inventory, and how many screens there are in all."""
        asked = (scope, wanted, self._clock(), timedelta(days=self._settings.tested_days))
        async with self._db.reading() as session:
            rows, total = await page_by_school(session, queries.numbers(*asked), queries.screens(*asked), limit, offset)
        return [ScreenRow(*row) for row in rows], total

    async def one(self, scope: Scope, screen_id: str) -> ScreenRow | None:
        """Return a screen; None when there is none, or the scope does not cover it."""
        found, _ = await self.page(scope, ScreenFilter(id=screen_id, state="all"), 1, 0)
        return found[0] if found else None

    async def stickers(self, school_code: str) -> list[tuple[ScreenRow, str]]:
        """Return the paired screens of a school with the codes of their stickers."""
        everything = queries.screens(Scope(None), ScreenFilter(school=school_code, state="paired"), self._clock())
        async with self._db.writing() as session:  # rooms of older days have no sticker yet
            rows = [ScreenRow(*row) for row in await session.execute(everything)]
            for row in rows:
                row.screen.sticker_hash = stickers.digest_of(self._sticker(row.screen))
        return [(row, stickers.grouped(self._sticker(row.screen))) for row in rows]

    async def revoked_since(self, since: datetime) -> list[tuple[str, datetime]]:
        """Return the screens whose token has become worthless since then, the earliest first, for a server that starts."""
        times = (Screen.revoked_at, Screen.repaired_at, Screen.paired_at)
        statement = select(Screen.id, *times).where(or_(*(at > since for at in times)))
        async with self._db.reading() as session:
            rows = (await session.execute(statement)).all()
        latest = [(row[0], max(at for at in row[1:] if at is not None)) for row in rows]
        return sorted(latest, key=lambda one: one[1])

    async def _audited(self, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        async with self._db.writing() as session:
            self._audit(session, actor, action, subject, detail)

    def _audit(self, session: AsyncSession, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        session.add(AuditEntry(at=self._clock(), actor=actor, action=action, subject=subject, detail=text))


def _free_code(taken: set[str]) -> str:
    for _ in range(TRIES):
        code = f"{secrets.randbelow(1_000_000):06d}"
        if code not in taken:
            return code
    raise _too_many(503, "too_many_pairings", 60)


def _too_many(status: int, code: str, seconds: float) -> Problem:
    retry = max(1, round(seconds + 0.5))
    return Problem(status, code, "try again later", headers={"Retry-After": str(retry)}, retry_after=retry)
