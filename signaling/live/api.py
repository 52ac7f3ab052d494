"""Routes of the live broadcast under `/api/v1`: transitions, publishing tickets, the board."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem, not_available
from signaling.auth.identity import Permission, Principal, Role
from signaling.live.board import ClassPlace
from signaling.live.broadcasts import Actor
from signaling.live.http import charge
from signaling.live.ports import RecordingSpace
from signaling.live.schemas import BoardDocument, LiveFacts, RecordingSpaceDocument, TicketDocument
from signaling.live.service import LiveService
from signaling.live.states import Event, State

Guard = Callable[[web.Request, Permission, str], Awaitable[Principal]]
EVENTS = (Event.OPEN, Event.START, Event.PAUSE, Event.RESUME, Event.END, Event.CUT)
SCOPED = frozenset({Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN})


class Scope(Protocol):
    """What a node covers."""

    def includes(self, region_code: str, school_code: str) -> bool: ...


ScopeOf = Callable[[str], Awaitable[Scope]]


def routes(live: LiveService, guard: Guard, scope: ScopeOf) -> list[web.AbstractRouteDef]:
    """Return the routes. `guard(request, permission, lecture_id)` returns the caller or raises 401, 403 or 404."""
    api = LiveApi(live, guard, scope)
    lecture = "/api/v1/lectures/{lecture_id}"
    return [
        *(web.post(f"{lecture}/{event}", api.transition) for event in EVENTS),
        web.post(f"{lecture}/ticket", api.ticket),
        web.get(f"{lecture}/board", api.board),
        web.get(f"{lecture}/recording-space", api.recording_space),
    ]


class StartOrder(BaseModel):
    """What may come with a start: `accept_unrecorded` starts although there is too little room to record all of it."""

    model_config = ConfigDict(extra="forbid")

    accept_unrecorded: bool = False


class LiveApi:
    """The handlers."""

    def __init__(self, live: LiveService, guard: Guard, scope: ScopeOf) -> None:
        self._live = live
        self._guard = guard
        self._scope = scope

    @operation(
        "Send the event of the address; answers the lecture, or 409 illegal_transition, not_approved, recording_space",
        answer=LiveFacts,
    )
    async def transition(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        event = Event(request.path.rsplit("/", 1)[1])
        resumes_after_cut = event is Event.RESUME and self._live.state(lecture_id) is State.CUT
        needed = Permission.LECTURE_CUT if event is Event.CUT or resumes_after_cut else Permission.LECTURE_CONTROL
        caller = await self._guard(request, needed, lecture_id)
        actor = Actor(caller.user_id, may_cut=caller.may(Permission.LECTURE_CUT))
        if event is Event.START:
            await self._admit(request, lecture_id)
        await self._live.transition(lecture_id, event, actor)
        return reply(await self._document(lecture_id))

    async def _admit(self, request: web.Request, lecture_id: str) -> None:
        """Raise 409 `recording_space` when a lecture that could start has too little room and nobody accepts that."""
        order = await body(request, StartOrder) if request.body_exists else StartOrder()
        if order.accept_unrecorded or self._live.state(lecture_id) is not State.OPEN:
            return
        space = self._space()
        if space is not None and not space.enough:
            advice = "send accept_unrecorded to start all the same"
            raise Problem(409, "recording_space", "too little room to record", advice, **space.document())

    def _space(self) -> RecordingSpace | None:
        return None if self._live.recording_space is None else self._live.recording_space()

    @operation(
        "Tell whether a lecture that starts now can be recorded for as long as the settings ask",
        answer=RecordingSpaceDocument,
    )
    async def recording_space(self, request: web.Request) -> web.Response:
        await self._guard(request, Permission.LECTURE_CONTROL, request.match_info["lecture_id"])
        space = self._space()
        if space is None:
            raise not_available("the recorder")
        return reply(space.document())

    async def _document(self, lecture_id: str) -> dict[str, Any]:
        if self._live.document is None:
            return {"id": lecture_id, "boot_id": self._live.boot_id} | await self._live.facts(lecture_id)
        return await self._live.document(lecture_id)

    @operation("Mint a publishing ticket for the lecturer", answer=TicketDocument, status=201)
    async def ticket(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        caller = await self._guard(request, Permission.LECTURE_PUBLISH, lecture_id)
        charge(self._live.requests, ("ticket", caller.user_id), self._live.clock())
        seconds = self._live.settings.auth.ticket_seconds
        ticket = await self._live.publishing.ticket(lecture_id, caller.user_id, seconds)
        return reply({"ticket": ticket, "expires_in": seconds, "whip_url": f"/whip/{lecture_id}"}, 201)

    @operation("Read the board: the whole one, or what the caller's county or school covers", answer=BoardDocument)
    async def board(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        caller = await self._guard(request, Permission.BOARD_READ, lecture_id)
        return reply(await self._live.board(lecture_id, await self._visible(caller)))

    async def _visible(self, caller: Principal) -> Callable[[ClassPlace], bool]:
        if caller.role not in SCOPED:
            return lambda place: True
        scope = await self._scope(caller.node)
        return lambda place: scope.includes(place.county_code, place.school_code)
