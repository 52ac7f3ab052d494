"""Log in, log out, who am I.

**Every login makes a new cookie**: one that was there before is worthless afterwards (session fixation).
"""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.proxy import origin
from signaling.auth.identity import Permission, Principal
from signaling.auth.logins_service import LoggedIn
from signaling.auth.service import COOKIE, AuthService, not_logged_in


class Credentials(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class InvitationToken(BaseModel):
    """The secret of an invitation link."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=8, max_length=128)]


class UserDocument(BaseModel):
    """A person as the API shows it; `permissions` are those of the role at its node."""

    id: str
    name: str
    role: str
    node: str
    permissions: list[str]


class SessionDocument(BaseModel):
    """Who is logged in."""

    user: UserDocument


def routes(auth: AuthService, login_seconds: int) -> list[web.RouteDef]:
    """Return the routes of `/api/v1/session`."""
    handlers = _Session(auth, login_seconds)
    return [
        web.post("/api/v1/session", handlers.log_in),
        web.post("/api/v1/session/invitation", handlers.accept_invitation),
        web.get("/api/v1/session", handlers.who),
        web.delete("/api/v1/session", handlers.log_out),
    ]


class _Session:
    def __init__(self, auth: AuthService, login_seconds: int) -> None:
        self._auth = auth
        self._seconds = login_seconds

    @operation("Log in with a password", body=Credentials, answer=SessionDocument, status=201)
    async def log_in(self, request: web.Request) -> web.Response:
        credentials = await body(request, Credentials)
        return await self._begin(request, await self._auth.entrance.login(credentials.login, credentials.password))

    @operation("Log in by an invitation link", body=InvitationToken, answer=SessionDocument, status=201)
    async def accept_invitation(self, request: web.Request) -> web.Response:
        invitation = await body(request, InvitationToken)
        return await self._begin(request, await self._auth.invitations.accept(invitation.token))

    @operation("Tell who is logged in", answer=SessionDocument)
    async def who(self, request: web.Request) -> web.Response:
        principal = await self._auth.principal(request)
        if principal is None:
            raise not_logged_in()
        return reply(_document(principal))

    @operation("Log out", status=204)
    async def log_out(self, request: web.Request) -> web.Response:
        await self._end_old(request)
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path="/")
        return response

    async def _begin(self, request: web.Request, logged_in: LoggedIn) -> web.Response:
        await self._end_old(request)
        response = reply(_document(logged_in.principal), 201)
        response.set_cookie(
            COOKIE,
            logged_in.token,
            max_age=self._seconds,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=origin(request).startswith("https://"),
        )
        return response

    async def _end_old(self, request: web.Request) -> None:
        old = request.cookies.get(COOKIE)
        if old:
            await self._auth.logins.end(old)


def _document(principal: Principal) -> SessionDocument:
    return SessionDocument(
        user=UserDocument(
            id=principal.user_id,
            name=principal.name,
            role=principal.role.value,
            node=principal.node,
            permissions=sorted(one.value for one in Permission if principal.may(one)),
        )
    )
