"""The options of `jiangtang load`, and what their values may be."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

PER_PROCESS = 800
MOST_TERMINALS, MOST_SECONDS, MOST_RATE, MOST_LOSS = 20_000, 24 * 3600.0, 1000.0, 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all of them."""
    _add_target(parser.add_argument_group("target"))
    _add_trial(parser.add_argument_group("trial"))
    lecture = parser.add_argument_group("lecture")
    publish = "publish a synthetic lecture of 1.5 Mb/s; latency is then measured from its sending"
    lecture.add_argument("--publish", action="store_true", help=publish)
    lecture.add_argument("--whip-url", metavar="URL", help="where to publish (demo.json otherwise)")
    lecture.add_argument("--key", metavar="KEY", help="stream key (demo.json otherwise)")
    parser.add_argument("--json", metavar="FILE", type=_file, help="write the whole report; - is standard output")


def _add_target(target: argparse._ArgumentGroup) -> None:
    demo = "data folder of `serve --demo`: everything is read from demo.json"
    target.add_argument("--demo", metavar="DIR", type=Path, help=demo)
    target.add_argument("--url", metavar="URL", help="WHEP URL of the lecture")
    token = "watch token; several are used in turn (a screen's is good for one session)"  # noqa: S105 - a sentence
    target.add_argument("--token", metavar="TOKEN", action="append", default=[], help=token)
    target.add_argument("--tokens", metavar="FILE", type=Path, help="file with one watch token a line")
    target.add_argument("--ca", metavar="FILE", type=Path, help="authority to trust (ca.pem of `jiangtang cert`)")
    pid = "process id of the server on this machine: its CPU time and memory are reported"
    target.add_argument("--pid", type=int, help=pid)


def _add_trial(trial: argparse._ArgumentGroup) -> None:
    terminals = _between(int, 1, MOST_TERMINALS)
    trial.add_argument("--terminals", metavar="N", type=terminals, default=100, help="how many (default: 100)")
    rate = _between(float, 0.1, MOST_RATE)
    trial.add_argument("--rate", metavar="R", type=rate, default=50.0, help="joins a second (default: 50)")
    seconds = _between(float, 0.0, MOST_SECONDS)
    watch = "to watch when all are in (default: 30)"
    trial.add_argument("--seconds", metavar="S", type=seconds, default=30.0, help=watch)
    sample = "share that checks every packet, at least 4 terminals (default: 5%%)"
    trial.add_argument("--sample", metavar="P", type=_share(1.0), default=0.05, help=sample)
    loss = "share of video that the sample pretends to lose and asks for again"
    trial.add_argument("--loss", metavar="P", type=_share(MOST_LOSS), default=0.0, help=loss)
    idle = "do not wait for media: measure terminals that wait for the lecture"
    trial.add_argument("--idle", action="store_true", help=idle)
    processes = f"load processes (default: one for {PER_PROCESS} terminals, at most one a core)"
    trial.add_argument("--processes", metavar="K", type=_between(int, 1, 64), help=processes)
    trial.add_argument("--cpus", metavar="LIST", type=_cpus, default=(), help="CPUs of the load, as 1 or 2,3")


def _between(read: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def value(text: str) -> float:
        found = read(text)
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return found

    return value


def _share(most: float) -> Callable[[str], float]:
    """5% and 0.05 are the same."""

    def value(text: str) -> float:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if not 0 <= found <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between 0 and {most * 100:g}%")
        return found

    return value


def _cpus(text: str) -> tuple[int, ...]:
    found, ours = tuple(int(number) for number in text.split(",")), os.sched_getaffinity(0)
    if not set(found) <= ours:
        raise argparse.ArgumentTypeError(f"{text}: the CPUs here are {', '.join(map(str, sorted(ours)))}")
    return found


def _file(text: str) -> Path:
    """A file that can be written when the trial is over."""
    found = Path(text)
    if not found.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {found.parent}")
    return found
