"""`/api/v1/lectures/{id}/stream-key` and `/invitation`: the ways in to one lecture."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from pydantic import BaseModel

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import Problem
from signaling.api.proxy import origin
from signaling.auth.identity import Permission, Principal
from signaling.lectures.access import Access
from signaling.lectures.entrances_service import KEY, LINK, EntrancesService
from signaling.lectures.service import LectureInfo


class KeyState(BaseModel):
    """Whether a lecture has a key, and when it holds."""

    held: bool
    not_before: datetime | None = None
    not_after: datetime | None = None


class NewKey(BaseModel):
    """A stream key, told once: what goes into OBS as server and as bearer token."""

    stream_key: str
    whip_url: str
    not_before: datetime
    not_after: datetime


class LinkState(BaseModel):
    """Whether a lecture has a link for its lecturer, and until when it holds."""

    held: bool
    expires_at: datetime | None = None


class NewLink(BaseModel):
    """The link that lets a lecturer in to the studio of one lecture, told once."""

    studio_url: str
    expires_at: datetime


def routes(access: Access, entrances: EntrancesService) -> list[web.RouteDef]:
    """Return the routes."""
    api = EntrancesApi(access, entrances)
    key, link = (f"/api/v1/lectures/{{lecture_id}}/{name}" for name in ("stream-key", "invitation"))
    return [
        web.get(key, api.key),
        web.post(key, api.make_key),
        web.delete(key, api.end_key),
        web.get(link, api.link),
        web.post(link, api.make_link),
        web.delete(link, api.end_link),
    ]


class EntrancesApi:
    """The handlers. Who may change a lecture's plan lets people in to it; a login by a link does not."""

    def __init__(self, access: Access, entrances: EntrancesService) -> None:
        self._access = access
        self._entrances = entrances

    async def _lecture(self, request: web.Request) -> tuple[Principal, LectureInfo]:
        lecture_id = request.match_info["lecture_id"]
        principal, info = await self._access.lecture(request, lecture_id, Permission.LECTURE_EDIT)
        if principal.lecture_id is not None:
            raise Problem(403, "forbidden", "a login by a link makes no other way in")
        return principal, info

    @operation("Tell whether a lecture has a stream key", answer=KeyState)
    async def key(self, request: web.Request) -> web.Response:
        _, info = await self._lecture(request)
        found = await self._entrances.key(info.id)
        if found is None:
            return reply(KeyState(held=False))
        return reply(KeyState(held=True, not_before=found.not_before, not_after=found.not_after))

    @operation("Make the stream key for OBS; the one before ends", answer=NewKey, status=201)
    async def make_key(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        token, window = await self._entrances.make_key(info, principal.user_id)
        url = f"{origin(request)}/whip/{info.id}"
        made = NewKey(stream_key=token, whip_url=url, not_before=window.not_before, not_after=window.not_after)
        return reply(made, 201)

    @operation("Revoke the stream key", status=204)
    async def end_key(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        await self._entrances.revoke(info.id, KEY, principal.user_id)
        return web.Response(status=204)

    @operation("Tell whether a lecture has a link for its lecturer", answer=LinkState)
    async def link(self, request: web.Request) -> web.Response:
        _, info = await self._lecture(request)
        found = await self._entrances.link(info.id)
        return reply(LinkState(held=found is not None, expires_at=None if found is None else found.expires_at))

    @operation("Make the link that lets the lecturer in; the one before ends", answer=NewLink, status=201)
    async def make_link(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        token, expires_at = await self._entrances.make_link(info, principal.user_id)
        url = f"{origin(request)}/studio/{info.id}#invite={token}"
        return reply(NewLink(studio_url=url, expires_at=expires_at), 201)

    @operation("Revoke the link, and end the logins that it began", status=204)
    async def end_link(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        await self._entrances.revoke(info.id, LINK, principal.user_id)
        return web.Response(status=204)
