"""Makes a report of a book: presence, decisions, sums. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from signaling.attendance.book import Book
from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import Frame
from signaling.attendance.gather import decisions
from signaling.attendance.report import Report, build
from signaling.attendance.stays import Presence, SessionSeen, joined_at, left_at
from signaling.attendance.windows import window_start


def report_of(book: Book, frame: Frame, as_of: datetime, *, running: bool) -> Report:
    """Decide and add up."""
    folded = book.folded()
    presence = presence_of(book, folded, frame.terminals, running=running)
    judged = decisions(book, frame, presence, as_of)
    return build(book.policy, frame.regions, frame.targets, folded, presence, judged)


def presence_of(book: Book, folded: Folded, terminals: Mapping[str, int], *, running: bool) -> dict[str, Presence]:
    """Return when the screens of each class came and went, and their numbers."""
    by_class: dict[str, list[SessionSeen]] = defaultdict(list)
    for one in book.seen():
        if one.class_id is not None:
            by_class[one.class_id].append(one)
    numbers: dict[str, set[int]] = defaultdict(set)
    for screen_id, class_id in book.terminals():
        if class_id is not None and screen_id in terminals:
            numbers[class_id].add(terminals[screen_id])
    result = {}
    for class_id in {*by_class, *folded.classes}:
        stays, delivery = by_class.get(class_id, []), folded.classes.get(class_id, ClassDelivery())
        begin = None if delivery.first is None else window_start(delivery.first, book.window_seconds)
        end = None if delivery.last is None else window_start(delivery.last + 1, book.window_seconds)
        there = tuple(sorted(numbers.get(class_id, ())))
        result[class_id] = Presence(joined_at(stays, begin), left_at(stays, end, running), there)
    return result
