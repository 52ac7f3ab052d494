"""Who asks for HLS, and whether he may: a watch token as Bearer or in the cookie `jt_watch`. No database.

**The limit is for each token**, never for an address: a school shares one. A player asks some four times a second, more at the
beginning and after a jump. A monitor's token stands for any number of players and has no limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.tokens import WatchClaims
from signaling.library.cookies import WATCH
from signaling.library.shelf import Item, Shelf, Verdict
from signaling.live.http import charge
from signaling.live.limits import Buckets
from signaling.live.publishing import unauthorized

REQUESTS_PER_SECOND: Final = 20.0
BURST: Final = 200.0
"""A player that begins, or jumps in the time line, fills its buffer at once."""

Claims = Callable[[str], WatchClaims]
"""Returns what a watch token says, or raises 401, 403 (`signaling.live.watching.Watching.claims`)."""
REFUSALS: Final = {
    Verdict.WRONG_LECTURE: "this token is for another lecture",
    Verdict.NOT_RELEASED: "the recording was not released for screens yet",
}


class Stream(Protocol):
    """A running recording, as far as its being there matters."""


class Admission:
    """Checks tokens and rights. `stream` returns the running stream of a recording, `is_cut` whether a lecture is cut."""

    def __init__(
        self,
        claims: Claims,
        shelf: Shelf,
        stream: Callable[[str], Stream | None],
        is_cut: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claims = claims
        self._shelf = shelf
        self._stream = stream
        self._is_cut = is_cut
        self._clock = clock
        self._buckets = Buckets(REQUESTS_PER_SECOND, BURST)

    def bearer(self, request: web.Request, lecture_id: str) -> WatchClaims:
        """Return what the request's token says; raise 401, or 403 when it is for another lecture."""
        token = opaque.bearer(request) or request.cookies.get(WATCH)
        if not token or not token.isascii():
            raise unauthorized("no_credential", "send Authorization: Bearer or the cookie of a watch answer")
        claims = self._claims(token)
        if claims.lecture_id != lecture_id:
            raise refusal(Verdict.WRONG_LECTURE)
        return claims

    def charge(self, claims: WatchClaims) -> None:
        """Count a request; raise 429 `too_many_requests`."""
        if not claims.is_monitor:
            charge(self._buckets, claims.token_id, self._clock())

    def recording(self, claims: WatchClaims, recording_id: str, *, live: bool) -> Item:
        """Return a recording of the token's lecture; raise 404, 403 `not_released`, 410 `cut`.

        `live` says that a piece of its stream is asked for: that may be had to the end of the farewell.
        """
        item = self._shelf.get(recording_id)
        if item is None or item.lecture_id != claims.lecture_id:
            raise Problem(404, "not_found", "no such recording")
        return self._allowed(claims, item, live=live)

    def newest(self, claims: WatchClaims) -> Item:
        """Return what runs of the token's lecture, else the newest finished one that its bearer may see.

        Raise 404 when there is none, 403 `not_released` when there are only others.
        """
        item = self._shelf.running(claims.lecture_id) or self._shelf.newest_finished(
            claims.lecture_id, approved_only=not claims.is_person
        )
        item = item or self._shelf.newest(claims.lecture_id)
        if item is None:
            raise Problem(404, "not_found", "nothing of this lecture was recorded")
        return self._allowed(claims, item, live=False)

    def _allowed(self, claims: WatchClaims, item: Item, *, live: bool) -> Item:
        on_air = live and self._stream(item.recording_id) is not None
        if (on_air or item.is_running) and self._is_cut(item.lecture_id):
            raise Problem(410, "cut", "the lecture was cut")
        verdict = self._shelf.allowed(claims, item, on_air=on_air)
        if verdict is not Verdict.ALLOWED:
            raise refusal(verdict)
        return item


def refusal(verdict: Verdict) -> Problem:
    """Return the problem of what a token does not allow."""
    return Problem(403, verdict.value, REFUSALS[verdict])
