"""Structured logs.

1. **No secret reaches a line**: values under telling names and everything that looks like one of our tokens are replaced.
2. Our own lines do not pass through `logging`, which costs more than all else about them; those of libraries do, and look the same.
3. A line below the level costs a look-up.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import LogSettings

SECRET_NAMES = frozenset(
    {"password", "token", "ticket", "secret", "cookie", "authorization", "stream_key", "device_token", "pwd", "key"}
)
# Our opaque tokens, bearer headers, and signed watch tokens (three base64url parts).
SECRETS = re.compile(
    r"jt[a-z]_[A-Za-z0-9_-]{8,}|(?i:bearer)\s+\S+|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|jt_(?:login|half)=[^;\s]+"
)
HIDDEN = "[hidden]"


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: hide secrets in every member of a log line."""
    return {name: HIDDEN if name.lower() in SECRET_NAMES else _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        lower = value.lower()
        suspect = "jt" in lower or "eyj" in lower or "bearer" in lower  # cheaper than the search, and never narrower
        return SECRETS.sub(HIDDEN, value) if suspect else value
    if isinstance(value, dict):
        return {name: HIDDEN if str(name).lower() in SECRET_NAMES else _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


class Output:
    """What structlog calls a logger: it has a name and takes finished lines. Writes whole lines, from any thread."""

    __slots__ = ("_lock", "_stream", "name")

    def __init__(self, name: str, stream: TextIO, lock: threading.RLock) -> None:
        self.name = name
        self._stream = stream
        self._lock = lock

    def write(self, line: str) -> None:
        """Write a line. **Nobody fails because his line cannot be written**: a pipe that closed ends the log, not a lecture."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


class Outputs:
    """An `Output` for each name, made once."""

    def __init__(self, stream: TextIO, lock: threading.RLock) -> None:
        self._stream = stream
        self._lock = lock
        self._known: dict[str, Output] = {}

    def __call__(self, name: str = "", *_: object) -> Output:
        output = self._known.get(name)
        if output is None:
            output = self._known[name] = Output(name, self._stream, self._lock)
        return output


def configure(settings: LogSettings, *, for_good: bool = False) -> None:
    """Send our lines and those of the libraries to standard error in one form.

    `for_good` lets every logger remember that at its first line, which then costs half; it cannot be undone.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final = _final(settings.as_json)
    root = logging.getLogger()
    root.setLevel(settings.level.upper())
    lock = threading.RLock()
    structlog.configure(
        processors=[*shared, *final],
        logger_factory=Outputs(sys.stderr, lock),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=for_good,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.lock = lock  # a line of ours and one of a library do not mix
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final]
        )
    )
    root.handlers[:] = [handler]
    for name in ("aiohttp.access", "aioice", "aiortc", "alembic", "socketio", "engineio", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _final(as_json: bool) -> list[Callable[..., Any]]:
    if as_json:
        last: Callable[..., Any] = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [structlog.processors.format_exc_info, redact, last]
    return [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
