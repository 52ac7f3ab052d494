"""The terminals of one process: one epoll for all sockets, one timer for all reports and checks.

1. **A terminal costs no task and no timer**: it sits in one bucket of two rings; the timer serves one bucket of each every 20 ms, so that
   each terminal reports once a second and renews its consent every 2.5 s, spread evenly.
2. Terminals of the sample are read at once; the others, when the kernel thins out their media, every 40 ms in one go.
3. Joins begin at their time whether earlier ones are done or not, as a prefecture does not wait for its neighbour; at most
   `MOST_PENDING` are under way.
"""

from __future__ import annotations

import asyncio
import select
import time
from dataclasses import dataclass
from typing import Any, Final

from broadcaster.loadgen import sockets
from broadcaster.loadgen.connection import CHECK_SECONDS
from broadcaster.loadgen.exchange import Exchange, ExchangeError, Refused
from broadcaster.loadgen.offers import AnswerError
from broadcaster.loadgen.tally import Tally
from broadcaster.loadgen.terminal import Terminal
from broadcaster.transport.client import ClientIdentity

TURN_SECONDS: Final = 0.02
REPORT_TURNS: Final = 50
CHECK_TURNS: Final = round(CHECK_SECONDS / TURN_SECONDS)
DRAIN_TURNS: Final = 2
MOST_ROUNDS: Final = 8
LATE_SECONDS: Final = 0.1
MOST_PENDING: Final = 1000
MOST_EVENTS: Final = 512
JOIN_SECONDS: Final = 15.0
MOST_ATTEMPTS: Final = 8
_EXACT: Final = 1e-9  # twenty times 0.05 is one


@dataclass(frozen=True, slots=True)
class Joining:
    """An order to let terminals join. `first` and `step` place them among those of all processes; times are seconds."""

    url: str
    tokens: tuple[str, ...]
    count: int
    first: int
    step: int
    rate: float
    sample: float
    loss: float
    media: bool
    seconds: float = JOIN_SECONDS

    def is_sampled(self, place: int) -> bool:
        """Whether the terminal at `place` is in the sample, which is spread evenly over each process."""
        index = place // self.step
        return int((index + 1) * self.sample + _EXACT) > int(index * self.sample + _EXACT)


class Hall:
    """Terminals that come and stay."""

    def __init__(self, exchange: Exchange) -> None:
        self.tally = Tally()
        self.pending = 0
        self.hopeless = ""
        self._exchange = exchange
        self._identity = ClientIdentity()
        self._terminals: list[Terminal] = []
        self._settling: dict[Terminal, asyncio.Future[str]] = {}
        self._awaiting_media: dict[Terminal, asyncio.Future[str]] = {}
        self._by_descriptor: dict[int, Terminal] = {}
        self._connecting: set[Terminal] = set()
        self._sampled: list[Terminal] = []
        self._reports: list[list[Terminal]] = [[] for _ in range(REPORT_TURNS)]
        self._checks: list[list[Terminal]] = [[] for _ in range(CHECK_TURNS)]
        self._epoll = select.epoll()
        self._drains = select.epoll()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # -- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read and to keep time."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._epoll.fileno(), self._read)
        self._due = loop.time() + TURN_SECONDS
        self._timer = loop.call_at(self._due, self._tick)

    async def close(self) -> None:
        """Say goodbye to the server, for all; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for terminal in self._terminals:
            terminal.close()
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._drains.close()

    def look(self) -> dict[str, Any]:
        """What was seen until now."""
        now, seen = time.monotonic(), self.tally + Tally()
        for terminal in self._terminals:
            if terminal.connected_at is not None:
                seen.terminal_seconds += now - terminal.connected_at
            if (opened := terminal.connection.socket) is None:
                continue
            lost = sockets.dropped(opened)
            if terminal.sampled:
                seen.own_drops += lost
            elif terminal.drain is not None:
                seen.arrived += terminal.drain.read + lost
                seen.expected += terminal.drain.expected
        return {"tally": seen.to_json()}

    def glance(self) -> dict[str, Any]:
        """How the joins are going, at no cost."""
        failed = sum(self.tally.failures.values())
        return {"pending": self.pending, "hopeless": self.hopeless, "connected": self.tally.connected, "failed": failed}

    # -- joining ----------------------------------------------------------------------------------------------

    def join(self, order: Joining) -> None:
        """Let terminals come in the background. Raises `TooFewDescriptors`."""
        sockets.allow_descriptors(len(self._terminals) + order.count)
        self.pending += order.count
        self._spawn(self._admit(order))

    async def _admit(self, order: Joining) -> None:
        begun = time.monotonic()
        places = range(order.first, order.first + order.count * order.step, order.step)
        for index, place in enumerate(places):
            at = begun + (place - order.first + order.first % order.step) / order.rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(self._tasks) > MOST_PENDING:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.hopeless:
                self.pending -= order.count - index
                return
            self._spawn(self._arrive(order, place))

    async def _arrive(self, order: Joining, place: int) -> None:
        self.tally.asked += 1
        terminal = Terminal(
            self._identity, self.tally, sampled=order.is_sampled(place), loss=order.loss,
            on_settled=self._settled, on_media=self._media,
        )  # fmt: skip
        try:
            async with asyncio.timeout(order.seconds):
                reason = await self._join(order, place, terminal)
        except TimeoutError:
            what = "not connected" if terminal.connected_at is None else "connected, but no media"
            reason = f"{what} within {order.seconds:g} s"
        except (ExchangeError, AnswerError, OSError) as error:
            reason = str(error) or type(error).__name__
        finally:
            self.pending -= 1
        if reason:
            self.tally.failures[reason] += 1

    async def _join(self, order: Joining, place: int, terminal: Terminal) -> str:
        loop, token = asyncio.get_running_loop(), order.tokens[place % len(order.tokens)]
        asked = time.monotonic()
        answer = await self._ask(order.url, token, terminal.offer(self._identity))
        self.tally.to_answer.add(time.monotonic() - asked)
        connecting = self._settling[terminal] = loop.create_future()
        media = self._awaiting_media[terminal] = loop.create_future()
        try:
            self._enter(terminal, answer)
            reason: str = await connecting
            if reason:
                return reason
            self._take_in(terminal, place)
            assert terminal.connected_at is not None
            self.tally.to_connected.add(terminal.connected_at - asked)
            if order.media:
                await media
                assert terminal.media_at is not None
                self.tally.to_media.add(terminal.media_at - asked)
            return ""
        finally:
            self._settling.pop(terminal, None)
            self._awaiting_media.pop(terminal, None)
            self._connecting.discard(terminal)
            if terminal.connected_at is None:
                self._leave(terminal)

    async def _ask(self, url: str, token: str, offer: str) -> str:
        for _ in range(MOST_ATTEMPTS):
            try:
                return await self._exchange(url, token, offer)
            except Refused as refusal:
                if refusal.hopeless and self.tally.connected == 0:
                    self.hopeless = str(refusal)
                if refusal.retry_after is None:
                    raise
                self.tally.busy += 1
                await asyncio.sleep(refusal.retry_after)
        raise Refused(503, f"still busy after {MOST_ATTEMPTS} attempts")

    def _enter(self, terminal: Terminal, answer: str) -> None:
        self._connecting.add(terminal)
        terminal.take(answer, time.monotonic())
        assert terminal.connection.socket is not None
        descriptor = terminal.connection.socket.fileno()
        self._by_descriptor[descriptor] = terminal
        self._epoll.register(descriptor, select.EPOLLIN)

    def _take_in(self, terminal: Terminal, place: int) -> None:
        self.tally.connected += 1
        self._terminals.append(terminal)
        self._reports[len(self._terminals) * 7 % REPORT_TURNS].append(terminal)
        self._checks[len(self._terminals) * 7 % CHECK_TURNS].append(terminal)
        if terminal.sampled:
            self._sampled.append(terminal)

    def _leave(self, terminal: Terminal) -> None:
        if (opened := terminal.connection.socket) is not None:
            self._by_descriptor.pop(opened.fileno(), None)
        terminal.close()  # takes the descriptor out of epoll

    def _settled(self, terminal: Terminal, reason: str) -> None:
        future = self._settling.get(terminal)
        if future is not None and not future.done():
            future.set_result(reason)
        elif reason:
            self.tally.ended[reason] += 1

    def _media(self, terminal: Terminal) -> None:
        future = self._awaiting_media.get(terminal)
        if future is not None and not future.done():
            future.set_result("")

    # -- the one reader and the one timer ---------------------------------------------------------------------

    def _read(self) -> None:
        now = time.monotonic()
        offset = now - time.time()
        for descriptor, _ in self._epoll.poll(0, MOST_EVENTS):
            self._by_descriptor[descriptor].readable(now, offset)

    def _drain(self, now: float) -> None:
        """Read the terminals at rest, all in one go: mostly one datagram each."""
        for _ in range(MOST_ROUNDS):
            events = self._drains.poll(0, MOST_EVENTS)
            for descriptor, _ in events:
                self._by_descriptor[descriptor].readable(now, 0.0)
            if not events:
                return

    def _rest(self, terminal: Terminal) -> None:
        """Read this terminal only now and then from now on: the kernel keeps most of its media away."""
        opened = terminal.connection.socket
        if opened is not None and not terminal.connection.ended:
            terminal.resting = True
            self._epoll.unregister(opened)
            self._drains.register(opened, select.EPOLLIN)

    def _tick(self) -> None:
        now = time.monotonic()
        self._turn += 1
        self.tally.turns += 1
        self.tally.late_turns += now - self._due > LATE_SECONDS
        for terminal in self._connecting:
            terminal.connection.hurry(now)
        for terminal in self._sampled:
            terminal.turn(now)
        for terminal in self._reports[self._turn % REPORT_TURNS]:
            terminal.report(now)
            if terminal.thin and not terminal.resting:
                self._rest(terminal)
        if self._turn % DRAIN_TURNS == 0:
            self._drain(now)
        for terminal in self._checks[self._turn % CHECK_TURNS]:
            terminal.connection.check(now)
        self._due = max(self._due + TURN_SECONDS, now)
        self._timer = asyncio.get_running_loop().call_at(self._due, self._tick)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
