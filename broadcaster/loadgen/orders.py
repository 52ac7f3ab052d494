"""Orders to child processes: lines of JSON on their standard streams, each answered by one line.

Load must not share a loop with whoever measures. A child ends when its input ends, so none outlives its parent; it is a session of
its own, so that Ctrl-C reaches the parent alone, which then asks for what was seen.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from broadcaster.loadgen.exchange import ExchangeError
from broadcaster.loadgen.offers import AnswerError

LINE_LIMIT: Final = 8 << 20
ENDING_SECONDS: Final = 15.0

Obey = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ChildError(RuntimeError):
    """A child ended, or could not obey; the message is what it said."""


class Child:
    """The parent's end. One order at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and return the answer. Raises `ChildError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            line = await self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "a load process ended by itself"}
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer


@asynccontextmanager
async def child(module: str, arguments: Sequence[str] = (), cpus: Sequence[int] = ()) -> AsyncIterator[Child]:
    """Start `python -m module` on these CPUs and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_LIMIT, start_new_session=True,
    )  # fmt: skip
    try:
        if cpus:
            os.sched_setaffinity(process.pid, cpus)
        yield Child(process)
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), ENDING_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def serve(obey: Obey) -> None:
    """The child's end: obey until the input ends."""
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer = await obey(json.loads(line))
        except (
            OSError,
            ExchangeError,
            AnswerError,
        ) as error:  # the world is not as it should be: the message says it all
            answer = {"error": str(error) or type(error).__name__}
        except Exception as error:  # a mistake of ours: the parent is told and raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
