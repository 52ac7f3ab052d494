"""`/api/v1/recordings`: the catalogue and the media behind it.

1. **Whoever may not see a recording is told that there is none**: after log-in and role are checked, a foreign recording and a
   missing one give the same 404.
2. People who may read a recording see it before it is approved, to be able to decide; screens do not (`screens`).
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.api.problems import not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.tokens import PERSON
from signaling.library import files
from signaling.library.document import PREFIX, document
from signaling.library.models import RecordingEntry
from signaling.library.passes import Passes
from signaling.library.records_service import Part
from signaling.library.review import Review
from signaling.library.schemas import PassDocument, RecordingDocument, RecordingList, RecordingQuery
from signaling.library.service import LibraryService


class Auth(Protocol):
    """Who is asking (`signaling.auth.service.AuthService`)."""

    async def require(self, request: web.Request, permission: Permission) -> Principal:
        """Return the caller or raise 401 or 403."""


class Readers(Protocol):
    """Who may see which lecture (`signaling.lectures.access.Access`)."""

    async def may_read(self, principal: Principal, lecture_id: str) -> bool:
        """Whether the caller may see the lecture."""

    async def readable(self, principal: Principal) -> frozenset[str] | None:
        """Return the lectures that the caller may see, None for all."""


def routes(library: LibraryService, auth: Auth, access: Readers, passes: Passes) -> list[web.AbstractRouteDef]:
    """Return the routes of people."""
    api = LibraryApi(library, auth, access, passes)
    one = PREFIX + "/{recording_id}"
    return [
        web.get(PREFIX, api.listing),
        web.get(one, api.one),
        web.post(f"{one}/approve", api.approve),
        web.post(f"{one}/withdraw", api.withdraw),
        web.post(f"{one}/watch", api.watch),
        web.get(f"{one}/video.mp4", api.video),
        web.get(f"{one}/thumbnail.jpg", api.thumbnail),
    ]


class LibraryApi:
    """The handlers."""

    def __init__(self, library: LibraryService, auth: Auth, access: Readers, passes: Passes) -> None:
        self._library = library
        self._auth = auth
        self._access = access
        self._passes = passes

    @operation(
        "List the recordings that the caller may see, newest first, in pages; X-Total-Count says how many there are",
        query=RecordingQuery,
        answer=RecordingList,
    )
    async def listing(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.RECORDING_READ)
        wanted = query(request, RecordingQuery)
        part = Part(await self._access.readable(principal), wanted.size, wanted.offset)
        entries, total = await self._library.page(wanted.lecture_id, part)
        return reply([document(entry) for entry in entries], headers={"X-Total-Count": str(total)})

    @operation("Read one recording", answer=RecordingDocument)
    async def one(self, request: web.Request) -> web.Response:
        _, entry = await self._entry(request, Permission.RECORDING_READ)
        return reply(document(entry))

    @operation(
        "Let screens see a finished recording; 409 `not_ready` before it is finished. May be repeated",
        answer=RecordingDocument,
    )
    async def approve(self, request: web.Request) -> web.Response:
        return await self._review(request, Review.APPROVED)

    @operation("Hide a recording from screens. May be repeated", answer=RecordingDocument)
    async def withdraw(self, request: web.Request) -> web.Response:
        return await self._review(request, Review.WITHDRAWN)

    @operation(
        "Get the right to watch a recording: address, token and cookie; 409 `not_ready` when nothing can be watched",
        answer=PassDocument,
    )
    async def watch(self, request: web.Request) -> web.Response:
        principal, entry = await self._entry(request, Permission.RECORDING_READ)
        return self._passes.answer(request, entry, PERSON + principal.user_id)

    @operation("Watch or download the finished MP4; ranges are answered", media_type="video/mp4")
    async def video(self, request: web.Request) -> web.StreamResponse:
        _, entry = await self._entry(request, Permission.RECORDING_READ)
        return await files.video(self._library, entry)

    @operation("Get a still picture of the recording", media_type="image/jpeg")
    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        _, entry = await self._entry(request, Permission.RECORDING_READ)
        return await files.thumbnail(self._library, entry)

    async def _review(self, request: web.Request, wish: Review) -> web.Response:
        principal, entry = await self._entry(request, Permission.RECORDING_REVIEW)
        decided = await self._library.review(entry.id, wish, principal.user_id)
        if decided is None:
            raise not_found("recording")
        return reply(document(decided))

    async def _entry(self, request: web.Request, permission: Permission) -> tuple[Principal, RecordingEntry]:
        """Return caller and recording; raise 401, 403 or 404."""
        principal = await self._auth.require(request, permission)
        found = await self._library.get(request.match_info["recording_id"])
        if found is None or not await self._access.may_read(principal, found.lecture_id):
            raise not_found("recording")
        return principal, found
