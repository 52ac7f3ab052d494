"""The house of `tests.support.live` behind HTTP: the same middlewares, routes and realtime server as the composition root joins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from signaling.api.errors import problems
from signaling.api.proxy import PROXIES, Proxies, origin
from signaling.api.security import add_headers, csrf
from signaling.attendance.decisions_service import DecisionsService
from signaling.attendance.policies_service import PoliciesService
from signaling.attendance.reports_service import ReportsService
from signaling.auth import opaque
from signaling.auth.service import AuthService
from signaling.auth.tokens import MONITOR
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.ledger.service import LedgerService
from signaling.live import api, whep, whip
from signaling.live.http import charge
from signaling.presence import api as presence_api
from signaling.presence import headcount_api
from signaling.presence.book import Book
from signaling.presence.service import PresenceService
from signaling.realtime.server import Realtime
from signaling.screens import watch_api
from signaling.screens.gate import ScreenGate
from signaling.screens.proofs import Proofs
from signaling.screens.sightings_service import SightingsService
from signaling.wall import api as wall_api
from signaling.wall.keeper import Wall
from tests.support.live import House, house
from tests.support.peer import Exchange

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Site:
    """A served house."""

    home: House
    client: TestClient[web.Request, web.Application]
    auth: AuthService
    realtime: Realtime
    presence: PresenceService
    ledger: LedgerService
    wall: Wall

    @property
    def url(self) -> str:
        return str(self.client.make_url("")).rstrip("/")

    async def token(self, direction: str) -> str:
        """Return a good credential of one direction."""
        return await self.home.ticket() if direction == "whip" else self.home.watch()

    async def post(
        self, direction: str, offer: str, token: str, lecture_id: str = "", **headers: str
    ) -> ClientResponse:
        """POST an offer."""
        path = f"/{direction}/{lecture_id or self.home.lecture_id}"
        return await self.client.post(path, data=offer, headers={**SDP, **bearer(token), **headers})

    def exchange(self, direction: str, token: str, locations: list[str] | None = None) -> Exchange:
        """Return what a peer needs to connect: offer to answer over HTTP."""

        async def send(offer: str) -> str:
            response = await self.post(direction, offer, token)
            assert response.status == 201, await response.text()
            if locations is not None:
                locations.append(response.headers["Location"])
            return await response.text()

        return send

    async def login(self, user: str) -> dict[str, str]:
        """Return the Authorization header of a program that acts as a user."""
        token = opaque.mint(opaque.API_TOKEN)
        await self.auth.keep_api_token(token, user, "test")
        return bearer(token)

    async def cookie(self, user: str) -> dict[str, str]:
        """Return the Cookie header of a logged-in user."""
        invitation = opaque.mint(opaque.INVITATION)
        until = self.home.hands.wall() + timedelta(hours=1)
        await self.auth.invitations.keep(invitation, user, self.home.lecture_id, until)
        logged_in = await self.auth.invitations.accept(invitation)
        return {"Cookie": f"jt_login={logged_in.token}"}

    async def order(self, event: str, user: str = "admin") -> tuple[int, Any]:
        """POST an event of the lecture; return status and document."""
        path = f"/api/v1/lectures/{self.home.lecture_id}/{event}"
        response = await self.client.post(path, headers=await self.login(user))
        return response.status, await response.json()

    def monitor(self) -> str:
        """Return a monitor's watch token."""
        return self.home.live.watch_token(MONITOR, self.home.lecture_id)


@asynccontextmanager
async def site(
    tmp_path: Path, *, real: bool = True, overrides: dict[str, dict[str, object]] | None = None, autostart: bool = False
) -> AsyncIterator[Site]:
    """Yield a served house."""
    async with house(tmp_path, real=real, overrides=overrides, autostart=autostart) as home:
        auth = AuthService(home.db, home.settings.auth, clock=home.hands.wall)
        access = Access(auth, home.lectures)
        documents = LectureDocuments(home.lectures, home.live.facts, "boot")
        home.live.document = documents.of
        await home.live.stop()
        realtime = Realtime(
            home.settings,
            home.live,
            identify=auth.principal,
            may_read=access.may_read,
            document=documents.of,
            origin=origin,
        )
        ledger = LedgerService(
            home.db, home.settings.ledger, node="node", boot="boot", data_dir=tmp_path, zone=UTC, clock=home.hands.wall
        )
        presence = presence_of(home, ledger)
        presence.checking.push = realtime.pushes.challenge
        home.live.listeners.append(presence.handle)
        await home.live.start()
        await ledger.start()
        await presence.start()
        wall = _wall(home, ledger, presence, realtime)
        app = _application(home, auth, access, realtime, presence)
        app.add_routes(wall_api.routes(wall, access))
        server = TestServer(app)
        await server.start_server(shutdown_timeout=0.1)  # a client that polls would hold it for the whole poll
        async with TestClient(server) as client:
            await realtime.start()
            wall.start()
            try:
                yield Site(home, client, auth, realtime, presence, ledger, wall)
            finally:
                await wall.stop()
                await realtime.stop()
                await presence.stop()
                await ledger.stop()
                auth.close()


def _gate(home: House) -> ScreenGate:
    def count(credential: str) -> None:
        charge(home.live.requests, credential, home.live.clock())

    limits = home.settings.screens
    proofs = Proofs(b"key", limits.nonce_seconds, limits.proofs_remembered)
    return ScreenGate(home.directory, proofs, count, home.hands.wall)


def presence_of(home: House, ledger: LedgerService) -> PresenceService:
    """Return what takes evidence from the screens of a house; another one over the same ledger is a server that was restarted."""
    return PresenceService(
        home.settings.presence,
        Book(ledger),
        home.live.broadcasts,
        home.lectures,
        home.live.viewers,
        PoliciesService(home.settings.attendance, ledger, DecisionsService(home.db)).credit,
        key=b"presence",
        boot_id="boot",
        clock=home.hands.wall,
    )


def _wall(home: House, ledger: LedgerService, presence: PresenceService, realtime: Realtime) -> Wall:
    reports = ReportsService(home.db, home.settings.attendance, ledger, home.hands.wall)
    wall = Wall(
        home.live,
        presence,
        reports.reached,
        home.directory.scope,
        share=reports.render_share(),
        seconds=home.settings.realtime.board_push_seconds,
        wall=home.hands.wall,
    )
    wall.watched = realtime.peers.boards
    wall.push = realtime.pushes.evidence
    return wall


def _application(
    home: House, auth: AuthService, access: Access, realtime: Realtime, presence: PresenceService
) -> web.Application:
    gate = _gate(home)
    app = web.Application(middlewares=[problems, csrf])
    app[PROXIES] = Proxies(home.settings.http.trusted_proxies, home.settings.http.public_url)
    app.on_response_prepare.append(add_headers)
    app.add_routes(api.routes(home.live, access.guard, home.directory.scope))
    app.add_routes(watch_api.routes(home.live, gate, SightingsService(home.db, 100, home.hands.wall), presence))
    app.add_routes(presence_api.routes(presence, home.live.watching, gate))
    app.add_routes(headcount_api.routes(auth, access, home.directory, home.lectures, presence))
    app.add_routes(whip.routes(home.live))
    app.add_routes(whep.routes(home.live))
    realtime.attach(app)
    return app
