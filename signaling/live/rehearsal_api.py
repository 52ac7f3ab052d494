"""`/api/v1/rehearsals`, and where one begins: `/api/v1/lectures/{id}/rehearsal`.

Who may control a lecture rehearses it; who reviews it may watch. Nobody else learns that there is a rehearsal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.tokens import MONITOR
from signaling.lectures.plan_documents import LectureDocument
from signaling.live.broadcasts import Actor
from signaling.live.http import charge
from signaling.live.models import Rehearsal
from signaling.live.rehearsal_service import RehearsalService
from signaling.live.schemas import TicketDocument
from signaling.live.service import LiveService
from signaling.live.stamps import stamp
from signaling.live.states import Event

Guard = Callable[[web.Request, Permission, str], Awaitable[Principal]]
Document = Callable[[str], Awaitable[dict[str, Any]]]
EVENTS = (Event.START, Event.PAUSE, Event.RESUME)
NOBODY = {"classes": 0, "schools": 0, "pupils": 0}


class RehearsalDocument(LectureDocument):
    """A rehearsal in the form of a lecture, with its own id and state. Nobody is expected; `ends_at` is the latest."""

    rehearsal_of: str
    studio_url: str
    ends_at: datetime


class RehearsalList(BaseModel):
    """The rehearsal of a lecture that goes on, if there is one."""

    items: list[RehearsalDocument]


class RehearsalWatch(BaseModel):
    """The right to watch a rehearsal, for `expires_in` seconds."""

    whep_url: str
    token: str
    expires_in: float


class RehearsalDocuments:
    """Builds the documents: the lecture's plan under the rehearsal's id, with the rehearsal's live state."""

    def __init__(self, live: LiveService, rehearsals: RehearsalService, lecture: Document) -> None:
        self._live = live
        self._rehearsals = rehearsals
        self._lecture = lecture

    async def of(self, rehearsal_id: str) -> dict[str, Any]:
        """Return the document of a rehearsal; raises `LookupError` when there is none."""
        rehearsal = await self._rehearsals.find(rehearsal_id)
        if rehearsal is None:
            raise LookupError(f"no rehearsal {rehearsal_id}")
        return await self.of_row(rehearsal)

    async def of_row(self, row: Rehearsal) -> dict[str, Any]:
        """Return the document of a rehearsal that was read already."""
        about = {
            "id": row.id,
            "rehearsal_of": row.lecture_id,
            "studio_url": f"/studio/{row.id}",
            "ends_at": stamp(row.ends_at),
            "autostart": False,
            "targets": NOBODY,
            "own": None,
        }
        return await self._lecture(row.lecture_id) | about | await self._live.facts(row.id)


def routes(
    live: LiveService, rehearsals: RehearsalService, documents: RehearsalDocuments, guard: Guard
) -> list[web.RouteDef]:
    """Return the routes. `guard(request, permission, lecture_id)` returns the caller or raises 401, 403 or 404."""
    api = RehearsalApi(live, rehearsals, documents, guard)
    of_lecture, one = "/api/v1/lectures/{lecture_id}/rehearsal", "/api/v1/rehearsals/{rehearsal_id}"
    return [
        web.get(of_lecture, api.going_on),
        web.post(of_lecture, api.begin),
        web.get(one, api.one),
        *(web.post(f"{one}/{event}", api.transition) for event in EVENTS),
        web.post(f"{one}/end", api.end),
        web.post(f"{one}/ticket", api.ticket),
        web.post(f"{one}/watch", api.watch),
    ]


class RehearsalApi:
    """The handlers."""

    def __init__(
        self, live: LiveService, rehearsals: RehearsalService, documents: RehearsalDocuments, guard: Guard
    ) -> None:
        self._live = live
        self._rehearsals = rehearsals
        self._documents = documents
        self._guard = guard

    @operation("Read the rehearsal of a lecture that goes on", answer=RehearsalList)
    async def going_on(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        await self._spectator(request, lecture_id)
        found = await self._rehearsals.going_on(lecture_id)
        return reply({"items": [] if found is None else [await self._documents.of_row(found)]})

    @operation(
        "Begin a rehearsal that no screen sees, or go on with the one there is; answers 409 has_begun, called_off",
        answer=RehearsalDocument,
        status=201,
    )
    async def begin(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        caller = await self._guard(request, Permission.LECTURE_CONTROL, lecture_id)
        made = await self._rehearsals.begin(lecture_id, caller.user_id)
        return reply(await self._documents.of_row(made), 201)

    @operation("Read a rehearsal", answer=RehearsalDocument)
    async def one(self, request: web.Request) -> web.Response:
        rehearsal, lecture_id = await self._named(request)
        await self._spectator(request, lecture_id)
        return reply(await self._documents.of_row(_there(rehearsal)))

    @operation("Send the event of the address to a rehearsal", answer=RehearsalDocument)
    async def transition(self, request: web.Request) -> web.Response:
        rehearsal, caller = await self._controlled(request)
        event = Event(request.path.rsplit("/", 1)[1])
        await self._live.transition(rehearsal.id, event, Actor(caller.user_id))
        return reply(await self._documents.of_row(rehearsal))

    @operation("End a rehearsal; it may be repeated", answer=RehearsalDocument)
    async def end(self, request: web.Request) -> web.Response:
        rehearsal, caller = await self._controlled(request)
        await self._rehearsals.end(rehearsal.id, Actor(caller.user_id))
        return reply(await self._documents.of_row(rehearsal))

    @operation("Mint a publishing ticket for who rehearses", answer=TicketDocument, status=201)
    async def ticket(self, request: web.Request) -> web.Response:
        rehearsal, lecture_id = await self._named(request)
        caller = await self._guard(request, Permission.LECTURE_PUBLISH, lecture_id)
        one = _there(rehearsal)
        charge(self._live.requests, ("ticket", caller.user_id), self._live.clock())
        seconds = self._live.settings.auth.ticket_seconds
        ticket = await self._live.publishing.ticket(one.id, caller.user_id, seconds)
        return reply({"ticket": ticket, "expires_in": seconds, "whip_url": f"/whip/{one.id}"}, 201)

    @operation("Watch a rehearsal, as nobody's classroom", answer=RehearsalWatch)
    async def watch(self, request: web.Request) -> web.Response:
        rehearsal, lecture_id = await self._named(request)
        await self._spectator(request, lecture_id)
        one, seconds = _there(rehearsal), self._live.settings.auth.watch_token_seconds
        token = self._live.watch_token(MONITOR, one.id, seconds)
        return reply({"whep_url": f"/whep/{one.id}", "token": token, "expires_in": seconds})

    async def _named(self, request: web.Request) -> tuple[Rehearsal | None, str]:
        """Return the rehearsal of the address and what to ask the guard about: for one that is nowhere, a lecture that is nowhere."""
        rehearsal_id = request.match_info["rehearsal_id"]
        rehearsal = await self._rehearsals.find(rehearsal_id)
        return rehearsal, rehearsal_id if rehearsal is None else rehearsal.lecture_id

    async def _controlled(self, request: web.Request) -> tuple[Rehearsal, Principal]:
        rehearsal, lecture_id = await self._named(request)
        caller = await self._guard(request, Permission.LECTURE_CONTROL, lecture_id)
        return _there(rehearsal), caller

    async def _spectator(self, request: web.Request, lecture_id: str) -> None:
        try:
            await self._guard(request, Permission.LECTURE_CONTROL, lecture_id)
        except Problem as problem:
            if problem.status != 403:
                raise
            await self._guard(request, Permission.LECTURE_REVIEW, lecture_id)


def _there(rehearsal: Rehearsal | None) -> Rehearsal:
    if rehearsal is None:
        raise not_found("rehearsal")
    return rehearsal
