"""Password hashing with argon2id (RFC 9106), off the event loop and bounded.

1. **The event loop never hashes.** At most `threads` hashes run at a time: each takes 64 MiB and a core.
2. **At most `queue` more wait**; when the queue is full the caller gets `TooManyLogins` at once.
3. **An unknown account costs one hash too**, against a hash made at the start.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LONGEST = 256


class TooManyLogins(Exception):
    """The queue of waiting logins is full: try again in a moment."""


class Passwords:
    """Hashes and verifies passwords in threads of its own."""

    def __init__(self, threads: int, queue: int, hasher: PasswordHasher | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = threads or max(1, cores - 1)
        self._most = threads + queue
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
        self._hasher = hasher or PasswordHasher()
        self._decoy = self._hasher.hash(os.urandom(16).hex())
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """Return the argon2id hash in PHC string format."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to the hash; `None` stands for an unknown account and takes as long."""
        if self._under_way >= self._most:
            raise TooManyLogins(f"{self._under_way} logins are being checked")
        self._under_way += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._verify, stored or self._decoy, password[:LONGEST]
            )
        finally:
            self._under_way -= 1
        return right and stored is not None

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        """End the threads; hashes under way are abandoned."""
        self._pool.shutdown(wait=False, cancel_futures=True)
