"""The parts of a run, in their order. Each takes the `Run`, adds to what was found, and may fail alone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import floor, janus, recording, trials, veth
from tests.bench.place import Network, loopback
from tests.bench.score import GOP_SECONDS

GSO_SECONDS = 4.0  # of CPU, roughly, in each visit to the floor
TURNS = (2, 6)
ROUGHLY_US = 550.0


@dataclass(frozen=True)
class Plan:
    """How many terminals, how long, and what is left out. `rush` is (those who watch, those who join); `far` has Janus use the cable too."""

    sizes: list[int]
    stages: tuple[str, ...]
    seconds: float
    python: list[int]
    janus: list[int]
    joins: int
    idle: float = 8.0
    far: bool = True
    rush: tuple[int, int] = (500, 1000)
    repair: tuple[int, int] = (50, 200)
    recorded: float = 60.0


@dataclass
class Run:
    """What was found until now."""

    plan: Plan
    folder: Path
    found: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    library: ctypes.CDLL | str = ""
    cores: set[int] = field(default_factory=lambda: os.sched_getaffinity(0))

    def put(self, kind: str, network: str, sizes: dict[int, Any]) -> None:
        """Keep what was measured on a network."""
        self.found.setdefault(kind, {}).setdefault(network, {}).update(sizes)


def turns(size: int) -> int:
    """Return how many groups of pictures make a visit to the floor long enough to be believed."""
    fewest, most = TURNS
    return max(fewest, min(most, round(GSO_SECONDS / (ROUGHLY_US * size * GOP_SECONDS / 1e6))))


def floors(run: Run, network: Network, modes: tuple[str, ...]) -> None:
    """Visit the floor at all sizes; several visits in a run add up."""
    if run.library == "":
        run.library = floor.compiled(run.folder)
    if isinstance(run.library, str):
        run.notes["floor"] = run.library
        return
    kept = run.found.setdefault("floor", {}).setdefault(network.name, {})
    for size in run.plan.sizes:
        for mode in modes:
            found = floor.measure(run.library, network, size, turns(size) if mode == "gso" else 1, mode)
            kept.setdefault(size, {}).setdefault(mode, []).extend(found)


def compare(run: Run, network: Network) -> None:
    """The floor, the server with its native twin, and the floor again: a machine that changes its pace meanwhile is seen."""
    floors(run, network, floor.MODES)
    try:
        found = asyncio.run(trials.audience(network, "native", run.plan.sizes, run.plan.seconds))
        run.put("native", network.name, found)
    except Exception as error:  # the floor is worth its while alone
        run.notes[f"native {network.name}"] = f"{type(error).__name__}: {error}"
    floors(run, network, ("gso",))


@contextlib.contextmanager
def cable(run: Run) -> Iterator[Network | None]:
    """Yield the way between two namespaces, or None with a note."""
    if note := veth.missing():
        run.notes["veth"] = note
        yield None
        return
    with veth.cable(run.cores) as network:
        yield network


def over_loopback(run: Run) -> None:
    """Floor and native twin over loopback."""
    compare(run, loopback(run.cores))


def over_veth(run: Run) -> None:
    """Floor and native twin over a cable."""
    with cable(run) as network:
        if network is not None:
            compare(run, network)


def python(run: Run) -> None:
    """The Python twin, as far as it carries."""
    found = trials.audience(loopback(run.cores), "python", run.plan.python, run.plan.seconds)
    run.found["python"] = asyncio.run(found)


def peers(run: Run) -> None:
    """Janus over both networks, and with the event loops that its packager gave it."""
    if note := janus.missing():
        run.notes["janus"] = note
        return
    network = loopback(run.cores)
    run.put("janus", network.name, asyncio.run(janus.measure(network, run.plan.janus, run.plan.seconds)))
    if not run.plan.far:
        return
    shipped = janus.measure(network, run.plan.janus[:1], run.plan.seconds, janus.AS_SHIPPED)
    run.put("janus", "as shipped", asyncio.run(shipped))
    with cable(run) as far:
        if far is not None:
            run.put("janus", far.name, asyncio.run(janus.measure(far, run.plan.janus[-1:], run.plan.seconds)))


def single(name: str, trial: Callable[[Run, Network], Any], run: Run) -> None:
    """A trial of the native twin over loopback."""
    run.found[name] = asyncio.run(trial(run, loopback(run.cores)))


def record(run: Run) -> None:
    """One lecture through the recorder, at its own pace, and the end of an hour."""
    run.found["recording"] = recording.measure(run.folder / "recording", run.plan.recorded)


STAGES: dict[str, Callable[[Run], None]] = {
    "loopback": over_loopback,
    "veth": over_veth,
    "waiting": partial(single, "waiting", lambda run, at: trials.waiting(at, "native", run.plan.joins, run.plan.idle)),
    "rush": partial(single, "rush", lambda run, at: trials.rush(at, "native", *run.plan.rush)),
    "repair": partial(
        single, "repair", lambda run, at: trials.repair(at, "native", *run.plan.repair, run.plan.seconds)
    ),
    "recording": record,
    "python": python,
    "janus": peers,
}
