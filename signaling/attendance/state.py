"""How far each class has come at this instant: what a live board shows. Pure, and cheap: no reasons, no sums, no sentences.

Reports about a minute come when it is over: the last `LAG` minutes are no sign that a screen keeps silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from signaling.attendance.book import Book
from signaling.attendance.fold import NO_MINUTES, ClassDelivery, Minutes
from signaling.attendance.frame import Frame

LAG: Final = 2
_NOTHING: Final = ClassDelivery()


@dataclass(frozen=True, slots=True)
class ClassState:
    """The level that a class has reached by its screens (E0 to E3; head-counts and checks are told by others), what counts so far of
    the lecture's on-air time, and why the newest minute that could be judged does not count ("" when it does).
    """

    level: str
    counted_ms: int
    on_air_ms: int
    trouble: str = ""


def states(book: Book, frame: Frame) -> dict[str, ClassState]:
    """Return the state of every class that was expected."""
    folded = book.folded()
    joined = {one.class_id for one in book.seen()}
    newest = max(folded.on_air_by_minute, default=0) - folded.first_minute
    trouble = cache(lambda bits: _trouble(bits, newest))
    found = {}
    for target in frame.targets:
        delivery = folded.classes.get(target.class_id, _NOTHING)
        level = _level(delivery, target.class_id in joined)
        why = "" if delivery.bits is NO_MINUTES else trouble(delivery.bits)
        found[target.class_id] = ClassState(level, delivery.credited_ms, folded.on_air_ms, why)
    return found


def _level(delivery: ClassDelivery, joined: bool) -> str:
    if delivery.bits.rendered:
        return "E3"
    if delivery.delivered_ms:
        return "E2"
    return "E1" if joined else "E0"


def _trouble(bits: Minutes, newest: int) -> str:
    """Return why the newest minute does not count; what was not reported yet is no trouble."""
    for minute in range(newest, max(-1, newest - LAG - 1), -1):
        here = 1 << minute
        for name in ("silent", "hidden", "still"):
            if getattr(bits, name) & here:
                return name
        if bits.unreported & here and minute <= newest - LAG:
            return "unreported"
        if bits.counted & here:
            return ""
    return "" if bits.delivered >> max(0, newest - 1) else "missing"
