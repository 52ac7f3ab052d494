"""The gate of `/api/v1/screens/{screen_id}/…`: what a paired screen must show with every request.

1. The device token alone, when its browser could make no key; **token and proof when it has one**: a screen that once had a key gets
   back to the token alone by being paired again, and in no other way.
2. A refusal names its reason (`proof_needed`, `use_dpop_nonce`, `bad_proof`) and brings a nonce, so that the next try can be right.
3. A check takes some 0.3 ms and is done where it is asked for: a thread would cost as much as it saves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from signaling.api import proxy
from signaling.api.problems import Problem
from signaling.api.security import EXTRA_HEADERS
from signaling.auth import opaque
from signaling.db.base import utc_now
from signaling.directory.listed import ScreenInfo
from signaling.live.http import credential
from signaling.live.publishing import unauthorized
from signaling.screens.proofs import ALGORITHM, Asked, BadProof, Proofs, StaleNonce

PROOF: Final = "DPoP"
NONCE: Final = "DPoP-Nonce"

Charge = Callable[[str], None]
"""Counts a request of a credential; raises 429 `too_many_requests`."""


class Screens(Protocol):
    """The directory of paired screens (`signaling.directory.service.DirectoryService`)."""

    async def screen_by_device(self, screen_id: str, device_token: str) -> ScreenInfo | None: ...


class ScreenGate:
    """Lets the paired screen in that the address names."""

    def __init__(
        self, screens: Screens, proofs: Proofs, charge: Charge, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._screens = screens
        self._proofs = proofs
        self._charge = charge
        self._clock = clock

    async def admit(self, request: web.Request, free: bool = False) -> ScreenInfo:
        """Return the screen that asks; raise 401, or 429 unless the request is free."""
        token = credential(request)
        if not free:
            self._charge(opaque.digest(token))
        screen = None
        if token.startswith(opaque.DEVICE_TOKEN):
            screen = await self._screens.screen_by_device(request.match_info["screen_id"], token)
        if screen is None:
            raise unauthorized("bad_device", "this screen is not paired with that token")
        if screen.key is not None:
            self._prove(request, token, screen.key)
        return screen

    def _prove(self, request: web.Request, token: str, bound: str) -> None:
        now = self._clock().timestamp()
        nonce = {NONCE: self._proofs.nonce(now)}
        request[EXTRA_HEADERS] = nonce
        proofs = request.headers.getall(PROOF, [])
        if not proofs:
            raise _refused("proof_needed", "sign this request with the screen's key (RFC 9449)", nonce)
        try:
            if len(proofs) > 1:
                raise BadProof("more than one proof")
            self._proofs.check(proofs[0], bound, Asked(request.method, _addresses(request), token), now)
        except StaleNonce as error:
            raise _refused("use_dpop_nonce", str(error), nonce) from None
        except BadProof as error:
            raise _refused("bad_proof", str(error), nonce) from None


def _addresses(request: web.Request) -> set[str]:
    """Return how this address may be written: a proxy that nobody told us of may have ended its TLS."""
    path, asked = request.rel_url.raw_path, proxy.client(request)
    origins = {proxy.origin(request), f"{asked.scheme}://{asked.host}", f"https://{asked.host}"}
    return {origin + path for origin in origins}


def _refused(code: str, title: str, nonce: dict[str, str]) -> Problem:
    error = "use_dpop_nonce" if code != "bad_proof" else "invalid_dpop_proof"
    challenge = f'DPoP error="{error}", algs="{ALGORITHM}"'
    return Problem(401, code, title, headers=nonce | {"WWW-Authenticate": challenge})
