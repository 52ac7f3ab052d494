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

import struct
from collections import deque
from dataclasses import dataclass
from typing import Final

from aioice import stun

from broadcaster.transport.parameters import Credentials

Address = tuple[str, int] | tuple[str, int, int, int]

_SEEN_TRANSACTIONS: Final = 64
_HEADER: Final = struct.Struct("!HHI")
_ATTRIBUTE: Final = struct.Struct("!HH")
_FINGERPRINT: Final = struct.Struct("!HHI")
_BINDING_REQUEST: Final = 0x0001
_BINDING_RESPONSE: Final = 0x0101
_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_XOR_MAPPED_ADDRESS: Final = 0x0020
_FINGERPRINT_TYPE: Final = 0x8028
# What aioice's parser raises on malformed input besides ValueError; found by fuzzing it.
_PARSER_ERRORS: Final = (ValueError, struct.error, IndexError, KeyError, TypeError, OverflowError)


class StunError(ValueError):
    """A datagram that is not a well-formed STUN message."""


class UnexpectedStun(StunError):
    """Well-formed, but not a binding request."""


class Unauthenticated(StunError):
    """A binding request without the credentials of this session."""


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


def local_ufrag(data: bytes) -> str:
    """Return our half of the USERNAME of a binding request, at little cost: floods end here.

    Raises `UnexpectedStun` for other messages, `Unauthenticated` without USERNAME, `StunError` for malformed ones.
    """
    if len(data) < stun.HEADER_LENGTH:
        raise StunError(f"STUN message of {len(data)} bytes")
    kind, length, cookie = _HEADER.unpack_from(data)
    if cookie != stun.COOKIE or length != len(data) - stun.HEADER_LENGTH or length % 4:
        raise StunError("STUN header with a wrong cookie or length")
    if kind != _BINDING_REQUEST:
        raise UnexpectedStun(f"STUN message of type {kind:#06x}")
    position = stun.HEADER_LENGTH
    while position + 4 <= len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        if attribute == _USERNAME:
            return data[position + 4 : position + 4 + size].partition(b":")[0].decode("ascii", "replace")
        position += 4 + size + -size % 4
    raise Unauthenticated("binding request without USERNAME")


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
        try:
            message = stun.parse_message(data)
        except _PARSER_ERRORS as error:
            raise StunError(f"malformed STUN: {error}") from error
        username = message.attributes.get("USERNAME")
        for local, remote in self._pairs():
            if username == f"{local.ufrag}:{remote.ufrag}" and message.check_message_integrity(local.pwd.encode()):
                return Check(message.transaction_id, "USE-CANDIDATE" in message.attributes, local)
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
    """The success response to a check: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT (RFC 8445 section 7.3.1.2).

    Put together by hand: aioice's `Message` packs every attribute four times, and each idle viewer asks every 2.5 s.
    """
    mapped = stun.pack_xor_address((address[0].partition("%")[0], address[1]), check.transaction)
    size = _ATTRIBUTE.size + len(mapped) + stun.INTEGRITY_LENGTH + stun.FINGERPRINT_LENGTH
    message = _HEADER.pack(_BINDING_RESPONSE, size, stun.COOKIE) + check.transaction
    message += _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    digest = stun.message_integrity(message, check.credentials.pwd.encode())
    message += _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, len(digest)) + digest
    return message + _FINGERPRINT.pack(_FINGERPRINT_TYPE, 4, stun.message_fingerprint(message))
