"""Which twin of the fan-out a process uses, decided once when it starts.

**A library that seals otherwise than expected must never reach a classroom**: before the native twin is used it seals
with every SRTP profile what the Python twin seals, and any difference makes the server fall back and say so.
"""

from __future__ import annotations

from typing import Literal

import structlog

from broadcaster.errors import TwinUnavailable
from broadcaster.forward.native import Native, NativeUnavailable, load
from broadcaster.transport.selftest import SelfTestFailed, check

log = structlog.get_logger(__name__)

Wanted = Literal["auto", "native", "python"]


def choose_twin(wanted: Wanted) -> tuple[str, Native | None]:
    """Return the name of the twin in use, and the extension when that is the native one.

    Raises `TwinUnavailable` when "native" is wanted and there is none; "auto" falls back with one line in the log.
    """
    if wanted == "python":
        return "python", None
    try:
        native = load()
        check(native)
    except (NativeUnavailable, SelfTestFailed, OSError) as error:
        if wanted == "native":
            raise TwinUnavailable(f"{error}. Build again with a C compiler, or set forward.twin to auto") from error
        log.warning(
            "- python twin", reason=str(error), hint="with a C compiler one core serves five times as many screens"
        )
        return "python", None
    return "native", native
