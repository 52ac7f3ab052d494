"""Who may watch, and which session of a screen counts.

1. `/whep` asks no database: the watch token is signed, the state of the broadcast is in memory.
2. **One session a screen, the newest wins**: the older one is closed as soon as the newer one exists.
3. A monitor may have any number of sessions; it is nobody's classroom and is counted nowhere.
4. **Only a monitor watches a rehearsal.**
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.tokens import BadToken, WatchClaims, WatchTokens
from signaling.live.broadcasts import Broadcasts
from signaling.live.conflicts import Conflicts
from signaling.live.events import LiveEvent, ScreenConflict
from signaling.live.media import MediaPlane
from signaling.live.ports import LectureInfo, Lectures, ScreenInfo
from signaling.live.publishing import closed, unauthorized
from signaling.live.rehearsals import is_rehearsal
from signaling.live.sessions import MONITOR_PREFIX, Direction, Held, Sessions, is_monitor
from signaling.live.stamps import stamp
from signaling.live.states import OVER, State

DAY: Final = 86_400.0
"""Seconds for which it is remembered that a screen's watch tokens are worthless; none of them lives as long."""


class Watching:
    """The rights and the sessions of viewers."""

    is_recorded: Callable[[str], bool] = staticmethod(lambda lecture_id: False)
    """Whether a lecture can be watched over HLS, set by the composition root."""

    def __init__(
        self,
        tokens: WatchTokens,
        broadcasts: Broadcasts,
        sessions: Sessions,
        plane: MediaPlane,
        lectures: Lectures,
        conflicts: Conflicts,
        *,
        publish: Callable[[LiveEvent], None],
        wall: Callable[[], datetime],
        clock: Callable[[], float],
        token_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._tokens = tokens
        self._broadcasts = broadcasts
        self._sessions = sessions
        self._plane = plane
        self._lectures = lectures
        self._conflicts = conflicts
        self._publish = publish
        self._wall = wall
        self._clock = clock
        self._token_seconds = token_seconds
        self._retry_seconds = retry_seconds
        self._barred: dict[str, datetime] = {}  # the oldest first, as far as they come in order

    def bar(self, screen_id: str, at: datetime) -> None:
        """Make every watch token worthless that a screen was given before a time, and end its session."""
        self._barred.pop(screen_id, None)
        self._barred[screen_id] = at
        self._forget_old()
        self._sessions.close_screen(screen_id, "replaced")

    def _forget_old(self) -> None:
        """Drop what is a day old. The oldest come first and only they are looked at: a prefecture pairs 15,600 screens in days."""
        now = self._wall()
        while self._barred:
            oldest = next(iter(self._barred))
            if (now - self._barred[oldest]).total_seconds() < DAY:
                return
            del self._barred[oldest]

    def _is_barred(self, claims: WatchClaims) -> bool:
        barred = self._barred.get(claims.subject)
        # Tokens expire at whole seconds, so one that was given in the very second of the pairing is a new one.
        return barred is not None and claims.expires_at < int(barred.timestamp() + self._token_seconds)

    def token(self, subject: str, lecture_id: str, seconds: float | None = None) -> str:
        """Return a watch token for a screen id or `MONITOR`."""
        lifetime = self._token_seconds if seconds is None else seconds
        return self._tokens.issue(subject, lecture_id, now=self._wall().timestamp(), seconds=lifetime)

    def claims(self, token: str) -> WatchClaims:
        """Return what a watch token says; raise 401 `bad_watch_token`, or 403 for a credential of another kind."""
        if token[:4] in (opaque.TICKET, opaque.STREAM_KEY, opaque.DEVICE_TOKEN, opaque.API_TOKEN, opaque.INVITATION):
            raise Problem(403, "not_a_viewer", "only a watch token watches")
        try:
            claims = self._tokens.check(token, now=self._wall().timestamp())
        except BadToken as error:
            raise unauthorized("bad_watch_token", str(error)) from None
        if self._is_barred(claims):
            raise unauthorized("bad_watch_token", "the screen was paired again or revoked")
        return claims

    async def answer(self, screen: ScreenInfo, boot_id: str) -> dict[str, Any]:
        """Return the document that tells a screen what to do."""
        lecture_id = await self._lectures.current_for_class(screen.class_id)
        lecture = await self._lectures.info(lecture_id) if lecture_id is not None else None
        document = self._nothing(screen, boot_id)
        return document | self._something(screen, lecture) if lecture is not None else document

    def _nothing(self, screen: ScreenInfo, boot_id: str) -> dict[str, Any]:
        place = {"class": screen.class_name, "school": screen.school_name, "county": screen.county_name}
        return {
            "lecture_id": None,
            "state": State.SCHEDULED,
            "whep_url": None,
            "hls_url": None,
            "token": None,
            "expires_in": 0,
            "boot_id": boot_id,
            "server_time": stamp(self._wall()),
            "screen": {"id": screen.id, "terminal_no": screen.terminal_no} | place,
            "lecture": None,
            "retry_after": self._retry_seconds,
        }

    def _something(self, screen: ScreenInfo, lecture: LectureInfo) -> dict[str, Any]:
        state = self._broadcasts.peek(lecture.id).shown_state
        document: dict[str, Any] = {
            "lecture_id": lecture.id,
            "state": state,
            "lecture": {
                "title": lecture.title,
                "lecturer": lecture.lecturer_name,
                "scheduled_at": stamp(lecture.scheduled_at),
                "audience": lecture.audience_kind,
            },
        }
        if state in OVER:
            return document
        # Also before the opening and during a cut: the token lets the screen listen on /live and come back by itself.
        token = self.token(screen.id, lecture.id)
        hls = state in (State.LIVE, State.PAUSED) and self.is_recorded(lecture.id)
        return document | {
            "token": token,
            "expires_in": self._token_seconds,
            "whep_url": f"/whep/{lecture.id}",
            "hls_url": f"/hls/{lecture.id}/index.m3u8" if hls else None,
        }

    async def subscribe(self, claims: WatchClaims, credential: str, lecture_id: str, offer: str) -> Held:
        """Open a session; raise 403, 409 with Retry-After, or an `OfferError`, `Busy`, `RoomClosed` of the media plane.

        Tokens of persons and of households are for HLS: 403 `hls_only`.
        """
        if claims.lecture_id != lecture_id:
            raise Problem(403, "wrong_lecture", "this token is for another lecture")
        if claims.is_person or claims.is_home:
            raise Problem(403, "hls_only", "this token is for HLS, not for sessions")
        if is_rehearsal(lecture_id) and not claims.is_monitor:
            raise Problem(403, "not_a_viewer", "no screen watches a rehearsal")
        self._refuse_unless_open(lecture_id)
        viewer = MONITOR_PREFIX + secrets.token_hex(8) if claims.is_monitor else claims.subject
        session = await self._plane.room(lecture_id).subscribe(offer, viewer=viewer)
        held = Held(session, Direction.WATCH, lecture_id, credential, viewer)
        if not self._broadcasts.peek(lecture_id).takes_sessions:
            session.close("cut")
            self._refuse_unless_open(lecture_id)
        self._keep(held)
        return held

    def _refuse_unless_open(self, lecture_id: str) -> None:
        entry = self._broadcasts.peek(lecture_id)
        if not entry.takes_sessions:
            raise closed(entry.shown_state, self._retry_seconds)

    def _keep(self, held: Held) -> None:
        if is_monitor(held.owner):
            self._sessions.add_monitor(held)
            return
        older = self._sessions.add_screen(held)
        if older is None:
            return
        older.session.close("replaced")
        if self._conflicts.replaced(held.owner, self._clock()):
            broadcast_id = self._broadcasts.peek(held.lecture_id).broadcast_id or ""
            self._publish(ScreenConflict(held.lecture_id, broadcast_id, self._wall(), held.owner))
