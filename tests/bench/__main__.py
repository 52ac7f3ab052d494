"""`make bench`: what the fan-out costs, against the least it could cost and against Janus, in one run.

    python -m tests.bench [--quick] [--sizes 100 500 1000 1500] [--seconds 8] [--only STAGE ...]

The unit is CPU microseconds per terminal and second of lecture; a million of them is one core. The server has a core of its own, the
terminals and the lecturer have the others; what counts is the CPU time of the whole server process: receiving, RTCP, timers, Python,
the recorder. Floor and Janus take the server's place in their turn. Once over loopback, once over a cable between two network
namespaces. **Ratios hold, absolute times are this machine's and this day's.** Prints a table, writes `var/bench.json` and a picture.

What cannot be measured here is null and has a note; a stage that fails is noted too, and the others go on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import picture, results, table
from tests.bench.floor import PROFILE
from tests.bench.stages import STAGES, Plan, Run

SIZES, QUICK_SIZES = (100, 500, 1000, 1500), (100, 500)
TARGET, DRAWN = Path("var/bench.json"), Path("var/bench.svg")
QUICK_STAGES = ("loopback", "waiting", "rush", "python", "janus")


def plan(options: argparse.Namespace) -> Plan:
    """Return what is to be measured."""
    sizes = sorted(set(options.sizes or (QUICK_SIZES if options.quick else SIZES)))
    stages = tuple(options.only or (QUICK_STAGES if options.quick else STAGES))
    if options.quick:
        return Plan(
            sizes,
            stages,
            options.seconds or 4.0,
            idle=4.0,
            python=[50],
            janus=[40],
            joins=100,
            rush=(100, 200),
            far=False,
        )
    return Plan(sizes, stages, options.seconds or 8.0, python=[50, 100, 150], janus=[40, 80], joins=200)


def measured(wanted: Plan) -> dict[str, Any]:
    """Run all stages, one after the other; return what they found and the notes."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run = Run(wanted, Path(folder))
        for name, stage in STAGES.items():
            if name not in wanted.stages:
                continue
            print(f"{time.monotonic() - begun:5.0f} s  {name}", file=sys.stderr, flush=True)
            try:
                stage(run)
            except Exception as error:  # the other stages are worth their while; the table says what is missing and why
                run.notes[name] = f"{type(error).__name__}: {error}"
                print(f"         {run.notes[name]}", file=sys.stderr, flush=True)
    return run.found | {"notes": run.notes, "took_seconds": round(time.monotonic() - begun)}


def about(wanted: Plan) -> dict[str, Any]:
    """Return what one must know to read the figures."""
    return {
        "srtp_profile": PROFILE,
        "seconds": wanted.seconds,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python_version": platform.python_version(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def noted(document: dict[str, Any], notes: dict[str, str]) -> dict[str, Any]:
    """Put beside each of the main figures that is null the note that says why."""
    for name in ("floor", "native", "python", "janus"):
        if document.get(name) is None:
            words = [note for stage, note in notes.items() if stage.split()[0] == name]
            document.setdefault(f"{name}_note", " ".join(words) or "not measured in this run")
    return document


def end_on(*signals: signal.Signals) -> None:
    """Let these signals end the run as Ctrl-C does, so that everything that was started is ended too."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for each in signals:
        signal.signal(each, interrupt)


def main() -> None:
    """Run, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 and 500 terminals over loopback, about two minutes")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of terminals")
    parser.add_argument("--seconds", type=float, help="of lecture at each size, best a multiple of 4")
    parser.add_argument("--only", nargs="+", choices=tuple(STAGES), help="leave out all other stages")
    wanted = plan(parser.parse_args())
    end_on(signal.SIGTERM, signal.SIGHUP)
    raw = measured(wanted)
    document = noted(results.document(raw, wanted.sizes), raw["notes"]) | about(wanted)
    document |= {name: raw[name] for name in ("notes", "took_seconds")}
    print(table.render(document))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if picture.series(document):
        DRAWN.write_text(picture.draw(document), "utf-8")
    print(f"\nwritten to {TARGET} and {DRAWN} after {document['took_seconds']} s")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            main()
        except KeyboardInterrupt:
            sys.exit("interrupted: nothing is written")
