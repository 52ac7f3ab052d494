"""`/api/v1/faults`: what kept a node from watching, and what that would excuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web
from pydantic import AwareDatetime, BaseModel

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.corrections.documents import Id
from signaling.corrections.faults import Excused, FaultWish
from signaling.corrections.faults_service import FaultsService, Known, within
from signaling.directory.documents import Order
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.ledger.facts import Cause


class FaultOrder(Order):
    """A fault of a region, a school or a class (`scope`); `end` null while it lasts."""

    cause: Cause
    scope: Id
    begin: AwareDatetime
    end: AwareDatetime | None = None


class FaultEdit(Order):
    """When a fault ended; `taken_back` says that it was none."""

    end: AwareDatetime | None = None
    taken_back: bool = False


class FaultDocument(BaseModel):
    """A fault as it stands; `editable` by the caller. `level` is that of the node."""

    id: str
    cause: Cause
    scope: str
    name: str
    level: str
    begin: datetime
    end: datetime | None
    taken_back: bool
    by: str
    at: datetime
    editable: bool
    version: int


class FaultList(BaseModel):
    """Faults, the latest first."""

    items: list[FaultDocument]


class MovedResults(BaseModel):
    """How many classes came from one result to another."""

    old: str
    new: str
    classes: int


class ExcusedLecture(BaseModel):
    """What a fault changes in a lecture: classes of the node, those whose minutes it touches, those excused without and with it."""

    lecture_id: str
    title: str
    started_at: datetime
    classes: int
    touched: int
    excused_before: int
    excused_after: int
    results: list[MovedResults]


class FaultPreview(BaseModel):
    """What a fault would change, lecture by lecture; the first is the earliest."""

    lectures: list[ExcusedLecture]


def routes(auth: AuthService, directory: DirectoryService, service: FaultsService) -> list[web.RouteDef]:
    """Return the routes."""
    api = FaultsApi(auth, directory, service)
    one = "/api/v1/faults/{fault_id}"
    return [
        web.get("/api/v1/faults", api.listing),
        web.post("/api/v1/faults", api.record),
        web.post("/api/v1/faults/preview", api.preview),
        web.get(one, api.read),
        web.patch(one, api.change),
    ]


class FaultsApi:
    """The handlers."""

    def __init__(self, auth: AuthService, directory: DirectoryService, service: FaultsService) -> None:
        self._auth = auth
        self._directory = directory
        self._service = service

    @operation("List the faults that concern the caller's node", answer=FaultList)
    async def listing(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.BOARD_READ)
        found = await self._service.listing(scope)
        return reply(FaultList(items=[_document(one, principal, scope) for one in found]))

    @operation("Tell what a fault would excuse", body=FaultOrder, answer=FaultPreview)
    async def preview(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.FAULT_EDIT)
        order = await body(request, FaultOrder)
        return reply(_preview(await self._service.preview(FaultWish(**order.model_dump()), scope)))

    @operation(
        "Write a fault down; 409 `term_closed`, `too_late`, 422 `ends_first`, `in_future`, `too_long`",
        body=FaultOrder,
        answer=FaultDocument,
        status=201,
    )
    async def record(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.FAULT_EDIT)
        order = await body(request, FaultOrder)
        made = await self._service.record(FaultWish(**order.model_dump()), principal.user_id, scope)
        return await self._answer(made, principal, scope, 201)

    @operation("Read a fault", answer=FaultDocument)
    async def read(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.BOARD_READ)
        return await self._answer(request.match_info["fault_id"], principal, scope)

    @operation(
        "Say when a fault ended, or that it was none; 409 `taken_back`, `term_closed`",
        body=FaultEdit,
        answer=FaultDocument,
        if_match=True,
    )
    async def change(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.FAULT_EDIT)
        known = await self._service.one(request.match_info["fault_id"], scope)
        etags.require(request, known.fault.counter)
        order = await body(request, FaultEdit)
        end = known.fault.begin if order.taken_back else order.end
        await self._service.change(known, known.fault.counter, end, principal.user_id, scope)
        return await self._answer(known.fault.fault_id, principal, scope)

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    async def _answer(self, fault_id: str, principal: Principal, scope: Scope, status: int = 200) -> web.Response:
        known = await self._service.one(fault_id, scope)
        return reply(_document(known, principal, scope), status, headers=etags.header(known.fault.counter))


def _document(known: Known, principal: Principal, scope: Scope) -> FaultDocument:
    fault, place = known.fault, known.place
    level = "region" if place.school_code is None else "school" if place.code == place.school_code else "class"
    editable = principal.may(Permission.FAULT_EDIT) and within(place, scope) and not known.taken_back
    return FaultDocument(
        id=fault.fault_id,
        cause=fault.cause,
        scope=fault.scope,
        name=place.name,
        level=level,
        begin=fault.begin,
        end=fault.end,
        taken_back=known.taken_back,
        by=known.by,
        at=fault.at,
        editable=editable,
        version=fault.counter,
    )


def _preview(found: Sequence[Excused]) -> FaultPreview:
    return FaultPreview(
        lectures=[
            ExcusedLecture(
                lecture_id=one.lecture_id,
                title=one.title,
                started_at=one.started_at,
                classes=one.classes,
                touched=one.touched,
                excused_before=one.before,
                excused_after=one.after,
                results=[MovedResults(old=old, new=new, classes=number) for old, new, number in one.results],
            )
            for one in found
        ]
    )
