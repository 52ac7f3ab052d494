"""Routes of the live broadcast under `/api/v1`: transitions, publishing tickets, the board, and what a screen should do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from signaling.api.parsing import reply
from signaling.auth import opaque
from signaling.auth.identity import Permission, Principal, Role
from signaling.live.board import ClassPlace
from signaling.live.broadcasts import Actor
from signaling.live.http import charge, credential
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
        web.post("/api/v1/screens/{screen_id}/watch", api.watch),
    ]


class LiveApi:
    """The handlers."""

    def __init__(self, live: LiveService, guard: Guard, scope: ScopeOf) -> None:
        self._live = live
        self._guard = guard
        self._scope = scope

    async def transition(self, request: web.Request) -> web.Response:
        """Send the event of the URL: 200 with the lecture, 403, or 409 `illegal_transition` or `not_approved`."""
        lecture_id = request.match_info["lecture_id"]
        event = Event(request.path.rsplit("/", 1)[1])
        resumes_after_cut = event is Event.RESUME and self._live.state(lecture_id) is State.CUT
        needed = Permission.LECTURE_CUT if event is Event.CUT or resumes_after_cut else Permission.LECTURE_CONTROL
        caller = await self._guard(request, needed, lecture_id)
        actor = Actor(caller.user_id, may_cut=caller.may(Permission.LECTURE_CUT))
        await self._live.transition(lecture_id, event, actor)
        return reply(await self._document(lecture_id))

    async def _document(self, lecture_id: str) -> dict[str, Any]:
        if self._live.document is None:
            return {"id": lecture_id, "boot_id": self._live.boot_id} | await self._live.facts(lecture_id)
        return await self._live.document(lecture_id)

    async def ticket(self, request: web.Request) -> web.Response:
        """Mint a publishing ticket for the lecturer: 201."""
        lecture_id = request.match_info["lecture_id"]
        caller = await self._guard(request, Permission.LECTURE_PUBLISH, lecture_id)
        charge(self._live.requests, ("ticket", caller.user_id), self._live.clock())
        seconds = self._live.settings.auth.ticket_seconds
        ticket = await self._live.publishing.ticket(lecture_id, caller.user_id, seconds)
        return reply({"ticket": ticket, "expires_in": seconds, "whip_url": f"/whip/{lecture_id}"}, 201)

    async def board(self, request: web.Request) -> web.Response:
        """Return the board: the whole one, or what the caller's county or school covers."""
        lecture_id = request.match_info["lecture_id"]
        caller = await self._guard(request, Permission.BOARD_READ, lecture_id)
        return reply(await self._live.board(lecture_id, await self._visible(caller)))

    async def _visible(self, caller: Principal) -> Callable[[ClassPlace], bool]:
        if caller.role not in SCOPED:
            return lambda place: True
        scope = await self._scope(caller.node)
        return lambda place: scope.includes(place.county_code, place.school_code)

    async def watch(self, request: web.Request) -> web.Response:
        """Tell a screen what to do: 200, also when nothing is on; 401 `bad_device`."""
        token = credential(request)
        charge(self._live.requests, opaque.digest(token), self._live.clock())
        screen_id = request.match_info["screen_id"]
        return reply(await self._live.watching.answer(screen_id, token, self._live.boot_id))
