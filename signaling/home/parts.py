"""The parts of this room, joined: `signaling.app` makes one, the tests make one and ask it by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

from aiohttp import web

from config.settings import HomeSettings
from signaling.auth.service import AuthService
from signaling.auth.tokens import WatchClaims
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.service import DirectoryService
from signaling.home import school_api, tokens, visit_api
from signaling.home.doorman import Doorman, Limits
from signaling.home.facts_service import FactsService
from signaling.home.keeper import Keeper, OnAir
from signaling.home.links_service import LinksService
from signaling.home.viewing import Audience
from signaling.home.visits import Visits
from signaling.library.shelf import Shelf
from signaling.live.states import State


class HomeParts:
    """Links, visits, households. `key` is for codes and tokens alone, `replay` is how long a lecture can be watched after its end."""

    def __init__(
        self,
        db: Database,
        settings: HomeSettings,
        key: bytes,
        today: Callable[[], date],
        shelf: Shelf,
        mint: Callable[[str, str, float], str],
        on_air: OnAir,
        ratio: Fraction | None,
        replay: timedelta,
        *,
        wall: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._replay = replay
        self._clock = clock
        self.state_of: Callable[[str], str] = lambda lecture_id: State.SCHEDULED
        crowd = settings.suspicious_households, settings.suspicious_seconds
        self.links = LinksService(db, key, today, replay, crowd, wall)
        self.facts = FactsService(db)
        self.audience = Audience(settings.watching, settings.write_seconds)
        limits = (settings.households_per_pupil, settings.households_least)
        self.doorman = Doorman(Limits(*limits, settings.new_households_burst, settings.new_households_per_minute))
        self.keeper = Keeper(self.facts, self.audience, self.doorman, on_air, ratio, replay, wall=wall, clock=clock)
        self.keeper.state_of = self._state
        self.visits = Visits(
            settings,
            key,
            self.links,
            self.facts,
            self.audience,
            self.doorman,
            shelf,
            mint,
            self._state,
            replay,
            wall=wall,
            clock=clock,
        )

    def _state(self, lecture_id: str) -> str:
        return self.state_of(lecture_id)

    def sent(self, claims: WatchClaims, times: Sequence[tuple[int, int]]) -> None:
        """Take notice that a household was sent media whole: `Hls.at_home`."""
        try:
            household = tokens.of_subject(claims.lecture_id, claims.subject)
        except ValueError:
            return  # signed by us, so it is none of ours only after a change of form
        self.audience.sent(household, times, self._clock())

    def routes(self, auth: AuthService, directory: DirectoryService) -> Iterable[web.AbstractRouteDef]:
        """Yield the routes."""
        yield from school_api.routes(auth, directory, self.links, self._replay, self.visits.forget)
        yield from visit_api.routes(self.visits)

    def metrics(self) -> dict[str, object]:
        """Return figures for `/metrics`."""
        return {
            "watching": len(self.audience),
            "counted_total": self.keeper.counted,
            "ranges_refused_total": self.audience.refused,
            "households_refused_total": self.doorman.refused,
        }
