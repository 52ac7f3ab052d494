"""A crowd of terminals in child processes: join, watch, report. The parent only counts.

1. **A phase is the difference of two looks**; nothing is reset, and every figure belongs to the time between them.
2. `stopping` ends any phase at once, with what was seen so far; so does the end of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from broadcaster.loadgen.joining import JOIN_SECONDS, Joining
from broadcaster.loadgen.measure import Usage, is_alive, usage
from broadcaster.loadgen.orders import Child, child
from broadcaster.loadgen.tally import Tally

GLANCE_SECONDS: Final = 0.1
PATIENCE: Final = 30.0  # beyond what the joins may take, before a phase of joining is given up
LEAST_SAMPLE: Final = 4


@dataclass(frozen=True, slots=True)
class Audience:
    """Where terminals watch and who they are: tokens are used in turn. `opener` is the dotted name of what makes HTTP.

    `sample` is the share that checks every packet, `loss` the share of video that these pretend to lose.
    """

    url: str
    tokens: tuple[str, ...]
    opener: str
    sample: float = 0.05
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Crew:
    """How many child processes, and the CPUs that they may use; none means any."""

    processes: int = 1
    cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Everything until one moment. `server` is None where the server is not a process of this machine, `loads` are the children."""

    at: float
    tally: Tally
    server: Usage | None
    load: Usage
    loads: tuple[Usage, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    """How far the crowd is, for a progress bar. `hopeless` says why no terminal will ever get in."""

    at: float
    pending: int
    connected: int
    failed: int
    hopeless: str


@dataclass(frozen=True, slots=True)
class Phase:
    """What happened between two looks. `load` is all child processes together, `busiest` the most loaded of them."""

    name: str
    seconds: float
    tally: Tally
    server: Usage | None
    load: Usage
    busiest: Usage
    terminals: int

    def document(self) -> dict[str, Any]:
        """The phase as JSON: plain counters and histograms by their percentiles."""
        values = {name: getattr(self.tally, name) for name in self.tally.__slots__}
        counts = {name: value.document() if hasattr(value, "document") else value for name, value in values.items()}
        server = None if self.server is None else asdict(self.server)
        return {
            "name": self.name, "seconds": self.seconds, "terminals": self.terminals, "server": server,
            "load": asdict(self.load), "tally": counts,
        }  # fmt: skip


def between(name: str, earlier: Look, later: Look) -> Phase:
    """Return the phase between two looks."""
    server = None if later.server is None or earlier.server is None else later.server - earlier.server
    each = [after - before for before, after in zip(earlier.loads, later.loads, strict=True)]
    return Phase(
        name,
        later.at - earlier.at,
        later.tally - earlier.tally,
        server,
        later.load - earlier.load,
        max(each, key=lambda one: one.cpu, default=Usage()),
        later.tally.connected - sum(later.tally.ended.values()),
    )


@dataclass(slots=True)
class Crowd:
    """Terminals in child processes, and the phases that they went through."""

    audience: Audience
    children: Sequence[Child]
    pid: int | None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    on_glance: Callable[[Glance], None] = lambda _: None
    phases: list[Phase] = field(default_factory=list)
    first: Look | None = None
    _asked: int = 0

    async def look(self) -> Look:
        """Return everything until now. Raises `ChildError` when a child has ended."""
        answers = await asyncio.gather(*(each.ask(do="look") for each in self.children))
        loads = tuple(usage(each.pid, drops=False) for each in self.children)  # theirs drop on purpose
        found = Look(
            time.monotonic(),
            sum((Tally.from_json(answer["tally"]) for answer in answers), Tally()),
            self._usage_of_server(),
            sum(loads, Usage()),
            loads,
        )
        self.first = self.first or found
        return found

    async def glance(self) -> Glance:
        """Return how far the crowd is."""
        answers = await asyncio.gather(*(each.ask(do="glance") for each in self.children))
        pending, connected, failed = (
            sum(answer[name] for answer in answers) for name in ("pending", "connected", "failed")
        )
        hopeless = next((answer["hopeless"] for answer in answers if answer["hopeless"]), "")
        found = Glance(time.monotonic(), pending, connected, failed, hopeless)
        self.on_glance(found)
        return found

    async def join(self, terminals: int, *, rate: float, media: bool = True, name: str = "join") -> Phase:
        """Let terminals join, `rate` a second; return when all connected or failed, and have their first packet if `media`."""
        before = await self.look()
        sample = min(1.0, max(self.audience.sample, LEAST_SAMPLE / terminals)) if self.audience.sample else 0.0
        count, step = len(self.children), len(self.children)
        for number, each in enumerate(self.children):
            joining = Joining(
                self.audience.url, self.audience.tokens, len(range(number, terminals, count)), self._asked + number, step,
                rate, sample, self.audience.loss, media,
            )  # fmt: skip
            await each.ask(do="join", joining=asdict(joining))
        self._asked += terminals - terminals % step + (step if terminals % step else 0)
        deadline = time.monotonic() + terminals / rate + JOIN_SECONDS + PATIENCE
        await self._until(lambda glance: glance.pending == 0, deadline)
        return self._keep(between(name, before, await self.look()))

    async def watch(self, seconds: float, name: str = "watch") -> Phase:
        """Let time pass."""
        before = await self.look()
        await self._until(lambda _: False, before.at + seconds)
        return self._keep(between(name, before, await self.look()))

    @property
    def server_ended(self) -> bool:
        """Whether the server was a process of this machine and is none any more: every phase ends then."""
        return self.pid is not None and not is_alive(self.pid)

    def report(self) -> list[dict[str, Any]]:
        """All phases as JSON."""
        return [phase.document() for phase in self.phases]

    def _usage_of_server(self) -> Usage | None:
        try:
            return None if self.pid is None else usage(self.pid)
        except ProcessLookupError:
            return None

    def _keep(self, phase: Phase) -> Phase:
        self.phases.append(phase)
        return phase

    async def _until(self, done: Callable[[Glance], bool], end: float) -> None:
        while not done(await self.glance()) and not self.stopping.is_set():
            left = end - time.monotonic()
            if left <= 0 or self.server_ended:
                return
            await _or_stopped(self.stopping, min(GLANCE_SECONDS, left))


async def _or_stopped(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


@asynccontextmanager
async def crowd(audience: Audience, crew: Crew = Crew(), *, pid: int | None = None) -> AsyncIterator[Crowd]:
    """Yield an empty crowd; its terminals say goodbye at the end. `pid` is the server's when it runs on this machine."""
    async with AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(
                child("broadcaster.loadgen.worker", (audience.opener,), _share(crew, number))
            )
            for number in range(crew.processes)
        ]
        yield Crowd(audience, children, pid)


def _share(crew: Crew, number: int) -> tuple[int, ...]:
    """One CPU for each child where there are enough of them, else all for all."""
    if len(crew.cpus) < crew.processes:
        return crew.cpus
    return (crew.cpus[number % len(crew.cpus)],)
