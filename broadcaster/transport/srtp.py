"""SRTP contexts behind integers: what `forward/` may hold without knowing pylibsrtp.

1. **A handle is never reused**: a stale row of a plan seals nothing, it gets `UnknownHandle`.
2. A context has one user at a time: libsrtp sessions are not thread-safe.
3. `address` and `protect_address` are the seam for a fan-out in C, which then calls libsrtp itself.
"""

from __future__ import annotations

import itertools
from typing import Final

from pylibsrtp import Session

from broadcaster.transport.aiortc_private import Sealer, SealError, function_address, session_address

__all__ = ["NO_HANDLE", "SealError", "SrtpTable", "UnknownHandle"]

NO_HANDLE: Final = 0


class UnknownHandle(LookupError):
    """The session of this handle is closed, or there never was one."""


class SrtpTable:
    """The outbound contexts of one media port."""

    __slots__ = ("_next", "_sealer", "_sessions")

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._sealer = Sealer()
        self._next = itertools.count(1)

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, session: Session) -> int:
        """Take a context in and return its handle, at least 1."""
        handle = next(self._next)
        self._sessions[handle] = session
        return handle

    def remove(self, handle: int) -> None:
        """Forget a context; unknown handles are ignored."""
        self._sessions.pop(handle, None)

    def seal(self, handle: int, packet: bytes) -> bytes:
        """Return the RTP `packet` protected (RFC 3711 section 3.1). Raises `UnknownHandle`, or `SealError`."""
        return self._sealer.rtp(self._session(handle), packet)

    def seal_rtcp(self, handle: int, compound: bytes) -> bytes:
        """Return the RTCP `compound` protected (RFC 3711 section 3.4). Raises `UnknownHandle`, or `SealError`."""
        return self._sealer.rtcp(self._session(handle), compound)

    def address(self, handle: int) -> int:
        """The `srtp_t` of a handle as an integer. Raises `UnknownHandle`."""
        return session_address(self._session(handle))

    def _session(self, handle: int) -> Session:
        try:
            return self._sessions[handle]
        except KeyError:
            raise UnknownHandle(f"no SRTP context has the handle {handle}") from None

    @staticmethod
    def protect_address() -> int:
        """The address of `srtp_protect(srtp_t, void *, int *)`."""
        return function_address("srtp_protect")
