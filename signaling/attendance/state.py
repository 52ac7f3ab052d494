"""How far each class has come at this instant: what a live board shows. Pure, and cheap: no reasons, no sums, no sentences.

Reports about a minute come when it is over: the last `LAG` minutes are no sign that a screen keeps silent.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from signaling.attendance.book import Book
from signaling.attendance.fold import ClassDelivery, Minutes
from signaling.attendance.frame import Frame

LAG: Final = 2


class ClassState(NamedTuple):
    """The level that a class has reached by its screens (E0 to E3; head-counts and checks are told by others), what counts so far of
    the lecture's on-air time, and why the newest minute that could be judged does not count ("" when it does).
    """

    level: str
    counted_ms: int
    on_air_ms: int
    trouble: str = ""


def states(book: Book, frame: Frame) -> dict[str, ClassState]:
    """Return the state of every class that was expected. Classes that went the same way share one value."""
    folded, joined = book.folded(), book.stays.classes
    newest = max(folded.on_air_by_minute, default=0) - folded.first_minute
    absent, waiting = (ClassState(level, 0, folded.on_air_ms) for level in ("E0", "E1"))
    ways: dict[int, ClassState] = {}  # by the identity of the bits, which live as long as what was folded
    found = {}
    for target in frame.targets:
        delivery = folded.classes.get(target.class_id)
        if delivery is None:
            found[target.class_id] = waiting if target.class_id in joined else absent
            continue
        state = ways.get(id(delivery.bits))
        if state is None:
            state = ways[id(delivery.bits)] = _state(delivery, folded.on_air_ms, newest)
        found[target.class_id] = state
    return found


def _state(delivery: ClassDelivery, on_air_ms: int, newest: int) -> ClassState:
    bits = delivery.bits
    return ClassState("E3" if bits.rendered else "E2", delivery.credited_ms, on_air_ms, _trouble(bits, newest))


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
