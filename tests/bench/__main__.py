"""`make bench`: the fan-out against the floor, in one run.

    python -m tests.bench [--terminals 50 100 200] [--seconds 75] [--janus FILE]

The unit is CPU microseconds per terminal and second of lecture; a million of them is one core. Contenders take turns, so that a
busy machine hurts all alike; figures are medians over the turns. **Ratios hold, absolute times are this machine's and this day's.**
Prints a table and writes `var/bench.json`: `floor` (C, datagram trains), `floor_plain` (C, one datagram a packet), `floor_python` (a
bare Python loop), `python` (the fan-out), each for the largest number of terminals, and all of them under `sizes`. What was not
measured is null.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.contenders import Contender, FloorInC, FloorInPython, Twin, compiled
from tests.bench.field import PROFILE
from tests.bench.score import GOP_SECONDS, PACKETS

MOST_TURNS = 7
FEWEST_TURNS = 1
NAMES = ("floor", "floor_plain", "floor_python", "python")
JANUS_SECONDS = 120

Makers = dict[str, Callable[[int], Contender]]
Figures = dict[str, float | None]


def makers(library: ctypes.CDLL | None) -> Makers:
    """Return who takes part."""
    made: Makers = {"floor_python": FloorInPython, "python": Twin}
    if library is not None:
        made["floor"] = lambda terminals: FloorInC(terminals, library, trains=True)
        made["floor_plain"] = lambda terminals: FloorInC(terminals, library, trains=False)
    return made


def measure(makers: Makers, terminals: int, seconds: float) -> dict[str, list[float]]:
    """Let the contenders take turns for some `seconds`; return microseconds per terminal and second of lecture of each turn.

    The first turn warms up and does not count.
    """
    contenders = {name: make(terminals) for name, make in makers.items()}
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    deadline = time.perf_counter() + seconds
    try:
        for turn in range(MOST_TURNS + 1):
            for name, contender in contenders.items():
                spent = contender.play() * 1e6 / terminals / GOP_SECONDS
                turns[name] += [spent] if turn else []
            if turn >= FEWEST_TURNS and time.perf_counter() > deadline:
                break
    finally:
        for contender in contenders.values():
            contender.close()
    return turns


def figures(turns: dict[str, list[float]]) -> Figures:
    """Fold the turns: medians, and medians of the ratios within a turn."""
    folded: Figures = {name: round(statistics.median(turns[name]), 1) if name in turns else None for name in NAMES}
    for floor in ("floor", "floor_python"):
        ratios = [mine / least for mine, least in zip(turns["python"], turns.get(floor, []), strict=False)]
        folded[f"ratio_python_to_{floor}"] = round(statistics.median(ratios), 2) if ratios else None
    folded["python_us_per_packet"] = round(statistics.median(turns["python"]) * GOP_SECONDS / PACKETS, 2)
    folded["terminals_per_core"] = round(1e6 / statistics.median(turns["python"]))
    folded["turns"] = len(turns["python"])
    return folded


def janus(script: Path | None) -> float | str:
    """Run a script that measures Janus with the same lecture and prints JSON; return its figure, or why there is none."""
    if shutil.which("janus") is None:
        return "Janus is not installed: left out"
    if script is None or not script.is_file():
        return "no script measures Janus (--janus FILE): left out"
    made = subprocess.run(
        [sys.executable, str(script), "--json"], capture_output=True, text=True, timeout=JANUS_SECONDS
    )
    try:
        return float(json.loads(made.stdout)["us_per_terminal_second"])
    except (ValueError, KeyError):
        return f"{script} told no us_per_terminal_second: {made.stderr.strip()[-300:]}"


def show(sizes: dict[int, Figures]) -> None:
    """Print the table."""
    columns = (
        "floor",
        "floor_plain",
        "floor_python",
        "python",
        "ratio_python_to_floor",
        "ratio_python_to_floor_python",
    )
    titles = ("C, trains", "C, plain", "Python loop", "fan-out", "/ C, trains", "/ Python loop")
    print("CPU microseconds per terminal and second of lecture\n")
    print("terminals " + "".join(f"{title:>15}" for title in titles) + f"{'turns':>7}")
    for terminals, folded in sizes.items():
        cells = "".join(f"{'-' if folded[name] is None else folded[name]:>15}" for name in columns)
        print(f"{terminals:>9} {cells}{folded['turns']:>7}")


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--terminals", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seconds", type=float, default=60.0, help="wall time after which no further turn begins")
    parser.add_argument("--janus", type=Path, help="script that measures Janus and prints JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(Path(folder))
        if isinstance(library, str):
            print(library)
        taking_part = makers(None if isinstance(library, str) else library)
        whole = sum(options.terminals)
        sizes = {
            terminals: figures(measure(taking_part, terminals, options.seconds * terminals / whole))
            for terminals in options.terminals
        }
    show(sizes)
    other = janus(options.janus)
    print(f"\nJanus: {other}" if isinstance(other, str) else f"\nJanus: {other:.0f}")
    largest = sizes[max(sizes)]
    document: dict[str, Any] = dict(largest) | {
        "native": None,
        "janus": None if isinstance(other, str) else other,
        "terminals": max(sizes),
        "srtp_profile": PROFILE,
        "load_average": round(os.getloadavg()[0], 1),
        "sizes": {str(terminals): folded for terminals, folded in sizes.items()},
    }
    Path("var").mkdir(exist_ok=True)
    Path("var/bench.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print("written to var/bench.json")


if __name__ == "__main__":
    main()
