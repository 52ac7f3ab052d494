"""A paired class screen without a browser, over HTTP: it asks what to do, watches by WHEP, reports, answers and counts heads."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from joserfc.jwk import ECKey

from tests.support.crowd import Viewer, join_one
from tests.support.devices import jwk_of
from tests.support.devices import signed as proof_of
from tests.support.platform import SAME_ORIGIN
from tests.support.witness import claims, signed


class Http(Protocol):
    """What takes paths: a session with a base URL, or the client of a test server."""

    def request(self, method: str, path: str, **sent: Any) -> Any: ...


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Paired:
    """A screen with its device token, and with a key unless its browser can make none; `clock` tells the server's Unix seconds."""

    http: Http
    base: str
    id: str
    token: str
    key: ECKey | None = None
    clock: Callable[[], float] = time.time
    told: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    counter: int = 1
    proof_nonce: str = ""

    async def post(self, tail: str, body: Any) -> tuple[int, Any]:
        """POST as the paired screen, with a proof when it has a key."""
        path = f"/api/v1/screens/{self.id}/{tail}"
        for _ in range(2):
            headers = SAME_ORIGIN | bearer(self.token)
            if self.key is not None and self.proof_nonce:
                url = self.base + path
                headers["DPoP"] = proof_of(self.key, method="POST", url=url, token=self.token, nonce=self.proof_nonce)
            async with self.http.request("POST", path, json=body, headers=headers) as answer:
                self.proof_nonce = answer.headers.get("DPoP-Nonce", "")
                status, document = answer.status, await answer.json()
            if document.get("code") not in {"proof_needed", "use_dpop_nonce"}:
                break
        return status, document

    async def sit(self) -> dict[str, Any]:
        """Ask what to do and take the first nonce."""
        status, self.told = await self.post("watch", {})
        assert status == 200, self.told
        if self.told["reporting"] is not None:
            self.nonce, self.counter = self.told["reporting"]["nonce"], 1
        return self.told

    def said(self, **changes: Any) -> dict[str, Any]:
        """Return what a report says of the minute before this one, but for what is changed."""
        broadcast, minute = self.told["reporting"]["broadcast_id"], int(self.clock()) // 60 - 1
        return claims(nonce=self.nonce, broadcast_id=broadcast, counter=self.counter, minute=minute) | changes

    def letter(self, **changes: Any) -> Any:
        """Return a report, signed by whoever has a key."""
        said = self.said(**changes)
        return said if self.key is None else signed(self.key, said)

    async def send(self, letter: Any, *, again: bool = False, token: str = "") -> tuple[int, Any]:
        """Send a report; return status and document. What was accepted brings the next nonce, and so may a refusal."""
        headers = SAME_ORIGIN | bearer(token or self.told["token"])
        body = {"report": letter, "again": again}
        async with self.http.request(
            "POST", f"/api/v1/screens/{self.id}/reports", json=body, headers=headers
        ) as answer:
            status, document = answer.status, await answer.json()
        if status == 200:
            self.nonce, self.counter = document["nonce"], self.counter + 1
        return status, document

    async def report(self, **changes: Any) -> dict[str, Any]:
        """Send a report that must be accepted."""
        status, document = await self.send(self.letter(**changes))
        assert status == 200, document
        return dict(document)


async def pair(http: Http, base: str, admin: str, class_id: str, terminal_no: int = 1) -> Paired:
    """Pair a screen with a key of its own, as its page and a school's administrator do."""
    key = ECKey.generate_key("P-256")

    async def call(method: str, path: str, token: str = "", body: Any = None) -> Any:
        headers = SAME_ORIGIN | (bearer(token) if token else {})
        sent = {} if body is None else {"json": body}
        async with http.request(method, f"/api/v1/pairings{path}", headers=headers, **sent) as answer:
            document = await answer.json()
            assert answer.status < 300, document
            return document

    offer = await call("POST", "", body={"key": jwk_of(key)})
    order = {"code": offer["code"], "class_id": class_id, "terminal_no": terminal_no}
    await call("POST", f"/{offer['id']}/confirm", admin, order)
    state = await call("GET", f"/{offer['id']}", offer["secret"])
    return Paired(http, base, state["screen_id"], state["device_token"], key)


@contextlib.asynccontextmanager
async def watching(session: aiohttp.ClientSession, screen: Paired) -> AsyncIterator[Viewer]:
    """Watch by WHEP while the block runs; whoever runs it says when the viewer acknowledges what came."""
    viewer = Viewer()
    try:
        await join_one(viewer, session, screen.told["whep_url"], screen.told["token"], media=True)
        yield viewer
    finally:
        viewer.close()
