"""How much lecture the disk still takes: a pure judgement of two figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.settings import RecorderSettings


@dataclass(frozen=True, slots=True)
class Capacity:
    """The disk of the recordings. `hours_left` is that of one lecture at `recorder.admission_bits` before the reserve is reached.

    `full`: recording stops. `low`: fewer than `recorder.admission_hours`, or less than `recorder.warn_free_share` is free.
    """

    free_bytes: int
    total_bytes: int
    hours_left: float
    state: Literal["ok", "low", "full"]


def judge(free_bytes: int, total_bytes: int, settings: RecorderSettings) -> Capacity:
    """Return what a disk with so many free bytes of so many is worth."""
    spare = max(0, free_bytes - settings.min_free_bytes)
    hours = spare * 8 / settings.admission_bits / 3600
    state: Literal["ok", "low", "full"] = "ok"
    if free_bytes < settings.min_free_bytes:
        state = "full"
    elif hours < settings.admission_hours or free_bytes < settings.warn_free_share * total_bytes:
        state = "low"
    return Capacity(free_bytes, total_bytes, hours, state)
