"""A classroom's browser with a key: it signs its requests as the class screen does (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp.test_utils import TestClient
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from tests.support.platform import SAME_ORIGIN

OURS: Final = object()


def jwk_of(key: ECKey) -> dict[str, Any]:
    """Return the public part of a key as the pages send it."""
    public = key.as_dict(private=False)
    return {name: public[name] for name in ("kty", "crv", "x", "y")}


def signed(
    key: ECKey | OctKey,
    *,
    method: str,
    url: str,
    token: str,
    nonce: Any,
    shown: Any = OURS,
    typ: str | None = "dpop+jwt",
    alg: str = "ES256",
    **claims: Any,
) -> str:
    """Return a proof; `shown` is the key in its header, `claims` replace what a good one says."""
    digest = hashlib.sha256(token.encode()).digest()
    ath = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    said = {"htm": method, "htu": url, "iat": 1, "jti": secrets.token_urlsafe(12), "ath": ath, "nonce": nonce} | claims
    if shown is OURS:
        shown = jwk_of(key) if isinstance(key, ECKey) and alg == "ES256" else key.as_dict(private=False)
    header = {"alg": alg, "jwk": shown} | ({} if typ is None else {"typ": typ})
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.header_registry.pop("jwk", None)  # a test may show what is no key
    return jws.serialize_compact(header, json.dumps(said).encode(), key, [alg], registry=registry)


@dataclass
class Device:
    """A paired screen's browser."""

    client: TestClient[Any, Any]
    screen_id: str
    token: str
    key: ECKey
    nonce: str = ""
    shown: Any = field(default=OURS)

    @property
    def path(self) -> str:
        return f"/api/v1/screens/{self.screen_id}/watch"

    def proof(self, **changes: Any) -> str:
        """Return a good proof for `watch`, but for what is changed."""
        url = str(self.client.make_url(self.path))
        said = {"method": "POST", "url": url, "token": self.token, "nonce": self.nonce, "shown": self.shown}
        return signed(self.key, **said | changes)

    async def ask(self, proof: Any = OURS) -> tuple[int, Any]:
        """Ask what to do; return status and document."""
        shown = self.proof() if proof is OURS else proof
        headers = SAME_ORIGIN | {"Authorization": f"Bearer {self.token}"} | ({} if shown is None else {"DPoP": shown})
        answer = await self.client.post(self.path, headers=headers)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer.status, await answer.json()

    async def watch(self, proof: Any = OURS) -> tuple[int, str | None]:
        """Ask what to do; return status and the code of a refusal."""
        status, document = await self.ask(proof)
        return status, document["code"] if status >= 400 else None
