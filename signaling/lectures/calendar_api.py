"""`/calendar/{school}/{secret}.ics` for calendar programs, and the link to it for administrators."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from aiohttp import ETag, web
from pydantic import BaseModel

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import not_found
from signaling.api.proxy import origin
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.service import DirectoryService
from signaling.lectures.calendar_service import CalendarService, Link

CACHE: Final = "private, max-age=300"


class CalendarDocument(BaseModel):
    """The secret link to a school's calendar; who has it reads the calendar. A renewal makes the old one worthless."""

    url: str
    number: int
    renewed_at: datetime | None


def routes(auth: AuthService, directory: DirectoryService, calendars: CalendarService) -> list[web.RouteDef]:
    """Return the routes."""
    api = CalendarApi(auth, directory, calendars)
    link = "/api/v1/schools/{school_code}/calendar"
    return [
        web.get("/calendar/{school_code}/{secret}.ics", api.feed),
        web.get(link, api.link),
        web.post(f"{link}/renew", api.renew),
    ]


class CalendarApi:
    """The handlers."""

    def __init__(self, auth: AuthService, directory: DirectoryService, calendars: CalendarService) -> None:
        self._auth = auth
        self._directory = directory
        self._calendars = calendars

    async def feed(self, request: web.Request) -> web.Response:
        """Answer a calendar program; 304 when it has this calendar already."""
        told = await self._calendars.feed(request.match_info["school_code"], request.match_info["secret"])
        if told is None:
            raise not_found("calendar")
        tag = hashlib.sha256(told).hexdigest()[:32]
        headers = {"ETag": f'"{tag}"', "Cache-Control": CACHE}
        if request.if_none_match and ETag(tag) in request.if_none_match:
            return web.Response(status=304, headers=headers)
        return web.Response(body=told, content_type="text/calendar", charset="utf-8", headers=headers)

    @operation("Tell the secret link to a school's calendar", answer=CalendarDocument)
    async def link(self, request: web.Request) -> web.Response:
        _, code = await self._school(request)
        return self._reply(request, await self._calendars.link(code))

    @operation("Make the link to a school's calendar worthless, and a new one", answer=CalendarDocument)
    async def renew(self, request: web.Request) -> web.Response:
        principal, code = await self._school(request)
        return self._reply(request, await self._calendars.renew(code, principal.user_id))

    async def _school(self, request: web.Request) -> tuple[Principal, str]:
        principal = await self._auth.require(request, Permission.DIRECTORY_EDIT)
        scope = await self._directory.scope(principal.node)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        return principal, found.school.code

    def _reply(self, request: web.Request, link: Link) -> web.Response:
        return reply(CalendarDocument(url=origin(request) + link.path, number=link.number, renewed_at=link.renewed_at))
