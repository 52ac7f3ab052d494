"""The loop of a server: a turn serves a few sockets and accepts a few connections, whatever is ready; nothing that is ready starves."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from signaling import loop as loops
from signaling.listen import ACCEPTED_A_TURN, BACKLOG, bind, serve_on
from signaling.loop import EVENTS_A_TURN, new_loop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the system's own loop")

READY = 5 * EVENTS_A_TURN + 3
QUEUE, MOST = 24, 28  # offsets in Linux' struct tcp_info of a listening socket: what waits, what may


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Sockets of which every first one has something to read."""
    with ExitStack() as stack:
        made = [socket.socketpair() for _ in range(READY)]
        for one, other in made:
            stack.enter_context(one)
            stack.enter_context(other).send(b"!")
        yield made


def test_a_selector_tells_a_few_and_then_the_others(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    with loops.Bounded(4) as selector:
        for number, (one, _) in enumerate(pairs):
            selector.register(one, selectors.EVENT_READ, number)
        seen: list[int] = []
        while len(seen) < READY:
            told = selector.select(0)
            assert 1 <= len(told) <= 4
            assert {mask for _, mask in told} == {selectors.EVENT_READ}
            seen += [key.data for key, _ in told]
        assert sorted(seen[:READY]) == list(range(READY)), (
            "nothing was told twice before all were, though all stay ready"
        )


def test_a_selector_tells_what_it_was_asked_for() -> None:
    one, other = socket.socketpair()
    with loops.Bounded() as selector, one:
        key = selector.register(one, selectors.EVENT_READ)
        assert selector.select(0) == []
        assert selector.select(-1) == []
        assert selector.select(0.001) == []
        key = selector.modify(one, selectors.EVENT_WRITE)
        assert selector.select() == [(key, selectors.EVENT_WRITE)]
        other.close()
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        key = selector.modify(one, both)
        assert selector.select() == [(key, both)], "who hung up"
        selector.unregister(one)
        assert selector.select(0) == []


def test_closing_leaves_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    new_loop().close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_turn_serves_a_few_sockets(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    turn, served = 0, Counter[int]()

    async def turns() -> None:
        nonlocal turn
        loop = asyncio.get_running_loop()
        for one, _ in pairs:
            loop.add_reader(one, read, one)
        while served.total() < READY:
            turn += 1
            await asyncio.sleep(0)

    def read(one: socket.socket) -> None:
        one.recv(1)
        served[turn] += 1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(turns())
    assert max(served.values()) <= EVENTS_A_TURN
    assert len(served) <= -(-READY // EVENTS_A_TURN) + 1


def test_a_turn_accepts_a_few_connections() -> None:
    """All are let wait at once, as the kernel's queue is long."""

    def info(listener: socket.socket, offset: int) -> int:
        raw = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int(struct.unpack_from("=I", raw, offset)[0])

    async def accepted() -> list[int]:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        with bind("127.0.0.1", 0) as listener, ExitStack() as clients:
            await serve_on(runner, listener, None)
            assert info(listener, MOST) == min(BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text("ascii")))
            for _ in range(READY):
                clients.enter_context(socket.create_connection(listener.getsockname()))
            waiting = [info(listener, QUEUE)]
            while waiting[-1]:
                await asyncio.sleep(0)
                waiting.append(info(listener, QUEUE))
            clients.close()
            await runner.cleanup()
        return [before - after for before, after in pairwise(waiting)]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        taken = runner.run(accepted())
    assert sum(taken) == READY
    assert max(taken) <= ACCEPTED_A_TURN + 1  # newer versions of asyncio take one more


def test_a_settled_process_does_not_search_what_it_was_born_with() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        loops.settle()
        assert gc.get_freeze_count() > frozen + 10_000
        assert gc.get_threshold() == loops.COLLECT_AFTER
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
