"""`POST /api/v1/home/visits`: the page behind a class's link asks what there is to see. No login, no name, no telephone number."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.proxy import client
from signaling.auth import cookies
from signaling.home import documents as shown
from signaling.home.visits import Guest, Visits
from signaling.library.cookies import set_watch

KEPT: Final = "jt_home"
KEPT_SECONDS: Final = 180 * 86_400
"""A term: the same browser is the same household at the lectures of one class."""


def routes(visits: Visits) -> list[web.RouteDef]:
    """Return the route."""
    return [web.post("/api/v1/home/visits", VisitApi(visits).visit)]


class VisitApi:
    """The handler."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    @operation(
        "Show a link; 404 `no_such_link`, 410 `link_replaced`, 409 `class_full`, 429 `too_many_new`, 503 `home_busy`",
        body=shown.VisitOrder,
        answer=shown.VisitDocument,
    )
    async def visit(self, request: web.Request) -> web.Response:
        order = await body(request, shown.VisitOrder)
        kept = cookies.read(request, KEPT), order.household
        made = await self._visits.visit(Guest(order.code, kept, client(request).remote))
        response = reply(made.document)
        if made.token is not None:
            cookies.put(response, request, KEPT, made.token, KEPT_SECONDS)
        if made.document.watch is not None:
            watch = made.document.watch
            set_watch(request, response, made.lecture_id, watch.token, watch.expires_in)
        return response
