"""Turns stored rows into what fold and report take. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

from signaling.attendance.book import Book
from signaling.attendance.fold import ClassDelivery, Folded, Window
from signaling.attendance.frame import Frame, RegionName, Target
from signaling.attendance.gather import decisions
from signaling.attendance.packing import Columns, PackingError, unpack
from signaling.attendance.policy import Policy
from signaling.attendance.report import Report, build
from signaling.attendance.stays import Presence, SessionSeen, joined_at, left_at
from signaling.attendance.windows import window_start

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
UNPACKED: Final = 64  # rows kept unpacked: more than a minute has, unless nodes are many


class DamagedLedger(Exception):
    """A stored row cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is stored of a lecture; the plain rows are those of `queries.py`."""

    targets: Sequence[Target]
    regions: Sequence[RegionName]
    windows: Sequence[Sequence[Any]]
    roster: Sequence[Sequence[Any]]
    facts: Sequence[Sequence[Any]]
    terminals: Sequence[Sequence[Any]]


def judge(evidence: Evidence, policy: Policy, window_seconds: int, *, running: bool) -> Report:
    """Fold, decide and add up; raise `DamagedLedger`. `running`: whether screens without a leaving may still be there."""
    book = book_of(evidence, policy, window_seconds)
    frame = Frame(evidence.targets, evidence.regions, dict(evidence.terminals))  # type: ignore[arg-type]  # rows are pairs
    return report_of(book, frame, EPOCH, running=running)


def book_of(evidence: Evidence, policy: Policy, window_seconds: int) -> Book:
    """Return the book of what is stored."""
    book, load = Book(policy, window_seconds), lru_cache(maxsize=UNPACKED)(_load)
    for node, slot, screen_id, class_id in evidence.roster:
        book.number(node, slot, screen_id, class_id)
    for row in map(tuple, evidence.windows):
        book.window(_window(row, load))
    for kind, session, screen_id, class_id, at, node, data in evidence.facts:
        take = book.stays.joined if kind == "joined" else book.stays.left
        take(session, screen_id, class_id, at, (node, json.loads(data).get("boot", "")))
    return book


def report_of(book: Book, frame: Frame, as_of: datetime, *, running: bool) -> Report:
    """Decide and add up."""
    folded = book.folded()
    presence = presence_of(book, folded, frame.terminals, running=running)
    judged = decisions(book, frame, presence, as_of)
    return build(book.policy, frame.regions, frame.targets, folded, presence, judged)


def _window(row: Sequence[Any], load: Callable[[Sequence[Any]], Columns]) -> Window:
    _, node, number, boot, part, published, flowing_ms, _ = row
    return Window(node, number, boot, part, published, flowing_ms, partial(load, row))


def _load(row: Sequence[Any]) -> Columns:
    row_id, node, number, *_, packed = row
    try:
        return unpack(packed)
    except PackingError as error:
        raise DamagedLedger(f"delivery_windows row {row_id} (window {number} of {node}): {error}") from error


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
