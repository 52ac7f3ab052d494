"""WHIP, the endpoint of publishers (RFC 9725): `POST /whip/{lecture_id}`."""

from __future__ import annotations

from aiohttp import web

from signaling.auth import opaque
from signaling.live import http
from signaling.live.redirect import refuse_elsewhere
from signaling.live.service import LiveService
from signaling.live.sessions import Direction


def routes(live: LiveService) -> list[web.AbstractRouteDef]:
    """Return the routes of publishers."""
    endpoint = Whip(live)
    resource = http.SessionResource(live, Direction.PUBLISH)
    return [web.post("/whip/{lecture_id}", http.guarded(endpoint.post)), *resource.routes()]


class Whip:
    """The endpoint."""

    def __init__(self, live: LiveService) -> None:
        self._live = live

    async def post(self, request: web.Request) -> web.Response:
        """Begin to publish: 201 with the answer, or 400, 401, 403, 406, 409, 415, 422, 429, 503."""
        live, lecture_id = self._live, request.match_info["lecture_id"]
        token = http.credential(request)
        http.charge(live.requests, opaque.digest(token), live.clock())
        right = await live.publishing.right(token, lecture_id)
        await refuse_elsewhere(live, request, lecture_id)
        offer = await http.text(request, http.SDP, live.settings.sdp.max_bytes, {"Accept-Post": http.SDP})
        return http.created(await live.publishing.publish(right, offer))
