"""Password hashing with argon2id (RFC 9106), off the event loop and bounded.

1. **The event loop never hashes.** At most `threads` hashes run at a time: each takes its memory and one core (one lane: more would
   take the cores of the event loop and of the media threads), and they give way to everything else.
2. **At most `queue` more wait**; when the queue is full the caller gets `TooManyLogins` at once. Who has to read the account first takes
   its `turn` before, so that a crowd is refused before it costs the database anything.
3. **Nobody waits longer than `wait` seconds**: on a busy machine the end of the queue gets `TooManyLogins` and is not hashed for nobody.
4. **An unknown account costs one hash too**, against a hash made at the start.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LONGEST: Final = 256
NICENESS: Final = 5  # on top of the process: a third of the share of a thread that does not give way
Result = TypeVar("Result")
Verify = Callable[[str | None, str], Awaitable[bool]]


class TooManyLogins(Exception):
    """The queue of waiting logins is full: try again in a moment."""


class Passwords:
    """Hashes and verifies passwords in threads of its own; `hashed` counts how often."""

    def __init__(
        self, threads: int, queue: int, hasher: PasswordHasher | None = None, wait: float | None = None
    ) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = threads or max(1, cores - 1)
        self._most = threads + queue
        self._wait = wait
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash", initializer=_give_way)
        self._hasher = hasher or PasswordHasher(parallelism=1)
        self._decoy = self._hasher.hash(os.urandom(16).hex())
        self._under_way = 0
        self.hashed = 0

    async def hash(self, password: str) -> str:
        """Return the argon2id hash in PHC string format."""
        with self.turn():
            return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to the hash; `None` or an empty one stands for an unknown account and takes as long."""
        with self.turn() as verify:
            return await verify(stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other figures than today's, so that it should be made anew."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def turn(self) -> Iterator[Verify]:
        """Hold a place among those that hash or wait for it while the block runs, and yield `verify` without a place of its own.

        Raise `TooManyLogins` when all places are taken.
        """
        if self._under_way >= self._most:
            raise TooManyLogins(f"{self._under_way} passwords are being hashed")
        self._under_way += 1
        try:
            yield self._verify
        finally:
            self._under_way -= 1

    async def _run(self, work: Callable[[], Result]) -> Result:
        job = self._pool.submit(work)
        done = asyncio.wrap_future(job)
        self.hashed += 1
        try:
            await asyncio.wait({done}, timeout=self._wait)
            if job.cancel():
                self.hashed -= 1
                raise TooManyLogins(f"no thread was free for {self._wait} s")
            return await done
        finally:
            job.cancel()  # of who does not wait any more; nothing when it has begun

    async def _verify(self, stored: str | None, password: str) -> bool:
        right = await self._run(lambda: self._is_right(stored or self._decoy, password[:LONGEST]))
        return right and bool(stored)

    def _is_right(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        """End the threads; hashes under way are abandoned."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    """Let this thread alone give way to the others; Linux counts niceness by thread. Elsewhere it stays as it is."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    except (AttributeError, OSError):
        return
