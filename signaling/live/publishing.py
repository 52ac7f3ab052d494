"""Who may publish. **The worst case is a stranger on every school's screen.**

1. Only a ticket (`jtt_`, single use, seconds) or a stream key (`jtk_`, within its window) of this very lecture publishes. Nothing else does,
   whoever holds it: no login, no API token, no device token, no watch token.
2. **The fence is raised and committed before the media plane hears of a publisher**; the same transaction consumes the ticket.
3. The same user takes over at once (make before break); another user only with the live studio's permission.
4. A ticket that is turned away because somebody else is live is not consumed: the lecturer tries again when allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.db.base import uuid7
from signaling.live.broadcasts import Broadcasts, OnAir
from signaling.live.events import LiveEvent, TakeoverAnswered, TakeoverRequested
from signaling.live.media import MediaPlane
from signaling.live.sessions import Direction, Held, Sessions
from signaling.live.states import OVER, State
from signaling.live.takeover import NoSuchRequest, TakeoverDesk

RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class PublishRight:
    """A valid credential: `is_ticket` ones are consumed by publishing."""

    credential: str
    lecture_id: str
    user_id: str
    user_name: str
    is_ticket: bool


class Credentials(Protocol):
    """The part of the database that publishing needs; hashes only."""

    async def ticket_right(self, token_hash: str, now: datetime) -> PublishRight | None: ...
    async def key_right(self, token_hash: str, now: datetime) -> PublishRight | None: ...
    async def claim(self, right: PublishRight, now: datetime) -> int | None: ...
    async def add_ticket(
        self, token_hash: str, lecture_id: str, user_id: str, now: datetime, expires_at: datetime
    ) -> None: ...


def unauthorized(code: str, title: str) -> Problem:
    """Return a 401 that names the scheme (RFC 6750 section 3)."""
    return Problem(401, code, title, headers={"WWW-Authenticate": 'Bearer realm="jiangtang"'})


class Publishing:
    """The rights and the sessions of publishers."""

    def __init__(
        self,
        credentials: Credentials,
        broadcasts: Broadcasts,
        sessions: Sessions,
        plane: MediaPlane,
        desk: TakeoverDesk,
        *,
        publish: Callable[[LiveEvent], None],
        wall: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._credentials = credentials
        self._broadcasts = broadcasts
        self._sessions = sessions
        self._plane = plane
        self._desk = desk
        self._publish_event = publish
        self._wall = wall
        self._clock = clock

    async def ticket(self, lecture_id: str, user_id: str, seconds: int) -> str:
        """Return a new ticket of this user for this lecture, valid `seconds`."""
        if self._broadcasts.peek(lecture_id).state in OVER:
            raise Problem(409, "ended", "the lecture is over")
        token, now = opaque.mint(opaque.TICKET), self._wall()
        expires_at = now + timedelta(seconds=seconds)
        await self._credentials.add_ticket(opaque.digest(token), lecture_id, user_id, now, expires_at)
        return token

    async def right(self, token: str, lecture_id: str) -> PublishRight:
        """Return the right that a token gives here; raise 401 `bad_ticket` or `bad_stream_key`, or 403."""
        found: PublishRight | None
        if token.startswith(opaque.TICKET):
            found, refusal = await self._credentials.ticket_right(opaque.digest(token), self._wall()), "bad_ticket"
        elif token.startswith(opaque.STREAM_KEY):
            found, refusal = await self._credentials.key_right(opaque.digest(token), self._wall()), "bad_stream_key"
        else:
            raise Problem(403, "not_a_publisher", "only a publishing ticket or a stream key publishes")
        if found is None:
            raise unauthorized(refusal, "unknown, used, expired or revoked")
        if found.lecture_id != lecture_id:
            raise Problem(403, "wrong_lecture", "this credential is for another lecture")
        return found

    async def publish(self, right: PublishRight, offer: str) -> Held:
        """Open a session; raise 409 (state, `publisher_busy`), 401 when the ticket was used meanwhile, or an `OfferError`."""
        entry = self._broadcasts.entry(right.lecture_id)
        async with entry.lock:
            _refuse_unless_open(entry)
            self._make_way(entry, right)
            fence = await self._credentials.claim(right, self._wall())
            if fence is None:
                raise unauthorized("bad_ticket", "unknown, used, expired or revoked")
            entry.fence = fence
            _refuse_unless_open(entry)  # a cut may have come while the database was written
            session = await self._plane.room(right.lecture_id).publish(offer, fence=fence)
            held = Held(session, Direction.PUBLISH, right.lecture_id, right.credential, right.user_id, fence)
            self._sessions.add_publisher(held)
        if not entry.takes_sessions:
            session.close("cut")
            _refuse_unless_open(entry)
        return held

    def owner(self, lecture_id: str) -> str | None:
        """Return the user whose studio has the air, or is about to have it."""
        publishers = self._sessions.publishers(lecture_id)
        return publishers[-1].owner if publishers else None

    def answer(self, request_id: str, owner_id: str, allow: bool) -> TakeoverAnswered:
        """Record the live studio's answer to a takeover request; raise 404 when there is none for it."""
        try:
            request = self._desk.answer(request_id, owner_id, allow, self._clock())
        except NoSuchRequest:
            raise Problem(404, "no_such_request", "the request has expired or was answered") from None
        entry = self._broadcasts.peek(request.lecture_id)
        answered = TakeoverAnswered(
            request.lecture_id, entry.broadcast_id or "", self._wall(), request.id, request.by_id, allow
        )
        self._publish_event(answered)
        return answered

    def _make_way(self, entry: OnAir, right: PublishRight) -> None:
        owner = self.owner(entry.lecture_id)
        now = self._clock()
        if owner is None or owner == right.user_id or self._desk.granted(entry.lecture_id, right.user_id, owner, now):
            return
        request, is_new = self._desk.ask(uuid7(), entry.lecture_id, right.user_id, owner, now)
        if is_new:
            broadcast_id, at = entry.broadcast_id or "", self._wall()
            self._publish_event(
                TakeoverRequested(entry.lecture_id, broadcast_id, at, request.id, owner, right.user_id, right.user_name)
            )
        raise Problem(
            409,
            "publisher_busy",
            "somebody else is publishing",
            "the live studio has been asked to hand over",
            headers={"Retry-After": str(RETRY_SECONDS)},
            request_id=request.id,
            refused=request.allowed is False,
            expires_in=max(0, round(request.expires_at - now)),
        )


def _refuse_unless_open(entry: OnAir) -> None:
    if not entry.takes_sessions:
        raise closed(entry.shown_state, RETRY_SECONDS)


def closed(state: State, retry_seconds: float) -> Problem:
    """Return the 409 of a lecture that takes no sessions: `not_open`, `cut` or `ended`."""
    code = {State.SCHEDULED: "not_open", State.CUT: "cut"}.get(state, "ended")
    headers = {"Retry-After": str(max(1, round(retry_seconds)))}
    return Problem(409, code, f"the lecture is {state}", headers=headers, state=state)
