"""A browser at the link of a class: what it is told, who it is, and the right to watch. No database but for a link that is new here.

1. **A visit shows one lecture and nothing else**, and asks nobody who he is: a browser without a token of ours is given one.
2. Limits, all settings: requests of an address to a link, wrong codes of an address, new households (`doorman`), households of a lecture that
   watch at a time. Each has its own code, and a sentence on the page.
3. What is behind a code is remembered for `FRESH_SECONDS`: thousands of pages ask twice a minute.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from config.settings import HomeSettings
from signaling.api.problems import Problem
from signaling.db.base import utc_now
from signaling.home import tokens
from signaling.home.documents import Phase, VisitDocument, WatchDocument
from signaling.home.doorman import Arrival, Doorman, Full, Wait
from signaling.home.facts_service import FactsService
from signaling.home.links_service import Behind, LinksService
from signaling.home.tokens import Household
from signaling.home.viewing import Audience
from signaling.library.shelf import Shelf
from signaling.live.http import charge, retry_after
from signaling.live.limits import Buckets
from signaling.live.states import OVER, State

FRESH_SECONDS: Final = 10.0
REMEMBERED: Final = 5000
AGAIN_SECONDS: Final[dict[Phase, int]] = {
    "live": 25,
    "replay": 30,
    "paused": 10,
    "cut": 10,
    "before": 20,
    "preparing": 60,
}
SOON_SECONDS: Final = 3
"""Until a lecture that has just begun can be watched."""
RUNNING: Final[dict[str, Phase]] = {State.LIVE: "live", State.PAUSED: "paused", State.CUT: "cut"}


class Guest(NamedTuple):
    """Who asks: the code of a link, tokens that his browser kept, and his address."""

    code: str
    kept: tuple[str | None, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The answer, and the token that the browser is to keep."""

    document: VisitDocument
    token: str | None
    lecture_id: str


class Visits:
    """Answers visits. `mint` makes watch tokens, `state_of` tells where a broadcast is."""

    def __init__(
        self,
        settings: HomeSettings,
        key: bytes,
        links: LinksService,
        facts: FactsService,
        audience: Audience,
        doorman: Doorman,
        shelf: Shelf,
        mint: Callable[[str, str, float], str],
        state_of: Callable[[str], str],
        replay: timedelta,
        *,
        wall: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._key = key
        self._links = links
        self._facts = facts
        self._audience = audience
        self._doorman = doorman
        self._shelf = shelf
        self._mint = mint
        self._state_of = state_of
        self._replay = replay
        self._wall = wall
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Behind]] = OrderedDict()
        self._requests = Buckets(settings.requests_per_second, settings.requests_burst)
        self._wrong = Buckets(settings.wrong_codes_per_minute / 60, settings.wrong_codes_burst)

    def forget(self) -> None:
        """Look everything up anew: links were made or renewed."""
        self._known.clear()

    async def visit(self, guest: Guest) -> Visit:
        """Answer; raise 404 `no_such_link`, 410 `link_replaced`, 409 `class_full`, 429 or 503 with Retry-After."""
        now, network = self._clock(), tokens.network(guest.address)
        charge(self._requests, (network, guest.code), now)
        behind = await self._behind(guest.code, network, now)
        phase = self._phase(behind)
        if phase in ("over", "called_off"):
            return Visit(self._document(behind, phase, None, None), None, behind.lecture.id)
        kept = next((one for one in guest.kept if one and tokens.is_ours(self._key, one)), None)
        token = kept or tokens.mint(self._key, secrets.token_bytes(tokens.RANDOM_BYTES))
        household = tokens.household(token, behind.lecture.id, behind.class_id)
        await self._admit(household, behind, guest.address, now)
        watch = self._watch(household, phase, now)
        new = None if kept else token
        return Visit(self._document(behind, phase, watch, new), token, behind.lecture.id)

    async def _behind(self, code: str, network: str, now: float) -> Behind:
        known = self._known.get(code)
        if known is not None and now - known[0] < FRESH_SECONDS and not self._has_just_ended(known[1]):
            return known[1]
        self._known.pop(code, None)
        try:
            behind = await self._links.behind(code)
        except Problem as problem:
            if problem.code == "no_such_link":
                charge(self._wrong, network, now)
            raise
        self._known[code] = now, behind
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return behind

    def _has_just_ended(self, behind: Behind) -> bool:
        """Whether what is remembered is of the time before the end: then nobody has to wait for the recording."""
        return behind.lecture.ended_at is None and self._state_of(behind.lecture.id) in OVER

    def _phase(self, behind: Behind) -> Phase:
        lecture, state = behind.lecture, self._state_of(behind.lecture.id)
        if lecture.called_off_at is not None:
            return "called_off"
        if state not in OVER:
            return RUNNING.get(state, "before")
        until = self._until(behind)
        if until is None or self._wall() >= until:
            return "over"
        return "replay" if self._shelf.newest_finished(lecture.id, approved_only=True) else "preparing"

    def _until(self, behind: Behind) -> datetime | None:
        lecture = behind.lecture
        if lecture.started_at is None or lecture.ended_at is None:
            return None
        return lecture.ended_at + self._replay

    async def _admit(self, household: Household, behind: Behind, address: str, now: float) -> None:
        door = household.lecture_id, household.class_id, behind.number
        if not self._doorman.is_open(door):
            self._doorman.open(door, await self._facts.known(*door))
        origin = tokens.origin(self._key, household.lecture_id, address)
        try:
            self._doorman.admit(Arrival(household, behind.number, origin, self._wall()), behind.pupils, now)
        except Full:
            raise Problem(409, "class_full", "as many browsers as this class may have watch by its link") from None
        except Wait as wait:
            title = "too many new browsers came to this link from one address"
            raise Problem(429, "too_many_new", title, headers=retry_after(wait.seconds)) from None

    def _watch(self, household: Household, phase: Phase, now: float) -> WatchDocument | None:
        lecture_id = household.lecture_id
        if phase == "replay":
            item = self._shelf.newest_finished(lecture_id, approved_only=True)
        else:
            item = self._shelf.running(lecture_id) if phase in ("live", "paused") else None
        if item is None:
            return None
        if self._audience.full(household, self._settings.watching_per_lecture):
            raise Problem(503, "home_busy", "too many households watch just now", headers=retry_after(30))
        self._audience.hear(household, now)
        base = f"/hls/{lecture_id}" if phase != "replay" else f"/hls/{lecture_id}/{item.recording_id}"
        seconds = self._settings.token_seconds
        return WatchDocument(
            hls_url=f"{base}/index.m3u8",
            token=self._mint(tokens.subject(household), lecture_id, seconds),
            expires_in=seconds,
            live=phase != "replay",
        )

    def _document(
        self, behind: Behind, phase: Phase, watch: WatchDocument | None, household: str | None
    ) -> VisitDocument:
        lecture = behind.lecture
        again = SOON_SECONDS if phase == "live" and watch is None else AGAIN_SECONDS.get(phase, 600)
        return VisitDocument(
            phase=phase,
            title=lecture.title,
            lecturer=lecture.lecturer,
            school=behind.school,
            class_name=behind.class_name,
            scheduled_at=lecture.scheduled_at,
            minutes=lecture.minutes,
            until=self._until(behind),
            server_time=self._wall(),
            again_s=again,
            watch=watch,
            household=household,
        )
