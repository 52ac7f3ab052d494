"""The terminals of one process: one epoll for all sockets, one timer for all reports and checks.

1. **A terminal costs no task and no timer**: it sits in one bucket of two rings; the timer serves one bucket of each every 20 ms, so that
   each terminal reports once a second and renews its consent every 2.5 s, spread evenly.
2. Terminals of the sample are read at once; the others, when the kernel thins out their media, every 40 ms in one go.
3. A terminal whose session ended is gone: what it saw stays in the tally. Nobody comes back by himself.
"""

from __future__ import annotations

import asyncio
import select
import time
from typing import Any, Final, TypeVar

from broadcaster.loadgen import sockets
from broadcaster.loadgen.connection import CHECK_SECONDS
from broadcaster.loadgen.tally import Tally
from broadcaster.loadgen.terminal import Terminal
from broadcaster.transport.client import ClientIdentity

TURN_SECONDS: Final = 0.02
REPORT_TURNS: Final = 50
CHECK_TURNS: Final = round(CHECK_SECONDS / TURN_SECONDS)
SPREAD: Final = 7  # a number without a common divisor with either: neighbours report at different times
DRAIN_TURNS: Final = 2
MOST_ROUNDS: Final = 8
LATE_SECONDS: Final = 0.1
MOST_EVENTS: Final = 512
T = TypeVar("T")


class Hall:
    """Terminals that come and stay."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._identity = ClientIdentity()
        self._terminals: dict[Terminal, int] = {}  # to the number that it came with
        self._joining: dict[Terminal, tuple[asyncio.Future[str], asyncio.Future[None]]] = {}
        self._by_descriptor: dict[int, Terminal] = {}
        self._reports: list[dict[Terminal, None]] = [{} for _ in range(REPORT_TURNS)]
        self._checks: list[dict[Terminal, None]] = [{} for _ in range(CHECK_TURNS)]
        self._sampled: dict[Terminal, None] = {}
        self._epoll = select.epoll()
        self._drains = select.epoll()
        self._turn = self._came = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._terminals)

    def start(self) -> None:
        """Begin to read and to keep time."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._epoll.fileno(), self._read)
        self._due = loop.time() + TURN_SECONDS
        self._timer = loop.call_at(self._due, self._tick)

    def close(self) -> None:
        """Say goodbye to the server, for all."""
        if self._timer is not None:
            self._timer.cancel()
        for terminal in self._terminals:
            terminal.close()
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._drains.close()

    def look(self) -> dict[str, Any]:
        """What was seen until now."""
        seen, now = self.tally + Tally(), time.monotonic()
        for terminal in self._terminals:
            _count(terminal, seen, now)
        return {"tally": seen.to_json()}

    # -- coming and going -------------------------------------------------------------------------------------

    def terminal(self, *, sampled: bool, loss: float) -> Terminal:
        """Make a terminal, which is not in yet."""
        return Terminal(self.tally, sampled=sampled, loss=loss, on_settled=self._settled, on_media=self._media)

    def offer(self, terminal: Terminal) -> str:
        """Its SDP offer."""
        return terminal.offer(self._identity.fingerprint)

    def enter(self, terminal: Terminal, answer: str) -> tuple[asyncio.Future[str], asyncio.Future[None]]:
        """Let it connect; return futures of "" or why it failed, and of its first packet. Raises `AnswerError`, `OSError`."""
        loop = asyncio.get_running_loop()
        futures = self._joining[terminal] = loop.create_future(), loop.create_future()
        terminal.take(answer, self._identity, time.monotonic())
        assert terminal.connection.socket is not None
        self._by_descriptor[terminal.connection.socket.fileno()] = terminal
        self._epoll.register(terminal.connection.socket, select.EPOLLIN)
        return futures

    def settle(self, terminal: Terminal) -> None:
        """Forget that it was joining; one that did not connect is gone."""
        self._joining.pop(terminal, None)
        if terminal not in self._terminals:
            self._leave(terminal)

    def _settled(self, terminal: Terminal, reason: str) -> None:
        """It connected, or its session ended."""
        if not reason:
            self._take_in(terminal)
        elif terminal in self._terminals:
            self.tally.ended[reason] += 1
            self._leave(terminal)
        if terminal in self._joining:
            _resolve(self._joining[terminal][0], reason)

    def _take_in(self, terminal: Terminal) -> None:
        self._came += 1
        self.tally.connected += 1
        self._terminals[terminal] = self._came * SPREAD
        self._reports[self._came * SPREAD % REPORT_TURNS][terminal] = None
        self._checks[self._came * SPREAD % CHECK_TURNS][terminal] = None
        if terminal.sampled:
            self._sampled[terminal] = None

    def _leave(self, terminal: Terminal) -> None:
        number = self._terminals.pop(terminal, None)
        if number is not None:
            _count(terminal, self.tally, time.monotonic())
            self._reports[number % REPORT_TURNS].pop(terminal, None)
            self._checks[number % CHECK_TURNS].pop(terminal, None)
            self._sampled.pop(terminal, None)
        if (opened := terminal.connection.socket) is not None:
            self._by_descriptor.pop(opened.fileno(), None)
        terminal.close()  # takes the descriptor out of epoll

    def _media(self, terminal: Terminal) -> None:
        if terminal in self._joining:
            _resolve(self._joining[terminal][1], None)

    def _rest(self, terminal: Terminal) -> None:
        """Read this terminal only now and then from now on: the kernel keeps most of its media away."""
        if (opened := terminal.connection.socket) is not None:
            terminal.resting = True
            self._epoll.unregister(opened)
            self._drains.register(opened, select.EPOLLIN)

    # -- the one reader and the one timer ---------------------------------------------------------------------

    def _read(self) -> None:
        now = time.monotonic()
        offset = now - time.time()
        for descriptor, _ in self._epoll.poll(0, MOST_EVENTS):
            if terminal := self._by_descriptor.get(descriptor):  # it may be gone by what was just read
                terminal.readable(now, offset)

    def _drain(self, now: float) -> None:
        """Read the terminals at rest, all in one go: mostly one datagram each."""
        for _ in range(MOST_ROUNDS):
            events = self._drains.poll(0, MOST_EVENTS)
            for descriptor, _ in events:
                if terminal := self._by_descriptor.get(descriptor):
                    terminal.readable(now, 0.0)
            if not events:
                return

    def _tick(self) -> None:
        now = time.monotonic()
        self._turn += 1
        self.tally.turns += 1
        self.tally.late_turns += now - self._due > LATE_SECONDS
        for terminal in tuple(self._joining):
            terminal.connection.hurry(now)
        for terminal in tuple(self._sampled):
            terminal.turn(now)
        for terminal in tuple(self._reports[self._turn % REPORT_TURNS]):
            terminal.report(now)
            if terminal.thin and not terminal.resting:
                self._rest(terminal)
        if self._turn % DRAIN_TURNS == 0:
            self._drain(now)
        for terminal in tuple(self._checks[self._turn % CHECK_TURNS]):
            terminal.connection.check(now)
        self._due = max(self._due + TURN_SECONDS, now)
        self._timer = asyncio.get_running_loop().call_at(self._due, self._tick)


def _count(terminal: Terminal, tally: Tally, now: float) -> None:
    """Add what only the terminal and its socket know."""
    opened = terminal.connection.socket
    if terminal.connected_at is not None:
        tally.terminal_seconds += now - terminal.connected_at
    lost = 0 if opened is None else sockets.dropped(opened)
    if terminal.sampled:
        tally.own_drops += lost
    elif terminal.drain is not None:
        tally.arrived += terminal.drain.read + lost
        tally.expected += terminal.drain.expected


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
