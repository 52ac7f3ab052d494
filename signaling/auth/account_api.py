"""One's own account: data, password, one-time codes, logins. **For people at their browser**: the token of a program and the login of a
lecturer invited to one lecture reach none of it."""

from __future__ import annotations

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.qr import qr
from signaling.auth import documents
from signaling.auth.api import begin, policy_document, where_of
from signaling.auth.models import Login
from signaling.auth.service import AuthService


def routes(auth: AuthService) -> list[web.RouteDef]:
    """Return the routes of `/api/v1/account`."""
    account, factor = _Account(auth), _Factor(auth)
    return [
        web.get("/api/v1/account", account.show),
        web.post("/api/v1/account/password", account.password),
        web.get("/api/v1/account/logins", account.logins),
        web.delete("/api/v1/account/logins", account.end_others),
        web.delete("/api/v1/account/logins/{login_id}", account.end_one),
        web.post("/api/v1/account/totp", factor.enrol),
        web.post("/api/v1/account/totp/confirm", factor.confirm),
        web.post("/api/v1/account/totp/codes", factor.renew),
        web.post("/api/v1/account/totp/off", factor.turn_off),
    ]


class _Account:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth

    @operation("Show my account", answer=documents.AccountDocument)
    async def show(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request, enrolling=True)
        user = await self._auth.account.person(held.principal.user_id)
        state = await self._auth.second_factor.state(user.id)
        factor = documents.SecondFactorDocument(
            since=state.since, required=self._auth.second_factor.is_required(user.role), codes_left=state.codes_left
        )
        return reply(
            documents.AccountDocument(
                id=user.id,
                login=user.login,
                name=user.name,
                role=user.role,
                node=user.node,
                created_at=user.created_at,
                password_changed_at=user.password_changed_at,
                policy=policy_document(self._auth.account.policy(user.role)),
                second_factor=factor,
            )
        )

    @operation("Change my password; my other logins end", body=documents.PasswordChange, status=204)
    async def password(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        sent = await body(request, documents.PasswordChange)
        logged_in = await self._auth.account.change_password(held, sent.old, sent.new, where_of(request))
        return await begin(self._auth, request, logged_in, web.Response(status=204))

    @operation("List my open logins", answer=documents.LoginsDocument)
    async def logins(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        rows = await self._auth.logins.listed(held.principal.user_id)
        return reply(documents.LoginsDocument(items=[_login(row, held.login_id) for row in rows]))

    @operation("End all my logins but this one", status=204)
    async def end_others(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        await self._auth.logins.end_others(held.principal.user_id, held.login_id)
        return web.Response(status=204)

    @operation("End one of my logins", status=204)
    async def end_one(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        await self._auth.logins.end_one(held.principal.user_id, request.match_info["login_id"])
        return web.Response(status=204)


class _Factor:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth

    @operation("Begin to set up one-time codes", body=documents.Enrol, answer=documents.EnrolmentDocument, status=201)
    async def enrol(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request, enrolling=True)
        sent = await body(request, documents.Enrol)
        made = await self._auth.account.enrol(held, sent.password, where_of(request))
        return reply(documents.EnrolmentDocument(secret=made.secret, address=made.address, qr=qr(made.address)), 201)

    @operation("Turn one-time codes on by the first one", body=documents.CodeBody, answer=documents.RecoveryDocument)
    async def confirm(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request, enrolling=True)
        sent = await body(request, documents.CodeBody)
        codes, logged_in = await self._auth.account.confirm(held, sent.code, where_of(request))
        return await begin(self._auth, request, logged_in, reply(documents.RecoveryDocument(codes=codes)))

    @operation("Make new recovery codes", body=documents.PasswordAndCode, answer=documents.RecoveryDocument)
    async def renew(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        sent = await body(request, documents.PasswordAndCode)
        codes = await self._auth.account.renew_codes(held, sent.password, sent.code, where_of(request))
        return reply(documents.RecoveryDocument(codes=codes))

    @operation("Turn one-time codes off", body=documents.PasswordAndCode, answer=documents.SessionDocument)
    async def turn_off(self, request: web.Request) -> web.Response:
        held = await self._auth.own_login(request)
        sent = await body(request, documents.PasswordAndCode)
        logged_in = await self._auth.account.turn_off(held, sent.password, sent.code, where_of(request))
        return await begin(self._auth, request, logged_in)


def _login(row: Login, here: str) -> documents.LoginDocument:
    return documents.LoginDocument(
        id=row.id,
        here=row.id == here,
        lecture_id=row.lecture_id,
        address=row.address,
        agent=row.agent,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
