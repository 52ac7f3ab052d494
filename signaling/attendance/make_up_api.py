"""What the screen of a class is told about making up a lecture: `/api/v1/screens/{id}/recordings/{id}/make-up`.

The player holds to it (no jump over what was not seen yet, no faster than the policy allows); **nothing is believed because of it**: what
counts is what was delivered, at the pace of the server's clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from aiohttp import web
from pydantic import BaseModel, Field

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import Problem, not_found
from signaling.attendance.make_up import Progress
from signaling.ledger.errors import DamagedEntry

Released = Callable[[str, str], Awaitable[str | None]]
"""The lecture of a recording that a school's screens may watch, by codes of school and recording; None when there is none."""
PlaceOf = Callable[[str, int], Awaitable[float | None]]
"""Where in a recording a Unix time (ms) lies, in seconds from its beginning; None when its media cannot be read."""
Ask = Callable[[str, str], Awaitable[Progress | None]]
"""Progress of a class with a lecture."""


OpenLate = Callable[[str, str, datetime], Awaitable[None]]
"""Takes the head-count of a class that made a lecture up, until a time."""


class MakeUpDocument(BaseModel):
    """Minutes are rounded down to one decimal, the needed ones up. Without `due` nothing is restricted."""

    due: bool = Field(description="The class has something to make up, and still may.")
    done: bool = Field(description="The class made it up; its head-count is taken now.")
    seen_minutes: float
    needed_minutes: float
    on_air_minutes: float
    unseen_s: float | None = Field(description="Where in the recording the first minute lies that was not seen yet.")
    until: datetime | None
    speed: float = Field(description="Times the pace of the clock at which the recording may run.")


NOTHING = MakeUpDocument(
    due=False, done=False, seen_minutes=0, needed_minutes=0, on_air_minutes=0, unseen_s=None, until=None, speed=1.0
)


class ScreenInfo(Protocol):
    """A paired screen and where it hangs."""

    @property
    def school_code(self) -> str: ...
    @property
    def class_id(self) -> str: ...


class Gate(Protocol):
    """What lets screens in (`signaling.screens.gate.ScreenGate`)."""

    async def admit(self, request: web.Request, free: bool = False) -> ScreenInfo: ...


def routes(
    gate: Gate, released: Released, ask: Ask, place_of: PlaceOf, open_late: OpenLate, clock: Callable[[], datetime]
) -> list[web.RouteDef]:
    """Return the route."""
    api = MakeUpApi(gate, released, ask, place_of, open_late, clock)
    return [web.get("/api/v1/screens/{screen_id}/recordings/{recording_id}/make-up", api.one)]


class MakeUpApi:
    """The handler."""

    def __init__(
        self,
        gate: Gate,
        released: Released,
        ask: Ask,
        place_of: PlaceOf,
        open_late: OpenLate,
        clock: Callable[[], datetime],
    ) -> None:
        self._gate = gate
        self._released = released
        self._ask = ask
        self._place_of = place_of
        self._open_late = open_late
        self._clock = clock

    @operation("Read how far the screen's class has come with making up a lecture", answer=MakeUpDocument)
    async def one(self, request: web.Request) -> web.Response:
        screen, recording_id = await self._gate.admit(request), request.match_info["recording_id"]
        lecture_id = await self._released(screen.school_code, recording_id)
        if lecture_id is None:
            raise not_found("recording")
        try:
            found = await self._ask(lecture_id, screen.class_id)
        except DamagedEntry as error:
            raise Problem(500, "ledger_damaged", "an entry of the ledger is not as it was recorded") from error
        if found is None:
            return reply(NOTHING)
        if found.done(self._clock()):
            await self._open_late(lecture_id, screen.class_id, found.until)
        unseen_s = None if found.unseen_ms is None else await self._place_of(recording_id, found.unseen_ms)
        return reply(document(found, unseen_s, self._clock()))


def document(found: Progress, unseen_s: float | None, now: datetime) -> MakeUpDocument:
    """Return what the screen is told."""
    return MakeUpDocument(
        due=found.due(now),
        done=found.done(now),
        seen_minutes=found.seen_ms // 6000 / 10,
        needed_minutes=-(-found.needed_ms // 6000) / 10,
        on_air_minutes=found.on_air_ms // 6000 / 10,
        unseen_s=unseen_s,
        until=found.until,
        speed=float(found.speed),
    )
