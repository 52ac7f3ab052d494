"""The two messages of STUN that an ICE-lite agent needs: binding requests in, success responses out (RFC 8489).

Each idle viewer asks every 2.5 s, so this is written for few steps: aioice's `Message` reads and packs every attribute, several times.
`tests/broadcaster/test_transport_stun.py` compares both.
"""

from __future__ import annotations

import hmac
import socket
import struct
from binascii import crc32
from typing import Final

Address = tuple[str, int] | tuple[str, int, int, int]

# RFC 8489: sections 5 (header), 14 (attributes), 14.7 (what FINGERPRINT is XORed with).
_COOKIE: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI")
_HEADER_BYTES: Final = 20
_ATTRIBUTE: Final = struct.Struct("!HH")
_LENGTH: Final = struct.Struct("!H")
_FINGERPRINT: Final = struct.Struct("!HHI")
_FINGERPRINT_XOR: Final = 0x5354554E
_INTEGRITY_BYTES: Final = 24
_MAPPED_IPV4: Final = struct.Struct("!HHHHI")
_MAPPED_IPV6: Final = struct.Struct("!HHHH16s")
_FAMILY_IPV4: Final = 1
_FAMILY_IPV6: Final = 2
_BINDING_REQUEST: Final = 0x0001
_BINDING_RESPONSE: Final = 0x0101
_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_XOR_MAPPED_ADDRESS: Final = 0x0020
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT_TYPE: Final = 0x8028


class StunError(ValueError):
    """A datagram that is not a well-formed STUN message."""


class UnexpectedStun(StunError):
    """Well-formed, but not a binding request."""


class Unauthenticated(StunError):
    """A binding request without the credentials of this session."""


def local_ufrag(data: bytes) -> str:
    """Return our half of the USERNAME of a binding request, at little cost: floods end here.

    Raises `UnexpectedStun` for other messages, `Unauthenticated` without USERNAME, `StunError` for malformed ones.
    """
    if len(data) < _HEADER_BYTES:
        raise StunError(f"STUN message of {len(data)} bytes")
    kind, length, cookie = _HEADER.unpack_from(data)
    if cookie != _COOKIE or length != len(data) - _HEADER_BYTES or length % 4:
        raise StunError("STUN header with a wrong cookie or length")
    if kind != _BINDING_REQUEST:
        raise UnexpectedStun(f"STUN message of type {kind:#06x}")
    position = _HEADER_BYTES
    while position + 4 <= len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        if attribute == _USERNAME:
            return data[position + 4 : position + 4 + size].partition(b":")[0].decode("ascii", "replace")
        position += 4 + size + -size % 4
    raise Unauthenticated("binding request without USERNAME")


class Request:
    """What a binding request says of its sender. `signed` is where MESSAGE-INTEGRITY begins, 0 without."""

    __slots__ = ("nominates", "signature", "signed", "transaction", "username")

    def __init__(self, transaction: bytes) -> None:
        self.transaction = transaction
        self.username = self.signature = b""
        self.nominates = False
        self.signed = 0

    def is_signed(self, data: bytes, pwd: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with `pwd` (RFC 8489 section 14.5)."""
        return self.signed > 0 and hmac.compare_digest(self.signature, _integrity(data[: self.signed], pwd))


def read_request(data: bytes) -> Request:
    """Read a binding request in one walk over its attributes. Raises `StunError`.

    What stands behind MESSAGE-INTEGRITY does not count, but for FINGERPRINT (RFC 8489 section 14.5). Attributes that no rule of
    `ice.py` depends on are not looked at.
    """
    position, size = _HEADER_BYTES, len(data)
    if size < _HEADER_BYTES or size != _HEADER_BYTES + _LENGTH.unpack_from(data, 2)[0]:
        raise StunError("STUN message of a wrong length")
    request = Request(data[8:_HEADER_BYTES])
    while position + 4 <= size:
        attribute, length = _ATTRIBUTE.unpack_from(data, position)
        value = data[position + 4 : position + 4 + length]
        if attribute == _FINGERPRINT_TYPE:
            if value != _fingerprint(data[:position]):
                raise StunError("malformed STUN: the fingerprint does not match")
        elif request.signed:
            pass
        elif attribute == _USERNAME:
            request.username = value
        elif attribute == _USE_CANDIDATE:
            request.nominates = True
        elif attribute == _MESSAGE_INTEGRITY:
            request.signed, request.signature = position, value
        position += 4 + length + -length % 4
    return request


def _integrity(message: bytes, pwd: str) -> bytes:
    """MESSAGE-INTEGRITY of what stands before it: the length in the header already counts it (RFC 8489 section 14.5)."""
    length = _LENGTH.pack(len(message) - _HEADER_BYTES + _INTEGRITY_BYTES)
    return hmac.digest(pwd.encode(), message[:2] + length + message[4:], "sha1")


def _fingerprint(message: bytes) -> bytes:
    """FINGERPRINT of what stands before it (RFC 8489 section 14.7)."""
    length = _LENGTH.pack(len(message) - _HEADER_BYTES + _FINGERPRINT.size)
    return (crc32(message[:2] + length + message[4:]) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def write_response(transaction: bytes, pwd: str, address: Address) -> bytes:
    """Return a success response: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT (RFC 8445 section 7.3.1.2)."""
    mapped = _mapped(address, transaction)
    size = len(mapped) + _INTEGRITY_BYTES + _FINGERPRINT.size
    message = _HEADER.pack(_BINDING_RESPONSE, size, _COOKIE) + transaction + mapped
    digest = _integrity(message, pwd)
    message += _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, len(digest)) + digest
    return message + _ATTRIBUTE.pack(_FINGERPRINT_TYPE, 4) + _fingerprint(message)


def _mapped(address: Address, transaction: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    host, port = address[0].partition("%")[0], address[1] ^ _COOKIE >> 16
    if ":" not in host:
        number = int.from_bytes(socket.inet_aton(host), "big") ^ _COOKIE
        return _MAPPED_IPV4.pack(_XOR_MAPPED_ADDRESS, 8, _FAMILY_IPV4, port, number)
    number = int.from_bytes(socket.inet_pton(socket.AF_INET6, host), "big")
    number ^= int.from_bytes(_COOKIE.to_bytes(4, "big") + transaction, "big")
    return _MAPPED_IPV6.pack(_XOR_MAPPED_ADDRESS, 20, _FAMILY_IPV6, port, number.to_bytes(16, "big"))
