"""`jiangtang load`: try a running server with many simulated terminals before a big day.

1. It measures and does not judge: 0 when it could be done, whatever the figures are; 1 when no terminal got in; 2 for wrong use.
2. Ctrl-C ends any phase; what was measured so far is reported, and `complete` in the JSON is false.
3. **Bounded**: at most `MOST_TERMINALS` and `MOST_SECONDS` (`load_options.py`), and every join has 15 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from broadcaster.loadgen import report
from broadcaster.loadgen.crowd import Audience, Crew, Crowd, crowd
from broadcaster.loadgen.orders import ChildError
from broadcaster.loadgen.publisher import Lecturer, Sent, WhipSource, lecturer
from signaling.commands.load_options import PER_PROCESS, add_options
from signaling.commands.load_progress import Progress
from signaling.commands.load_target import Target, TargetError, find

OPENER: Final = "signaling.commands.load_http:opener"
BEFORE_SECONDS: Final = 2.0
SERVER_ENDED: Final = "the server ended during the trial"
SETTLE_SECONDS: Final = 1.0
HINTS: Final = {
    "401": "the token is wrong, or is no longer valid: take a fresh one (whep_token in demo.json of a demonstration)",
    "403": "the token is of another lecture, or of another kind: terminals need a watch token",
    "404": "there is no such address: a WHEP URL looks like https://HOST/whep/LECTURE",
    "405": "this address takes no offers: a WHEP URL looks like https://HOST/whep/LECTURE",
    "409": "the lecture is not open: open it in the studio or in the console",
    "connected, but": "nothing is published: begin the lecture, use --publish, or --idle to measure terminals that wait",
}


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "load", help="try a running server with many simulated terminals", description="Try a server before a big day."
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Try it; return the exit code."""
    try:
        target = find(options, OPENER)
    except TargetError as error:
        print(f"jiangtang load: {error}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_run(options, target))
    except (ChildError, OSError) as error:
        print(f"jiangtang load: {_with_hint(str(error))}", file=sys.stderr)
        return 1


async def _run(options: argparse.Namespace, target: Target) -> int:
    processes = options.processes or _processes(options.terminals)
    audience = Audience(target.url, target.tokens, OPENER, options.sample, options.loss)
    progress = Progress(
        sys.stderr, options.terminals, BEFORE_SECONDS + options.terminals / options.rate + options.seconds
    )
    began = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        hall = await stack.enter_async_context(crowd(audience, Crew(processes, options.cpus), pid=target.pid))
        hall.on_glance = progress.show
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, hall.stopping.set)
        studio = None
        if target.source is not None:
            studio = await _publish(stack, target.source, options.cpus)
        error, sent = await _phases(options, hall, studio, progress)
        progress.end()
        figures = _head(options, target, began, complete=not hall.stopping.is_set() and not error) | report.fold(
            hall.phases, sent
        )
    if figures["joins"]["succeeded"]:
        print(report.words(figures), file=sys.stderr if str(options.json) == "-" else sys.stdout)
    _write(options.json, figures)
    if error or not figures["joins"]["succeeded"]:
        reason = error or next(iter(figures["joins"]["reasons"]), "interrupted before the first terminal was in")
        print(f"jiangtang load: no figures to trust: {_with_hint(reason)}", file=sys.stderr)
        return 1
    return 0


async def _publish(stack: AsyncExitStack, source: WhipSource, cpus: tuple[int, ...]) -> Lecturer:
    try:
        studio = await stack.enter_async_context(lecturer(source, cpus))
        await studio.begin()
    except ChildError as error:
        raise ChildError(f"the lecture cannot be published: {error}; see --whip-url and --key") from None
    return studio


async def _phases(
    options: argparse.Namespace, hall: Crowd, studio: Lecturer | None, progress: Progress
) -> tuple[str, Sent | None]:
    """Go through the phases; return what ended them early, if anything, and what the lecturer sent."""
    try:
        progress.phase("before the first join")
        await hall.watch(BEFORE_SECONDS, report.BEFORE)
        progress.phase(f"{options.terminals} terminals join, {options.rate:g} a second")
        await hall.join(options.terminals, rate=options.rate, media=not options.idle, name=report.JOIN)
        glance = await hall.glance()
        if hall.server_ended:
            return SERVER_ENDED, await _sent(studio)
        if glance.hopeless or not glance.connected or hall.stopping.is_set():
            return glance.hopeless, await _sent(studio)
        await hall.watch(min(SETTLE_SECONDS, options.seconds), "settle")
        progress.phase(f"{glance.connected} terminals watch for {options.seconds:g} s")
        await hall.watch(options.seconds, report.WATCH)
        return SERVER_ENDED if hall.server_ended else "", await _sent(studio)
    except ChildError as error:
        return str(error), None


async def _sent(studio: Lecturer | None) -> Sent | None:
    return None if studio is None else await studio.look()


def _head(options: argparse.Namespace, target: Target, began: datetime, *, complete: bool) -> dict[str, Any]:
    """What was tried; no secrets."""
    return {
        "began": began.isoformat(timespec="seconds"),
        "complete": complete,
        "url": target.url,
        "terminals": options.terminals,
        "rate": options.rate,
        "seconds": options.seconds,
        "sample": options.sample,
        "loss": options.loss,
        "publish": target.source is not None,
        "load_average": os.getloadavg()[0],
    }


def _write(file: Path | None, figures: dict[str, Any]) -> None:
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    if str(file) == "-":
        print(text, end="")
    elif file is not None:
        file.write_text(text, "utf-8")


def _processes(terminals: int) -> int:
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, -(-terminals // PER_PROCESS)))


def _with_hint(reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return f"{reason}: name the authority with --ca FILE"
    return next((f"{reason}: {hint}" for start, hint in HINTS.items() if reason.startswith(start)), reason)
