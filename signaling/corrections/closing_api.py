"""`/api/v1/term-closings`: closing the books of a term, and opening them again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.corrections.closing_service import Books, ClosingService
from signaling.corrections.documents import Said
from signaling.directory.documents import Order
from signaling.directory.models import Term
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.directory.terms_service import TermsService

BooksState = Literal["open", "closed", "reopened"]


class ClosingOrder(Order):
    """Whether the books of a term are closed; who opens them again says why."""

    closed: bool
    reason: Said = ""


class BooksDocument(BaseModel):
    """How the books of a term stand for a county unit or the prefecture; `waiting` corrections are not decided any more when they close."""

    region: str
    term: str
    state: BooksState
    waiting: int
    version: int


class ClosingRow(BaseModel):
    """That a term was closed or opened again."""

    number: int
    region: str
    term: str
    closed: bool
    reason: str
    by: str
    at: datetime


class ClosingList(BaseModel):
    """All of them that concern the caller, the newest first: of a county unit its own or the prefecture's counts, whichever is newer."""

    items: list[ClosingRow]


def routes(
    auth: AuthService,
    directory: DirectoryService,
    terms: TermsService,
    closing: ClosingService,
    today: Callable[[], date],
) -> list[web.RouteDef]:
    """Return the routes."""
    api = ClosingApi(auth, directory, terms, closing, today)
    one = "/api/v1/terms/{region}/{term}/books"
    return [web.get("/api/v1/term-closings", api.listing), web.get(one, api.read), web.put(one, api.put)]


class ClosingApi:
    """The handlers. A county unit closes its own books; only the prefecture opens books again."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        terms: TermsService,
        closing: ClosingService,
        today: Callable[[], date],
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._terms = terms
        self._closing = closing
        self._today = today

    @operation("List what was closed and opened again", answer=ClosingList)
    async def listing(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.DIRECTORY_READ)
        regions = await self._visible(await self._directory.scope(principal.node))
        rows = await self._closing.history(regions)
        names = ("number", "term", "closed", "reason", "at")
        items = [
            ClosingRow.model_validate(
                {name: getattr(row, name) for name in names} | {"region": row.region_code, "by": by}
            )
            for row, by in rows
        ]
        return reply(ClosingList(items=items))

    @operation("Tell how the books of a term stand", answer=BooksDocument)
    async def read(self, request: web.Request) -> web.Response:
        _, _, region, term = await self._found(request, Permission.DIRECTORY_READ)
        return await self._answer(region, term, await self._closing.books(region, term.code))

    @operation(
        "Close the books of a term, or open them again with a reason; 409 `already_so`",
        body=ClosingOrder,
        answer=BooksDocument,
        if_match=True,
    )
    async def put(self, request: web.Request) -> web.Response:
        principal, scope, region, term = await self._found(request, Permission.TERM_CLOSE)
        if not scope.includes_region(region):
            raise Problem(403, "forbidden", "the prefecture's terms are closed by the prefecture")
        order = await body(request, ClosingOrder)
        if not order.closed and not principal.may(Permission.TERM_REOPEN):
            raise Problem(403, "only_prefecture", "only the prefecture opens a closed term again")
        books = await self._closing.books(region, term.code)
        etags.require(request, books.version)
        made = await self._closing.put(region, term.code, order.closed, order.reason, principal.user_id, books.version)
        return await self._answer(region, term, made)

    async def _found(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope, str, Term]:
        principal = await self._auth.require(request, permission)
        scope = await self._directory.scope(principal.node)
        region = await self._directory.region_code(request.match_info["region"])
        if region is None or region not in await self._visible(scope):
            raise not_found("county unit")
        term = await self._term(region, request.match_info["term"])
        if term is None:
            raise not_found("term")
        return principal, scope, region, term

    async def _term(self, region: str, code: str) -> Term | None:
        """Return a term of a region, the prefecture's where it has none of its own."""
        for one in (region, *await self._tops()):
            found = await self._terms.one(one, code)
            if found is not None:
                return found
        return None

    async def _tops(self) -> list[str]:
        return [row.code for row in await self._directory.regions() if row.level == "prefecture"]

    async def _visible(self, scope: Scope) -> set[str]:
        counties = {one.code for one in await self._directory.county_nodes(scope, self._today())}
        return counties | set(await self._tops())

    async def _answer(self, region: str, term: Term, books: Books) -> web.Response:
        everywhere = region in await self._tops()
        waiting = await self._closing.waiting(None if everywhere else region, term.starts_on, term.ends_on)
        about = {"region": region, "term": term.code, "state": str(books.state)}
        told = BooksDocument.model_validate(about | {"waiting": waiting, "version": books.version})
        return reply(told, headers=etags.header(books.version))
