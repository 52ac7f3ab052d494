"""Log in, log out, who am I; the page behind an invitation.

**Every login makes a new cookie**: one that was there before is worthless afterwards (session fixation).
"""

from __future__ import annotations

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem
from signaling.api.proxy import client
from signaling.auth import cookies, documents
from signaling.auth.entrance_service import Half
from signaling.auth.identity import Principal
from signaling.auth.logins_service import FULL, LoggedIn, Where
from signaling.auth.password_policy import LONGEST, Policy
from signaling.auth.service import AuthService, not_logged_in


def routes(auth: AuthService) -> list[web.RouteDef]:
    """Return the routes of `/api/v1/session` and `/api/v1/invited`."""
    handlers = _Session(auth)
    return [
        web.post("/api/v1/session", handlers.log_in),
        web.post("/api/v1/session/code", handlers.code),
        web.post("/api/v1/session/invitation", handlers.accept_invitation),
        web.get("/api/v1/session", handlers.who),
        web.delete("/api/v1/session", handlers.log_out),
        web.post("/api/v1/invited", handlers.invited),
        web.post("/api/v1/invited/password", handlers.set_password),
    ]


class _Session:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth

    @operation(
        "Log in with a password; 401 `totp_required` when a one-time code is to follow",
        body=documents.Credentials,
        answer=documents.SessionDocument,
        status=201,
        public=True,
    )
    async def log_in(self, request: web.Request) -> web.Response:
        credentials = await body(request, documents.Credentials)
        entered = await self._auth.entrance.login(credentials.login, credentials.password, where_of(request))
        if isinstance(entered, LoggedIn):
            return await begin(self._auth, request, entered)
        return await self._half(request, entered)

    async def _half(self, request: web.Request, half: Half) -> web.Response:
        problem = Problem(401, "totp_required", "send the one-time code", expires_in=half.seconds)
        response = problem.response()
        cookies.put(response, request, cookies.HALF, half.token, half.seconds)
        return response

    @operation(
        "Log in, second step: a one-time code or a recovery code",
        body=documents.CodeBody,
        answer=documents.SessionDocument,
        status=201,
        public=True,
    )
    async def code(self, request: web.Request) -> web.Response:
        sent = await body(request, documents.CodeBody)
        half = cookies.read(request, cookies.HALF) or ""
        return await begin(self._auth, request, await self._auth.entrance.code(half, sent.code, where_of(request)))

    @operation(
        "Log in by an invitation link to a lecture",
        body=documents.InvitationToken,
        answer=documents.SessionDocument,
        status=201,
        public=True,
    )
    async def accept_invitation(self, request: web.Request) -> web.Response:
        invitation = await body(request, documents.InvitationToken)
        try:
            logged_in = await self._auth.invitations.accept(invitation.token, where_of(request))
        except Problem:
            await self._told(request)
            raise
        return await begin(self._auth, request, logged_in)

    @operation("Tell who is logged in", answer=documents.SessionDocument)
    async def who(self, request: web.Request) -> web.Response:
        held = await self._auth.held(request)
        principal = await self._auth.principal(request) if held is None else held.principal
        if principal is None:
            raise not_logged_in()
        return reply(session_document(principal, FULL if held is None else held.stage))

    @operation("Log out", status=204)
    async def log_out(self, request: web.Request) -> web.Response:
        await end_old(self._auth, request)
        response = web.Response(status=204)
        cookies.drop(response, request, cookies.LOGIN)
        cookies.drop(response, request, cookies.HALF)
        return response

    @operation(
        "Tell whose invitation it is",
        body=documents.InvitationToken,
        answer=documents.InvitedDocument,
        public=True,
    )
    async def invited(self, request: web.Request) -> web.Response:
        invitation = await body(request, documents.InvitationToken)
        try:
            user, expires_at = await self._auth.invitations.invited(invitation.token)
        except Problem:
            await self._told(request)
            raise
        policy = policy_document(self._auth.account.policy(user.role))
        return reply(
            documents.InvitedDocument(
                login=user.login, name=user.name, first=not user.password_hash, expires_at=expires_at, policy=policy
            )
        )

    @operation("Set the password of an invited person", body=documents.FirstPassword, status=204, public=True)
    async def set_password(self, request: web.Request) -> web.Response:
        sent = await body(request, documents.FirstPassword)
        try:
            await self._auth.account.set_password(sent.token, sent.password)
        except Problem as problem:
            if problem.code == "bad_invitation":
                await self._told(request)
            raise
        await end_old(self._auth, request)
        return web.Response(status=204)

    async def _told(self, request: web.Request) -> None:
        await self._auth.trail.failed("invitation.unknown", address=client(request).remote)


async def begin(
    auth: AuthService, request: web.Request, logged_in: LoggedIn, answer: web.Response | None = None
) -> web.Response:
    """End the login that the browser had, and answer with the cookie of the new one."""
    await end_old(auth, request)
    response = answer or reply(session_document(logged_in.principal, logged_in.stage), 201)
    cookies.put(response, request, cookies.LOGIN, logged_in.token, logged_in.seconds)
    if cookies.read(request, cookies.HALF) is not None:
        cookies.drop(response, request, cookies.HALF)
    return response


async def end_old(auth: AuthService, request: web.Request) -> None:
    """End the login whose cookie the browser has."""
    old = cookies.read(request, cookies.LOGIN)
    if old is not None:
        await auth.logins.end(old)


def where_of(request: web.Request) -> Where:
    """Return from where a request comes."""
    agent = "".join(letter for letter in request.headers.get("User-Agent", "") if letter.isprintable())
    return Where(client(request).remote, agent)


def session_document(principal: Principal, stage: str) -> documents.SessionDocument:
    """Return who is logged in."""
    user = documents.UserDocument(
        id=principal.user_id,
        name=principal.name,
        role=principal.role.value,
        node=principal.node,
        permissions=sorted(one.value for one in principal.permissions),
    )
    return documents.SessionDocument.model_validate({"user": user, "stage": stage})


def policy_document(policy: Policy) -> documents.PolicyDocument:
    """Return the rules for a password."""
    return documents.PolicyDocument(shortest=policy.shortest, longest=LONGEST, kinds=policy.kinds)
