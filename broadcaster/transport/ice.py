"""An ICE-lite agent without a socket or a clock (RFC 8445 sections 2.5 and 7.3; RFC 8489).

It authenticates binding requests, answers them and decides where media goes. The rules:

1. **Only an authenticated binding request makes an address known.** Whatever else comes from an unknown address is dropped
   by the port before it gets here. Nothing unauthenticated is answered, so nothing can be reflected.
2. The first authenticated request sets the path.
3. It moves later **only** on USE-CANDIDATE in a transaction not seen before, or when the path was silent for `path_silence`
   seconds and another *known* address carries valid SRTP. The second way is for a peer that does not nominate again, as after
   a NAT rebinding: its plain checks from the new mapping make the address known, its media then proves that it is used.
   An unknown address is not believed even with valid SRTP: SRTP authenticates the packet, not where it was sent from, so
   whoever held a packet back could send it from his own address and divert the path.
   Backup checks on other pairs (no USE-CANDIDATE, no media) move nothing, so the path does not flap.
4. **A copy of a request makes no address known**: a transaction that was seen is answered where it was seen (it is a
   retransmission) and refused elsewhere. Who can hold a request back and send it himself is on the path already.
5. After an ICE restart the old credentials hold until the first check with the new ones.
6. At most `max_links` addresses are known; the one unheard for longest is forgotten, never the path.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from broadcaster.transport.parameters import Credentials
from broadcaster.transport.stun import (
    Address,
    StunError,
    Unauthenticated,
    UnexpectedStun,
    local_ufrag,
    read_request,
    write_response,
)

__all__ = [
    "Accepted", "Address", "Check", "IceLite", "Link", "Replayed", "StunError", "Unauthenticated", "UnexpectedStun",
    "local_ufrag", "response",
]  # fmt: skip

_SEEN_TRANSACTIONS: Final = 64


class Replayed(StunError):
    """A copy of an authenticated binding request from an address that did not send it."""


class Link:
    """A known address of the peer, seen from one local socket. `heard` is when it last proved itself."""

    __slots__ = ("address", "heard", "local")

    def __init__(self, local: object, address: Address, heard: float) -> None:
        self.local = local
        self.address = address
        self.heard = heard

    def __repr__(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"


@dataclass(frozen=True, slots=True)
class Check:
    """An authenticated binding request."""

    transaction: bytes
    nominates: bool
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a check led to: whether the path moved, which address is forgotten and which user name ends."""

    moved: bool
    forgotten: Link | None = None
    retired: str | None = None


class IceLite:
    """The agent of one session."""

    __slots__ = ("_links", "_max_links", "_path_silence", "_pending", "_remote", "_seen", "last_check", "local", "path")

    def __init__(self, local: Credentials, remote: Credentials, *, path_silence: float, max_links: int) -> None:
        self.local = local
        self.path: Link | None = None
        self.last_check: float | None = None
        self._remote = remote
        self._pending: tuple[Credentials, Credentials] | None = None
        self._path_silence = path_silence
        self._max_links = max_links
        self._links: dict[tuple[object, Address], Link] = {}
        self._seen: deque[bytes] = deque(maxlen=_SEEN_TRANSACTIONS)

    @property
    def links(self) -> tuple[Link, ...]:
        """Every known address."""
        return tuple(self._links.values())

    @property
    def ufrags(self) -> tuple[str, ...]:
        """Our user name fragments that are valid now: one, or two during a restart."""
        return (self.local.ufrag,) if self._pending is None else (self.local.ufrag, self._pending[0].ufrag)

    def restart(self, local: Credentials, remote: Credentials) -> str | None:
        """Offer new credentials (RFC 8445 section 9); return the user name of an unfinished restart that this one replaces."""
        replaced = None if self._pending is None else self._pending[0].ufrag
        self._pending = (local, remote)
        return replaced

    def is_remote(self, credentials: Credentials) -> bool:
        """Whether `credentials` are the peer's present ones, so that a fragment trickles rather than restarts."""
        return credentials == (self._remote if self._pending is None else self._pending[1])

    def authenticate(self, data: bytes) -> Check:
        """Return the check in `data`. Raises `StunError` or `Unauthenticated`."""
        request = read_request(data)
        for local, remote in self._pairs():
            if request.username == f"{local.ufrag}:{remote.ufrag}".encode() and request.is_signed(data, local.pwd):
                return Check(request.transaction, request.nominates, local)
        raise Unauthenticated("wrong user name or MESSAGE-INTEGRITY")

    def accept(self, check: Check, local: object, address: Address, now: float) -> tuple[Link, Accepted]:
        """Take an authenticated check from `address`, and apply the rules at the head of this file. Raises `Replayed`."""
        link = self._links.get((local, address))
        fresh = check.transaction not in self._seen
        if fresh:
            self._seen.append(check.transaction)
        elif link is None:
            raise Replayed("a binding request that came from another address before")
        self.last_check = now
        retired = self._retire(check)
        forgotten = None
        if link is None:
            forgotten = self._make_room()
            link = self._links[local, address] = Link(local, address, now)
        link.heard = now
        return link, Accepted(self._nominate(link, fresh and check.nominates), forgotten, retired)

    def heard_media(self, link: Link, now: float) -> bool:
        """Note valid SRTP from a known address; return whether the path moved to it."""
        link.heard = now
        if self.path is None or link is self.path or now - self.path.heard < self._path_silence:
            return False
        self.path = link
        return True

    def _pairs(self) -> tuple[tuple[Credentials, Credentials], ...]:
        present = (self.local, self._remote)
        return (present,) if self._pending is None else (self._pending, present)

    def _retire(self, check: Check) -> str | None:
        if self._pending is None or check.credentials is not self._pending[0]:
            return None
        old = self.local.ufrag
        self.local, self._remote = self._pending
        self._pending = None
        return old

    def _nominate(self, link: Link, nominated: bool) -> bool:
        if self.path is link or (self.path is not None and not nominated):
            return False
        self.path = link
        return True

    def _make_room(self) -> Link | None:
        if len(self._links) < self._max_links:
            return None
        others = (entry for entry in self._links.items() if entry[1] is not self.path)
        key, link = min(others, key=lambda entry: entry[1].heard)
        del self._links[key]
        return link


def response(check: Check, address: Address) -> bytes:
    """Return the success response to a check that came from `address`."""
    return write_response(check.transaction, check.credentials.pwd, address)
