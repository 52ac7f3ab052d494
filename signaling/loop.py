"""The event loop of a server, and what one turn of it may do at most.

A turn of asyncio's loop serves every socket that is ready before a timer or anybody else is. When five hundred people log in at the
stroke of eight, four hundred requests are ready at once; the turn that took them all was half a second long, and everything else half a
second late. So:

1. **A turn serves at most `EVENTS_A_TURN` sockets**; the others are first in the next (epoll hands out in turn what is ready).
2. **What lives as long as the server is never searched for garbage** once the server is ready (`settle`): a full collection walked through
   it for a tenth of a second.

How many connections a turn accepts is in `listen.py`.
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import select
import selectors
import sys
from typing import Final

EVENTS_A_TURN: Final = 8  # four steps of eight requests are under way in a turn then: 5 ms of CPU, 12 at most
COLLECT_AFTER: Final = (5_000, 20, 20)  # objects, young collections, middle collections


def new_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of a server: bounded on Linux, elsewhere the system's own."""
    return asyncio.SelectorEventLoop(Bounded()) if sys.platform == "linux" else asyncio.new_event_loop()


def settle() -> None:
    """Keep what there is now out of all later searches for garbage, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


if sys.platform == "linux":

    class Bounded(selectors.EpollSelector):
        """Tells at most `most` ready files at once.

        The base class has no such limit, so epoll is asked by a second descriptor of the same set.
        """

        def __init__(self, most: int = EVENTS_A_TURN) -> None:
            super().__init__()
            self._most = most
            self._asked = select.epoll.fromfd(os.dup(self.fileno()))

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """As the base class does: `timeout` in seconds, rounded up to milliseconds; None waits for ever."""
            wait = -1.0 if timeout is None else max(0.0, math.ceil(timeout * 1e3) * 1e-3)
            ready, keys = self._asked.poll(wait, self._most), self.get_map()
            return [(key, _mask(flags) & key.events) for fd, flags in ready if (key := keys.get(fd)) is not None]

        def close(self) -> None:
            """Close both descriptors."""
            self._asked.close()
            super().close()

    def _mask(flags: int) -> int:
        """Return what epoll's flags mean to a selector: an error or a hang-up is readable and writable."""
        writable = selectors.EVENT_WRITE if flags & ~select.EPOLLIN else 0
        return writable | (selectors.EVENT_READ if flags & ~select.EPOLLOUT else 0)
