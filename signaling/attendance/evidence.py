"""Turns facts of the ledger into what fold and report take. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from signaling.attendance.book import Book
from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import Frame, RegionName, Target
from signaling.attendance.gather import decisions
from signaling.attendance.policy import Policy
from signaling.attendance.report import Report, build
from signaling.attendance.stays import Presence, SessionSeen, joined_at, left_at
from signaling.attendance.telling import Teller
from signaling.attendance.windows import window_start
from signaling.ledger.events import Entry
from signaling.ledger.facts import Kind
from signaling.ledger.reading import tell

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DELIVERY: Final = frozenset({Kind.JOINED, Kind.LEFT, Kind.MEDIA_DELIVERED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is stored of a lecture: entries in the order of the chains; `terminals` are rows of `queries.py`."""

    targets: Sequence[Target]
    regions: Sequence[RegionName]
    entries: Sequence[Entry]
    terminals: Sequence[Sequence[Any]]


def judge(evidence: Evidence, policy: Policy, window_seconds: int, *, running: bool) -> Report:
    """Fold, decide and add up; raise `DamagedEntry`. `running`: whether screens without a leaving may still be there."""
    book = book_of(evidence, policy, window_seconds)
    frame = Frame(evidence.targets, evidence.regions, dict(evidence.terminals))  # type: ignore[arg-type]  # rows are pairs
    return report_of(book, frame, EPOCH, running=running)


def kinds(policy: Policy) -> Collection[Kind]:
    """Return the kinds of facts that a policy looks at: without credit, deliveries alone."""
    return DELIVERY if policy.credit is None else frozenset(Kind)


def book_of(evidence: Evidence, policy: Policy, window_seconds: int) -> Book:
    """Return the book of what is stored. Raises `DamagedEntry`."""
    book = Book(policy, window_seconds)
    Teller(book).tell(tell(evidence.entries))
    return book


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
