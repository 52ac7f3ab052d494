"""Structured logs.

**No secret reaches a line**: values under telling names and everything that looks like one of our tokens are replaced.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import LogSettings

SECRET_NAMES = frozenset(
    {"password", "token", "ticket", "secret", "cookie", "authorization", "stream_key", "device_token", "pwd", "key"}
)
# Our opaque tokens, bearer headers, and signed watch tokens (three base64url parts).
SECRETS = re.compile(
    r"jt[a-z]_[A-Za-z0-9_-]{8,}|(?i:bearer)\s+\S+|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|jt_login=[^;\s]+"
)
HIDDEN = "[hidden]"


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: hide secrets in every member of a log line."""
    return {name: HIDDEN if name.lower() in SECRET_NAMES else _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return SECRETS.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {name: HIDDEN if str(name).lower() in SECRET_NAMES else _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def configure(settings: LogSettings) -> None:
    """Send our lines and those of the libraries to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_final(settings.as_json)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in ("aiohttp.access", "aioice", "aiortc", "alembic", "socketio", "engineio", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _final(as_json: bool) -> list[Callable[..., Any]]:
    if as_json:
        last: Callable[..., Any] = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [structlog.processors.format_exc_info, redact, last]
    return [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
