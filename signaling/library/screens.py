"""`/api/v1/screens/{id}/recordings`: what a class may watch again, for the screen that shows it.

**A screen learns of approved, finished recordings of lectures for its own school**; every other recording looks like none.
"""

from __future__ import annotations

from typing import Final, Protocol

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import not_found
from signaling.library import files
from signaling.library.document import screen_document
from signaling.library.models import RecordingEntry
from signaling.library.passes import Passes
from signaling.library.schemas import PassDocument, RecordingList
from signaling.library.service import LibraryService

PREFIX: Final = "/api/v1/screens/{screen_id}/recordings"
MOST: Final = 100
"""Recordings that a screen lists: a remote control scrolls through no more."""


class ScreenInfo(Protocol):
    """A paired screen and where it hangs."""

    @property
    def id(self) -> str: ...
    @property
    def school_code(self) -> str: ...


class Gate(Protocol):
    """What lets screens in (`signaling.screens.gate.ScreenGate`)."""

    async def admit(self, request: web.Request, free: bool = False) -> ScreenInfo: ...


def routes(library: LibraryService, gate: Gate, passes: Passes) -> list[web.AbstractRouteDef]:
    """Return the routes of class screens."""
    api = ScreenApi(library, gate, passes)
    return [
        web.get(PREFIX, api.listing),
        web.post(PREFIX + "/{recording_id}/watch", api.watch),
        web.get(PREFIX + "/{recording_id}/thumbnail.jpg", api.thumbnail),
    ]


class ScreenApi:
    """The handlers."""

    def __init__(self, library: LibraryService, gate: Gate, passes: Passes) -> None:
        self._library = library
        self._gate = gate
        self._passes = passes

    @operation(
        "List the approved recordings of lectures for the screen's class, newest first, at most 100",
        answer=RecordingList,
    )
    async def listing(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        entries = await self._library.released(screen.school_code, MOST)
        return reply([screen_document(entry, screen.id) for entry in entries])

    @operation("Get the right to watch a recording as a screen: address, token and cookie", answer=PassDocument)
    async def watch(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        return self._passes.answer(request, await self._entry(request, screen), screen.id)

    @operation("Get a still picture of the recording", media_type="image/jpeg")
    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        # Not charged: a screen fetches the pictures of its whole list at once.
        screen = await self._gate.admit(request, free=True)
        return await files.thumbnail(self._library, await self._entry(request, screen))

    async def _entry(self, request: web.Request, screen: ScreenInfo) -> RecordingEntry:
        found = await self._library.released_one(screen.school_code, request.match_info["recording_id"])
        if found is None:
            raise not_found("recording")
        return found
