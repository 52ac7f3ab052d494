"""Starts the process that reads a file (`import_worker`) and listens to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

WORKER: Final = "signaling.directory.import_worker"
LONGEST_LINE: Final = 1 << 16

Word = Mapping[str, Any]


class Reader(Protocol):
    """Whoever checks and commits files, one at a time."""

    async def ask(self, order: Mapping[str, Any], told: Callable[[Word], None]) -> Word:
        """Let it be done; return the last word. Words of progress go to `told` before."""

    def end(self) -> None:
        """End what is under way; it then has no last word but `failed`."""


class ReaderProcess:
    """A process of its own for every file. **A task that is cancelled ends it.**"""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, order: Mapping[str, Any], told: Callable[[Word], None]) -> Word:
        """Start a process, give it the order on its standard input, and hear it to the end."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", WORKER)
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LONGEST_LINE)
        self._process = process
        last: Word = {"failed": {"code": "internal", "detail": ""}}
        try:
            if process.stdin is not None:
                process.stdin.write(json.dumps(order).encode())
                process.stdin.close()
            async for line in process.stdout or ():  # type: ignore[union-attr]
                word = json.loads(line)
                if "progress" in word:
                    told(word)
                else:
                    last = word
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._process = None
        return last

    def end(self) -> None:
        """Kill the process, if there is one."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
