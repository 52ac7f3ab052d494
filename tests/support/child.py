"""A process of our own that obeys lines of JSON on its standard streams: load that must not share a loop with what is measured."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

LINE_LIMIT = 1 << 20
ENDING_SECONDS = 20.0

Obey = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Child:
    """The parent's end. One order at a time, each is answered."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._lock = asyncio.Lock()

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and return what was answered. Raises `RuntimeError` when the child has ended or could not obey."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self._lock:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            line = await self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the child process has ended"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Start `python -m module` and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_LIMIT,
    )  # fmt: skip
    try:
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
        except Exception as error:  # whatever went wrong, the parent is told and raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
