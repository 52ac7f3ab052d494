"""The native plane seen from Python: threads in C that receive and send, and what they hand up.

1. **Whoever is taken away is not used any more when the call returns**: `close` of a peer, `leave` of a feed.
2. What comes up is read in batches of `BATCH`, so that a flood of checks never holds the loop.
3. Contexts are libsrtp's `srtp_t` as integers; the caller keeps their sessions alive as long as they are named here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from broadcaster.drops import DropReason
from broadcaster.forward.native import Native
from broadcaster.transport.aiortc_private import function_address
from broadcaster.transport.ice import Address
from config.settings import ForwardSettings

BATCH: Final = 64
ADDRESSES: Final = 8192  # remembered in both forms: each terminal asks for consent every 2.5 s
MOST_WORKERS: Final = 4  # design: more threads than that contend for one socket
DATAGRAM, RTCP, HEARD = 1, 2, 3
ASK, CLAIM, PATH, FORGET = range(4)
MISSING: Final = {1: "datagram trains (UDP GSO)", 2: "sendmmsg"}
_IN4: Final = struct.Struct("=H2s4s8x")
_IN6: Final = struct.Struct("=H2sI16sI")


class Upward(NamedTuple):
    """Something that a thread hands up: a datagram, a publisher's plain RTCP, or word of media off the path."""

    what: int
    tag: int
    socket: int
    address: Address
    data: bytes
    now: float


@lru_cache(ADDRESSES)
def sockaddr_of(address: Address) -> bytes:
    """Return `address` as the kernel's sockaddr_in or sockaddr_in6."""
    host, port = address[0].partition("%")[0], address[1].to_bytes(2, "big")
    if len(address) == 2:
        return _IN4.pack(socket.AF_INET, port, socket.inet_pton(socket.AF_INET, host))
    return _IN6.pack(socket.AF_INET6, port, 0, socket.inet_pton(socket.AF_INET6, host), address[3])


@lru_cache(ADDRESSES)
def address_of(data: bytes) -> Address:
    """Return the address of a sockaddr_in or sockaddr_in6, as `socket.recvfrom` would."""
    port = int.from_bytes(data[2:4], "big")
    if len(data) == _IN4.size:
        return socket.inet_ntop(socket.AF_INET, data[4:8]), port
    _, _, flow, packed, scope = _IN6.unpack(data)
    host = socket.inet_ntop(socket.AF_INET6, packed)
    return (f"{host}%{socket.if_indextoname(scope)}" if scope else host), port, flow, scope


def libsrtp_functions(ffi: Any) -> Any:
    """Return a `struct libsrtp *` with the addresses of the functions of pylibsrtp's own library."""
    names = ("srtp_protect", "srtp_protect_rtcp", "srtp_unprotect", "srtp_unprotect_rtcp")
    return ffi.new("struct libsrtp *", [function_address(name) for name in names])


def worker_count(setting: int) -> int:
    """Return how many threads send: the setting, or one a core that this process may use, at most `MOST_WORKERS`."""
    return setting or min(MOST_WORKERS, len(os.sched_getaffinity(0)))


class Peer:
    """A session's addresses and its inbound context in the engine."""

    __slots__ = ("_lib", "_pointer")

    def __init__(self, native: Native, pointer: Any) -> None:
        self._lib = native.lib
        self._pointer = pointer

    @property
    def pointer(self) -> Any:
        """The `struct peer *`."""
        return self._pointer

    def connect(self, inbound: int, intake: Any, ssrcs: int) -> None:
        """Decrypt with `inbound` from now on; `intake` is a publisher's, None a viewer's."""
        self._lib.engine_connect(self._pointer, inbound, intake, ssrcs)

    def close(self) -> None:
        """Forget the peer and its addresses. Not to be used afterwards."""
        self._lib.engine_close(self._pointer)


class Engine:
    """One per media port. `take` gets what comes up, `woken` is called before each batch: rings and wishes may have news."""

    def __init__(
        self,
        native: Native,
        sockets: Sequence[socket.socket],
        settings: ForwardSettings,
        *,
        take: Callable[[Upward], None],
        woken: Callable[[], None],
    ) -> None:
        self.native = native
        self.workers = worker_count(settings.send_threads)
        self._take = take
        self._woken = woken
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        ffi, lib = native
        functions = libsrtp_functions(ffi)
        descriptors = [each.fileno() for each in sockets]
        self._pointer = lib.engine_new(descriptors, len(descriptors), self.workers, functions, self._wake)
        if not self._pointer:
            os.close(self._wake)
            raise OSError("the native plane could not be set up: no memory, or too many addresses")
        self._counted = [0] * len(DropReason)
        self._missing = 0

    @property
    def pointer(self) -> Any:
        """The `struct engine *`."""
        return self._pointer

    def start(self) -> None:
        """Begin to receive. Raises `OSError` when a thread cannot be started."""
        status = self.native.lib.engine_start(self._pointer)
        if status:
            raise OSError(status, f"a thread of the native plane could not be started: {os.strerror(status)}")
        asyncio.get_running_loop().add_reader(self._wake, self._on_wake)

    def stop(self) -> None:
        """End the threads; nothing of the engine may be used afterwards."""
        asyncio.get_running_loop().remove_reader(self._wake)
        self.native.lib.engine_free(self._pointer)
        os.close(self._wake)

    def _on_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self.native.lib.engine_rearm(self._pointer)
        self._woken()  # first: a sender report is about packets that were stored before it
        self.drain()

    def drain(self) -> None:
        """Look at what came up: when woken, and every tick for what may wait."""
        for _ in range(BATCH):
            upward = self._next()
            if upward is None:
                return
            self._take(upward)
        os.eventfd_write(self._wake, 1)  # more waits: the loop first looks at others

    def _next(self) -> Upward | None:
        ffi, lib = self.native
        entry = lib.engine_next(self._pointer)
        if not entry:
            return None
        address = bytes(ffi.buffer(entry.address, entry.address_length))
        data = bytes(ffi.buffer(entry.data, entry.length))
        return Upward(entry.what, entry.tag, entry.socket, address_of(address), data, entry.now)

    # -- peers ------------------------------------------------------------------------------------------------

    def open(self, tag: int) -> Peer:
        """Begin a session; `tag` names it in what comes up."""
        pointer = self.native.lib.engine_open(self._pointer, tag)
        if not pointer:
            raise MemoryError
        return Peer(self.native, pointer)

    def claim(self, peer: Peer, index: int, address: Address) -> None:
        """Let an address belong to `peer`."""
        self._address(peer.pointer, CLAIM, index, address)

    def forget(self, index: int, address: Address) -> None:
        """Let an address belong to nobody."""
        self._address(self.native.ffi.NULL, FORGET, index, address)

    def path(self, peer: Peer, index: int, address: Address) -> None:
        """Say where `peer` is sent to, so that its media from there is no news."""
        self._address(peer.pointer, PATH, index, address)

    def heard(self, index: int, address: Address) -> float:
        """Return when valid media came from an address, 0 or less when never."""
        return self._address(self.native.ffi.NULL, ASK, index, address)

    def _address(self, peer: Any, what: int, index: int, address: Address) -> float:
        packed = sockaddr_of(address)
        return float(self.native.lib.engine_address(self._pointer, peer, what, index, packed, len(packed)))

    def receive(self, index: int, address: Address, data: bytes, now: float) -> None:
        """Take a datagram as if it had come from a socket."""
        packed = sockaddr_of(address)
        self.native.lib.engine_receive(self._pointer, index, packed, len(packed), data, len(data), now)

    def take_missing(self) -> list[str]:
        """Return what the kernel turned out not to do since the last call; it is not tried again."""
        found = self.native.lib.engine_degraded(self._pointer)
        fresh, self._missing = found & ~self._missing, found
        return [word for bit, word in MISSING.items() if fresh & bit]

    def take_drops(self) -> dict[DropReason, int]:
        """Return what was discarded on the way in since the last call."""
        counters = self.native.lib.engine_drops(self._pointer)
        found = {}
        for position, reason in enumerate(DropReason):
            grown, self._counted[position] = counters[position] - self._counted[position], counters[position]
            if grown:
                found[reason] = grown
        return found
