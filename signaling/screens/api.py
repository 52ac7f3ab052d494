"""`/api/v1/pairings` and `/api/v1/screens`: pairing for screens and for schools, the inventory, stickers."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from signaling.api import proxy
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem, not_found
from signaling.api.qr import qr
from signaling.auth import opaque
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.documents import NodeName
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.screens import documents as shown
from signaling.screens.queries import ScreenFilter
from signaling.screens.service import Paired, ScreensService

IsLive = Callable[[str], bool]
"""Whether a screen has an open session."""


def routes(
    auth: AuthService, directory: DirectoryService, screens: ScreensService, is_live: IsLive
) -> list[web.RouteDef]:
    """Return the routes."""
    pairing, inventory = PairingApi(auth, directory, screens), InventoryApi(auth, directory, screens, is_live)
    return [
        web.post("/api/v1/pairings", pairing.begin),
        web.post("/api/v1/pairings/lookup", pairing.look_up),
        web.get("/api/v1/pairings/{pairing_id}", pairing.poll),
        web.post("/api/v1/pairings/{pairing_id}/confirm", pairing.confirm),
        web.post("/api/v1/pairings/{pairing_id}/refuse", pairing.refuse),
        web.post("/api/v1/screens/repair", pairing.repair),
        web.get("/api/v1/screens", inventory.listing),
        web.get("/api/v1/screens/{screen_id}", inventory.one),
        web.post("/api/v1/screens/{screen_id}/revoke", inventory.revoke),
        web.post("/api/v1/screens/{screen_id}/sticker", inventory.renew_sticker),
        web.get("/api/v1/schools/{school_code}/stickers", inventory.stickers),
    ]


class _Api:
    def __init__(self, auth: AuthService, directory: DirectoryService, screens: ScreensService) -> None:
        self._auth = auth
        self._directory = directory
        self._screens = screens

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)


class PairingApi(_Api):
    """The handlers of pairing."""

    @operation(
        "Begin the pairing of this screen",
        body=shown.PairingOrder,
        optional=True,
        answer=shown.PairingOffer,
        status=201,
        public=True,
    )
    async def begin(self, request: web.Request) -> web.Response:
        order = await body(request, shown.PairingOrder) if request.body_exists else shown.PairingOrder()
        begun = await self._screens.begin(proxy.client(request).remote, _agent(request), _print(order.key))
        offer = shown.PairingOffer(id=begun.id, code=begun.code, secret=begun.secret, expires_at=begun.expires_at)
        return reply(offer, 201)

    @operation("Tell a screen how far its pairing is; Bearer is its secret", answer=shown.PairingState)
    async def poll(self, request: web.Request) -> web.Response:
        secret = opaque.bearer(request)
        if secret is None:
            raise Problem(401, "bad_secret", "send the secret of this pairing")
        state, paired = await self._screens.poll(request.match_info["pairing_id"], secret)
        screen_id, token = (paired.screen_id, paired.device_token) if paired else (None, None)
        return reply(shown.PairingState.model_validate({"state": state, "screen_id": screen_id, "device_token": token}))

    @operation("Tell which screen shows a code", body=shown.CodeOrder, answer=shown.WaitingScreen)
    async def look_up(self, request: web.Request) -> web.Response:
        principal, _ = await self._caller(request, Permission.SCREEN_PAIR)
        order = await body(request, shown.CodeOrder)
        found = await self._screens.look_up(order.code, principal.user_id)
        return reply(shown.WaitingScreen.model_validate(found, from_attributes=True))

    @operation("Hang a screen in a room", body=shown.Confirmation, answer=shown.ScreenDocument)
    async def confirm(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.SCREEN_PAIR)
        order = await body(request, shown.Confirmation)
        pairing_id = request.match_info["pairing_id"]
        screen_id = await self._screens.confirm(
            pairing_id, order.code, order.class_id, order.terminal_no, scope, principal.user_id
        )
        row = await self._screens.one(scope, screen_id)
        if row is None:
            raise not_found("screen")
        return reply(shown.screen_document(row, live=False).model_dump(mode="json", by_alias=True))

    @operation("Send a screen away", body=shown.CodeOrder, status=204)
    async def refuse(self, request: web.Request) -> web.Response:
        principal, _ = await self._caller(request, Permission.SCREEN_PAIR)
        order = await body(request, shown.CodeOrder)
        await self._screens.refuse(request.match_info["pairing_id"], order.code, principal.user_id)
        return web.Response(status=204)

    @operation("Pair a room again by its sticker", body=shown.RepairOrder, answer=shown.PairedScreen, public=True)
    async def repair(self, request: web.Request) -> web.Response:
        order = await body(request, shown.RepairOrder)
        address = proxy.client(request).remote
        paired = await self._screens.repair(order.sticker, address, _agent(request), _print(order.key))
        return reply(_paired(paired))


class InventoryApi(_Api):
    """The handlers of the inventory."""

    def __init__(
        self, auth: AuthService, directory: DirectoryService, screens: ScreensService, is_live: IsLive
    ) -> None:
        super().__init__(auth, directory, screens)
        self._is_live = is_live

    @operation("List screens", query=shown.ScreenQuery, answer=Page[shown.ScreenDocument])
    async def listing(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.SCREEN_READ)
        wanted = query(request, shown.ScreenQuery)
        county = wanted.county and (await self._directory.region_code(wanted.county) or wanted.county)
        narrowed = ScreenFilter(
            county=county or "",
            school=wanted.school or "",
            text=wanted.q,
            state=wanted.state,
            key=wanted.key or "",
            tier=wanted.tier or "",
            line=wanted.line or "",
        )
        rows, total = await self._screens.page(scope, narrowed, wanted.size, wanted.offset)
        items = [shown.screen_document(row, self._is_live(row.screen.id)) for row in rows]
        return reply(page_of(items, total, wanted).model_dump(mode="json", by_alias=True))

    @operation("Read a screen", answer=shown.ScreenDocument)
    async def one(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.SCREEN_READ)
        return await self._answer(request, scope)

    @operation("Make a screen's token worthless and end its session", answer=shown.ScreenDocument)
    async def revoke(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.SCREEN_PAIR)
        await self._answer(request, scope)
        await self._screens.revoke(request.match_info["screen_id"], principal.user_id)
        return await self._answer(request, scope)

    @operation("Give a room another sticker", answer=shown.ScreenDocument)
    async def renew_sticker(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.SCREEN_PAIR)
        await self._answer(request, scope)
        await self._screens.renew_sticker(request.match_info["screen_id"], principal.user_id)
        return await self._answer(request, scope)

    @operation("Read the stickers of a school's rooms, to print", answer=shown.StickerSheet)
    async def stickers(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.SCREEN_PAIR)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        origin = proxy.origin(request)
        items = [
            shown.StickerDocument(
                screen_id=row.screen.id,
                terminal_no=row.screen.terminal_no,
                school_class=shown.ClassName(id=row.school_class.id, name=row.school_class.name),
                code=code,
                url=f"{origin}/pair#{code}",
                svg=qr(f"{origin}/pair#{code}"),
            )
            for row, code in await self._screens.stickers(found.school.code)
        ]
        school = NodeName(code=found.school.code, name=found.school.name)
        return reply(shown.StickerSheet(school=school, items=items).model_dump(mode="json", by_alias=True))

    async def _answer(self, request: web.Request, scope: Scope) -> web.Response:
        row = await self._screens.one(scope, request.match_info["screen_id"])
        if row is None:
            raise not_found("screen")
        document = shown.screen_document(row, self._is_live(row.screen.id))
        return reply(document.model_dump(mode="json", by_alias=True))


def _agent(request: web.Request) -> str:
    return "".join(letter for letter in request.headers.get("User-Agent", "") if letter.isprintable())[:256]


def _print(key: shown.PublicKey | None) -> str | None:
    return None if key is None else key.thumbprint


def _paired(paired: Paired) -> shown.PairedScreen:
    url = f"/class/{paired.screen_id}#{paired.device_token}"
    return shown.PairedScreen(screen_id=paired.screen_id, device_token=paired.device_token, url=url)
