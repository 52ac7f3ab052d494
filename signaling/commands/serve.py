"""`jiangtang serve`: run a node until SIGTERM.

**SIGTERM ends within `server.shutdown_seconds`**: what has not ended by then, a hanging loop included, is ended by a thread that exits
the process.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web

from config.agencies import AgencyFileError
from config.regions import RegionFileError
from config.settings import Settings
from signaling.app import Node
from signaling.commands import settings as options_of
from signaling.db.migrate import SchemaError
from signaling.demo import Demo
from signaling.folder import hold
from signaling.listen import StartError, bind, serve_on, tls_context
from signaling.loop import new_loop, settle
from signaling.operations import logs

log = structlog.get_logger("serve")
HANDLERS_MAY_TAKE = 1.0
BETWEEN_POLLS = 0.3
ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("serve", help="run the server until SIGTERM")
    parser.add_argument("--demo", action="store_true", help="invented schools, one lecture open now, links printed")
    parser.add_argument("--host", metavar="H", help="address to listen on (http.host)")
    parser.add_argument("--port", metavar="N", type=int, help="TCP port (http.port); 0 takes a free one")
    parser.add_argument("--media-port", metavar="N", type=int, help="UDP port of all media (media.port)")
    parser.add_argument(
        "--media-host", metavar="IP", action="append", help="address of media; may be given several times (media.hosts)"
    )
    options_of.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve; return the exit code."""
    try:
        settings = options_of.read(options)
    except options_of.SettingsError as error:
        return options_of.report(error)
    logs.configure(settings.log, for_good=options.whole_process)
    deadline = threading.Timer(settings.server.shutdown_seconds, os._exit, args=(1,))
    deadline.daemon = True
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve(settings, deadline.start, demo=options.demo))
    except (AgencyFileError, RegionFileError) as error:
        return options_of.report(error)
    except (StartError, SchemaError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
        return 1
    finally:
        deadline.cancel()
    return 0


async def serve(settings: Settings, begin_to_end: Callable[[], None], *, demo: bool) -> None:
    """Run a node until SIGTERM or SIGINT; `begin_to_end` is called when it begins to stop."""
    ending = _signals()
    tls = tls_context(settings.tls)
    listener = bind(settings.http.host, settings.http.port)
    held = hold(settings)
    node = Node(settings)
    runner = web.AppRunner(node.web_app, access_log=None, shutdown_timeout=HANDLERS_MAY_TAKE)
    try:
        tour = Demo(node) if demo else None
        await node.start()
        prepared = None if tour is None else await tour.prepare()
        await runner.setup()
        await serve_on(runner, listener, tls)
        url = base_url(settings, listener.getsockname()[1])
        log.info("- serving", url=url, media_port=node.plane.media_port, node=settings.server.node)
        if tour is not None and prepared is not None:
            tour.publish(prepared, url, node.plane.media_port)
        settle()
        await ending.wait()
        log.info("- ending")
        # The listening socket is still open: a screen that polls and is between two polls hears of the restart too.
        await node.realtime.announce_restart(settings.server.restart_window_seconds)
        await asyncio.sleep(BETWEEN_POLLS)
    finally:
        begin_to_end()
        await runner.cleanup()
        await node.stop()
        listener.close()
        held.close()


def base_url(settings: Settings, port: int) -> str:
    """Return the URL under which this server is reached from its own machine, or the public one when it is set."""
    if settings.http.public_url:
        return settings.http.public_url.rstrip("/")
    host = settings.http.host
    name = "localhost" if host in ANY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls.cert else 'http'}://{name}:{port}"


def _signals() -> asyncio.Event:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    return ending
