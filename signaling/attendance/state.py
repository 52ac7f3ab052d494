"""How far each class has come at this instant: what a live board shows. Pure, and cheap: no reasons, no sums, no sentences.

Reports about a minute come when it is over: the last `LAG` minutes are no sign that a screen keeps silent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from signaling.attendance.book import Book
from signaling.attendance.fold import COUNTED, HIDDEN, RENDERED, SILENT, STILL, UNREPORTED, ClassDelivery, Minutes
from signaling.attendance.frame import Frame
from signaling.attendance.gather import checks_of, is_checked

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


class Reached(NamedTuple):
    """The level that a class has reached as a number, 0 to 5, and why the newest minute that could be judged does not count."""

    level: int
    trouble: str = ""


def reached(book: Book, frame: Frame, as_of: datetime) -> dict[str, Reached]:
    """Return the level of every class that anything is known of: E0 to E5 as decisions have them, but for replays and corrections.

    **Minutes are not added up**: a prefecture is asked for every few seconds while somebody looks.
    """
    book.fold()
    progress = book.running.progress(LAG)
    above = _above(book, frame, as_of)
    shared: dict[tuple[int, str], Reached] = {}
    troubles: dict[bytes, str] = {}
    found = dict.fromkeys(book.stays.classes, Reached(1))
    late = zip(*progress.late, strict=True) if progress.late else ()
    rows = zip(progress.classes, progress.delivered, progress.states, late, strict=True)
    for class_id, delivered, states, newest in rows:
        if not delivered:
            continue
        level = above.get(class_id) or (3 if states & RENDERED else 2)
        key = bytes(newest)
        trouble = troubles.get(key)
        if trouble is None:
            trouble = troubles[key] = _trouble_of(key)
        one = shared.get((level, trouble))
        if one is None:
            one = shared[level, trouble] = Reached(level, trouble)
        found[class_id] = one
    return found


def _above(book: Book, frame: Frame, as_of: datetime) -> dict[str, int]:
    """Return the classes whose head-count was confirmed (4), or that passed their presence checks (5)."""
    credit = book.policy.credit
    if credit is None:
        return {}
    opens = timedelta(minutes=credit.confirmation.opens_after_minutes)
    begin = frame.started_at
    found = {
        class_id: 4
        for class_id, told in book.headcounts.items()
        if begin is not None and any(one.at >= begin + opens for one in told.values())
    }
    told = checks_of(book, as_of)
    if told:
        for target in frame.targets:
            asked, passed, _ = told.get(target.class_id, (0, 0, ()))
            if asked and credit.checks.passed(asked, passed) and is_checked(credit, frame, target):
                found[target.class_id] = 5
    return found


def _trouble_of(newest: bytes) -> str:
    """Return why the newest minute does not count, by its flags and those of the minutes before; what may still be reported is no trouble."""
    for age, flags in enumerate(newest):
        for name, flag in (("silent", SILENT), ("hidden", HIDDEN), ("still", STILL)):
            if flags & flag:
                return name
        if flags & UNREPORTED and age >= LAG:
            return "unreported"
        if flags & COUNTED and not flags & UNREPORTED:
            return ""
    return ""
