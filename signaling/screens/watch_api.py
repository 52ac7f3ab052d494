"""`POST /api/v1/screens/{screen_id}/watch`: what a paired screen should do now."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.library.cookies import set_watch
from signaling.live.schemas import WatchDocument
from signaling.live.service import LiveService
from signaling.presence.documents import SeatDocument
from signaling.screens.documents import WatchOrder
from signaling.screens.gate import ScreenGate
from signaling.screens.sightings_service import SightingsService


class Seats(Protocol):
    """What tells a screen about its own evidence (`signaling.presence.service.PresenceService`)."""

    def seat(self, screen_id: str, thumbprint: str | None, class_id: str, lecture_id: str | None) -> dict[str, Any]: ...


def routes(
    live: LiveService, gate: ScreenGate, sightings: SightingsService, seats: Seats | None = None
) -> list[web.RouteDef]:
    """Return the route."""
    return [web.post("/api/v1/screens/{screen_id}/watch", WatchApi(live, gate, sightings, seats).watch)]


class SeatedDocument(WatchDocument, SeatDocument):
    """What a screen should do now, and how it reports what it shows."""


class WatchApi:
    """The handler."""

    def __init__(
        self, live: LiveService, gate: ScreenGate, sightings: SightingsService, seats: Seats | None = None
    ) -> None:
        self._live = live
        self._gate = gate
        self._sightings = sightings
        self._seats = seats

    @operation(
        "Tell a screen what to do, also when nothing is on; 401 bad_device, proof_needed, use_dpop_nonce, bad_proof",
        body=WatchOrder,
        optional=True,
        answer=SeatedDocument,
    )
    async def watch(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        order = await body(request, WatchOrder) if request.body_exists else WatchOrder()
        await self._sightings.seen(screen.id, request.headers.get("User-Agent", ""), order.capability)
        document = await self._live.watching.answer(screen, self._live.boot_id)
        if self._seats is not None:
            document |= self._seats.seat(screen.id, screen.key, screen.class_id, document["lecture_id"])
        response = reply(document)
        if document["token"] is not None:
            set_watch(request, response, document["lecture_id"], document["token"], document["expires_in"])
        return response
