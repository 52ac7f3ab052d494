"""The only module that touches private names of aiortc and pylibsrtp.

**Every private name used here is checked by `tests/broadcaster/test_transport_contract.py`**, which fails loudly when an
upgrade moves one. What is used, and why:

* `RTCCertificate._create_ssl_context` makes a context for every connection; `SharedCertificate` makes one for all.
* `pylibsrtp.Session._srtp` and `pylibsrtp._binding`: sealing without an allocation, and addresses for a fan-out written in C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    SRTPProtectionProfile,
)
from OpenSSL import SSL
from pylibsrtp import ERRORS, Session
from pylibsrtp._binding import ffi, lib

# AES-128-GCM first: half the cost of AES-256-GCM without AES-NI, and no separate HMAC.
PROFILES: Final[list[SRTPProtectionProfile]] = [
    profile
    for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
    if profile in SRTP_PROFILES
]
_ffi, _lib = cast(Any, ffi), cast(Any, lib)
_BUFFER_BYTES: Final = 2048
_TRAILER_BYTES: Final = 148  # SRTP_MAX_TRAILER_LEN and the SRTCP index


class SealError(ValueError):
    """A packet that libsrtp does not protect: malformed, too long, or 2^15 and more packets late."""


class SharedCertificate(RTCCertificate):
    """A certificate with one OpenSSL context for all connections, without a session cache."""

    _context: SSL.Context | None = None

    def context(self) -> SSL.Context:
        """The context, which offers our profiles, asks for a certificate and takes any: who announced it checks it."""
        if self._context is None:
            context = self._create_ssl_context(PROFILES)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # the buffers of an idle connection are given back
            context.set_options(SSL.OP_NO_RENEGOTIATION)
            self._context = context
        return self._context


class Sealer:
    """libsrtp's protect functions on one buffer: a third cheaper than `Session.protect`, which allocates for every packet.

    Not for use by two threads.
    """

    __slots__ = ("_buffer", "_length", "_view")

    def __init__(self) -> None:
        self._buffer = _ffi.new(f"char[{_BUFFER_BYTES}]")
        self._view = _ffi.buffer(self._buffer)
        self._length = _ffi.new("int *")

    def rtp(self, session: Session, packet: bytes) -> bytes:
        """Return the SRTP packet. Raises `SealError`."""
        return self._run(_lib.srtp_protect, session, packet)

    def rtcp(self, session: Session, compound: bytes) -> bytes:
        """Return the SRTCP packet. Raises `SealError`."""
        return self._run(_lib.srtp_protect_rtcp, session, compound)

    def _run(self, protect: Callable[[Any, Any, Any], int], session: Session, plain: bytes) -> bytes:
        size = len(plain)
        if size > _BUFFER_BYTES - _TRAILER_BYTES:
            raise SealError(f"libsrtp refuses the packet: {size} bytes are too long")
        self._view[:size] = plain
        self._length[0] = size
        status = protect(session._srtp[0], self._buffer, self._length)
        if status:
            raise SealError(f"libsrtp refuses the packet: {ERRORS[status]}")
        return cast(bytes, self._view[: self._length[0]])


def session_address(session: Session) -> int:
    """The address of libsrtp's context (`srtp_t`), for code that calls libsrtp without Python."""
    return int(_ffi.cast("uintptr_t", session._srtp[0]))


def function_address(name: str) -> int:
    """The address of a function of the libsrtp that pylibsrtp is linked with, for instance `srtp_protect`."""
    return int(_ffi.cast("uintptr_t", _ffi.addressof(_lib, name)))
