"""The only module that touches private names of aiortc and pylibsrtp.

**Every private name used here is checked by `tests/broadcaster/test_transport_contract.py`**, which fails loudly when an
upgrade moves one. What is used, and why:

* `RTCCertificate._create_ssl_context` makes a context for every connection; `SharedCertificate` makes one for all.
* `RTCDtlsTransport._srtp_profiles`, `_set_role`: the order of profiles and the DTLS role are not public.
* `RTCDtlsTransport._rx_srtp`, `_tx_srtp`: media does not go through aiortc's receive loop.
* `RTCDtlsTransport._ssl`, `_task`: closing must be synchronous, aiortc's `stop()` is not.
* `pylibsrtp.Session._srtp` and `pylibsrtp._binding`: sealing without an allocation, and addresses for a fan-out written in C.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL
from pylibsrtp import ERRORS, Session
from pylibsrtp._binding import ffi, lib

from broadcaster.transport.parameters import Role

# AES-128-GCM first: half the cost of AES-256-GCM without AES-NI, and no separate HMAC.
PROFILES: Final[list[SRTPProtectionProfile]] = [
    profile
    for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
    if profile in SRTP_PROFILES
]
# The largest flight of a handshake is about 900 bytes; 1,500 is what aiortc reads at once.
_FLIGHT_BYTES: Final = 1500
_FLIGHTS: Final = 4


_ffi, _lib = cast(Any, ffi), cast(Any, lib)
_BUFFER_BYTES: Final = 2048
_TRAILER_BYTES: Final = 148  # SRTP_MAX_TRAILER_LEN and the SRTCP index


class SealError(ValueError):
    """A packet that libsrtp does not protect: malformed, too long, or 2^15 and more packets late."""


class SharedCertificate(RTCCertificate):
    """A certificate with one OpenSSL context for all connections, without a session cache."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            context = super()._create_ssl_context(srtp_profiles)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # the buffers of an idle connection are given back
            context.set_options(SSL.OP_NO_RENEGOTIATION)
            self._context = context
        return self._context


class DtlsEngine(RTCDtlsTransport):
    """aiortc's DTLS transport over something that has `role`, `_recv()` and `_send(data)`."""

    def __init__(self, transport: object, certificate: SharedCertificate, role: Role) -> None:
        super().__init__(cast(RTCIceTransport, transport), [certificate])
        self._srtp_profiles = PROFILES
        self._set_role(role)

    @property
    def connected(self) -> bool:
        """Whether keys are agreed and the peer's certificate is the announced one."""
        return self._state is State.CONNECTED

    @property
    def ended(self) -> bool:
        """Whether the handshake failed or the peer said goodbye."""
        return self._state in (State.CLOSED, State.FAILED)

    @property
    def inbound(self) -> Session:
        """The SRTP session that unprotects; only when connected."""
        return self._rx_srtp

    @property
    def outbound(self) -> Session:
        """The SRTP session that protects; only when connected."""
        return self._tx_srtp

    @property
    def profile(self) -> str:
        """The negotiated SRTP profile's name, for the log."""
        return self._ssl.get_selected_srtp_profile().decode() if self._ssl is not None else ""

    def shutdown(self) -> list[bytes]:
        """End at once and return the datagrams of close_notify (or of a fatal alert) to send, possibly none."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._ssl is None:
            return []
        with contextlib.suppress(SSL.Error):  # in the middle of a handshake there is nothing to shut down
            self._ssl.shutdown()
        return _pending(self._ssl)


def _pending(connection: SSL.Connection) -> list[bytes]:
    flights: list[bytes] = []
    while len(flights) < _FLIGHTS:
        try:
            flights.append(connection.bio_read(_FLIGHT_BYTES))
        except SSL.Error:
            break
    return flights


def pump(engine: DtlsEngine) -> asyncio.Future[None] | None:
    """The task of aiortc that waits for records of a connected session, for tests that count tasks."""
    return engine._task


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
