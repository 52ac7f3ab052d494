"""Where something runs: on which cores, in which network namespace. What is started inside `Place.here` runs there too."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass

NAMESPACES = "/run/netns"
CLONE_NEWNET = 0x40000000

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Place:
    """Cores, a network namespace (empty: that of this process) and the address that this end has there."""

    cores: frozenset[int]
    address: str = "127.0.0.1"
    namespace: str = ""

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """Let the calling thread, the sockets it opens and the processes it starts be in this place while the block runs."""
        cores = os.sched_getaffinity(0)
        with _namespace(self.namespace):
            os.sched_setaffinity(0, self.cores)
            try:
                yield
            finally:
                os.sched_setaffinity(0, cores)


@dataclass(frozen=True)
class Network:
    """A way from the server to its terminals: `server` and `load` are never on the same core, unless there is only one."""

    name: str
    server: Place
    load: Place


def share_cores(cores: set[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the server's core and all others; both are the same when there is one core only."""
    ordered = sorted(cores)
    return frozenset(ordered[-1:]), frozenset(ordered[:-1] or ordered)


def loopback(cores: set[int]) -> Network:
    """Return the way through the loopback interface."""
    server, load = share_cores(cores)
    return Network("loopback", Place(server), Place(load))


@contextlib.contextmanager
def _namespace(name: str) -> Iterator[None]:
    if not name:
        yield
        return
    with open("/proc/thread-self/ns/net", "rb") as before, open(f"{NAMESPACES}/{name}", "rb") as wanted:
        _enter(wanted.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
