"""How an offer becomes an answer, and what a server may say instead. HTTP itself is signaling's business.

A child process imports what makes the exchange by its dotted name, `module:function`: a function of no arguments that returns an
asynchronous context manager of an `Exchange`.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import cast

Exchange = Callable[[str, str, str], Awaitable[str]]
"""`await exchange(url, token, offer)` returns the answer, or raises `Refused` or `Unreachable`."""

Opener = Callable[[], AbstractAsyncContextManager[Exchange]]


class ExchangeError(Exception):
    """An offer got no answer. The message is one line for a table of reasons."""


class Unreachable(ExchangeError):
    """Nobody answered: no route, no server, no TLS, or too slow."""


class Refused(ExchangeError):
    """The server said no. `retry_after` is seconds when it said when to come back, else None."""

    def __init__(self, status: int, code: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def hopeless(self) -> bool:
        """Whether every other terminal would hear the same: a wrong credential, or no such lecture."""
        return self.status in (401, 403, 404, 405)


def find_opener(name: str) -> Opener:
    """Import `module:function`. Raises `ImportError` or `AttributeError`."""
    module, _, function = name.partition(":")
    return cast(Opener, getattr(importlib.import_module(module), function))
