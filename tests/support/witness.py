"""A class screen that reports what it shows, without a browser: honest unless it is told otherwise."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.kinds import Kind
from signaling.presence.claims import TYPE
from signaling.presence.ports import KINDS
from tests.support.devices import jwk_of


def claims(**changes: Any) -> dict[str, Any]:
    """Return the members of a report about a minute that was shown whole, with sound."""
    said = {
        "nonce": "",
        "broadcast_id": "",
        "counter": 1,
        "minute": 0,
        "rendered_ms": 60_000,
        "media_ms": 60_000,
        "visible_ms": 60_000,
        "audible_ms": 60_000,
        "frames": 900,
        "volume": 1,
        "muted": False,
        "blocked": False,
        "path": "webrtc",
    }
    return said | changes


def signed(key: ECKey, said: dict[str, Any], *, typ: str = TYPE, shown: Any = None) -> str:
    """Return a report as a compact JWS; `shown` is the key in its header."""
    header = {"alg": "ES256", "typ": typ, "jwk": jwk_of(key) if shown is None else shown}
    return jws.serialize_compact(header, json.dumps(said).encode(), key, ["ES256"])


@dataclass
class Pages:
    """A ledger in memory; while it is `shut` it takes nothing."""

    written: list[tuple[str, str, Any]] = field(default_factory=list)
    shut: bool = False

    async def record(self, lecture_id: str, broadcast_id: str, fact: Any) -> None:
        if self.shut:
            raise LedgerUnavailable("shut")
        self.written.append((lecture_id, broadcast_id, fact))

    async def evidence(self, lecture_id: str, kinds: Collection[Kind] = KINDS) -> AsyncIterator[Any]:
        for lecture, _, fact in list(self.written):
            if lecture == lecture_id and fact.kind in kinds:
                yield fact

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the facts of a kind."""
        return [fact for _, _, fact in self.written if isinstance(fact, kind)]
