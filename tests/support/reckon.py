"""Turns of the event loop, where a test needs to know that others had theirs."""

from __future__ import annotations

import asyncio


async def turns(count: int) -> None:
    """Let everything that is ready run, `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)
