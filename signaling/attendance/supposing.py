"""What a report would say if something more were true, and what each correction changed. Pure.

1. **Nothing that is supposed is told to a book**: a copy is judged, the book goes on as it was.
2. The course of corrections judges the same facts again with one correction more each time, so that **all changes together are the difference**
   between the report without any of them and the report with all.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from signaling.attendance.book import Book, Correction, Fault
from signaling.attendance.decide import decide
from signaling.attendance.evidence import presence_of
from signaling.attendance.frame import Frame, Target
from signaling.attendance.gather import Gathering, corrected
from signaling.attendance.judgement import Decision
from signaling.attendance.policy import PENDING, Policy
from signaling.attendance.report import Report
from signaling.attendance.stays import Presence

SHOWN: Final = ("expected", "present", "result")
"""The fields of a class that people read, correct and compare."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """Corrections as (class, correction) and faults as (id, fault) that a book does not hold."""

    corrections: tuple[tuple[str, Correction], ...] = ()
    faults: tuple[tuple[str, Fault], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a class that became another; the words are those of `value`."""

    class_id: str
    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Step:
    """A correction of a class, or a fault that excuses (`fault_id`), and what it changed."""

    correction_id: str
    at: datetime
    correction: Correction | None
    scope: str
    changes: tuple[Change, ...]


def supposing(book: Book, also: Supposed) -> Book:
    """Return a book that holds something more; it shares the fold of the one that it was made of."""
    made = copy.copy(book)
    made.faults = book.faults | dict(also.faults)
    made.corrections = defaultdict(dict, {class_id: dict(known) for class_id, known in book.corrections.items()})
    for class_id, correction in also.corrections:
        made.corrections[class_id][correction.correction_id] = correction
    return made


def value(decision: Decision, field: str) -> str:
    """Return a field of a class as a word: a number, the code of a result (or `pending`), nothing where there is none."""
    if field == "result":
        return PENDING if decision.pending else str(decision.result)
    number = decision.expected if field == "expected" else decision.present
    return "" if number is None else str(number)


def word(policy: Policy, field: str, code: str) -> str:
    """Return a value as people read it."""
    return policy.results.get(code, code) if field == "result" else code


def changes(before: Report, after: Report) -> list[Change]:
    """Return what differs between two reports of the same classes, class by class."""
    known = {row.target.class_id: row.decision for row in before.classes}
    return [
        change
        for row in after.classes
        for change in differing(row.target.class_id, known[row.target.class_id], row.decision)
    ]


def differing(class_id: str, before: Decision, after: Decision) -> Iterator[Change]:
    """Yield the fields that differ."""
    for field in SHOWN:
        old, new = value(before, field), value(after, field)
        if old != new:
            yield Change(class_id, field, old, new)


def course(book: Book, frame: Frame, as_of: datetime, excusals: Collection[str]) -> list[Step]:
    """Return what the corrections of a lecture changed, one after the other; `excusals` are the faults that are corrections."""
    if book.policy.credit is None:
        return []
    return _Course(book, frame, as_of, excusals).steps()


class _Course:
    """Goes through the corrections; a fault asks for other evidence, a correction only for another judgement."""

    def __init__(self, book: Book, frame: Frame, as_of: datetime, excusals: Collection[str]) -> None:
        self._as_of = as_of
        self._policy = book.policy
        self._frame = frame
        self._targets = {one.class_id: one for one in frame.targets}
        self._corrections = [
            (one.at, one.correction_id, class_id, one)
            for class_id, made in book.corrections.items()
            for one in made.values()
            if class_id in self._targets
        ]
        self._faults = [(one, book.faults[one]) for one in excusals if one in book.faults]
        self._presence = presence_of(book, book.folded(), frame.terminals, running=False)
        self._book = supposing(book, Supposed())
        self._book.corrections = defaultdict(dict)
        self._book.faults = {one: fault for one, fault in book.faults.items() if one not in excusals}
        self._made: dict[str, list[Correction]] = defaultdict(list)
        self._gather()

    def steps(self) -> list[Step]:
        """Return them in the order in which they were made."""
        found = [(at, one, partial(self._correct, class_id, made)) for at, one, class_id, made in self._corrections]
        found += [(fault.at, one, partial(self._excuse, one, fault)) for one, fault in self._faults]
        return [step() for _, _, step in sorted(found, key=lambda one: one[:2])]

    def _gather(self) -> None:
        credit = self._policy.credit
        if credit is not None:
            self._gathering = Gathering(self._book, self._frame, self._book.folded(), credit, self._as_of)

    def _correct(self, class_id: str, made: Correction) -> Step:
        before = self._decision(class_id)
        self._made[class_id].append(made)
        told = tuple(differing(class_id, before, self._decision(class_id)))
        return Step(made.correction_id, made.at, made, class_id, told)

    def _excuse(self, fault_id: str, fault: Fault) -> Step:
        concerned = [class_id for class_id, one in self._targets.items() if fault.scope in _nodes(one)]
        before = {class_id: self._decision(class_id) for class_id in concerned}
        self._book.faults[fault_id] = fault
        self._gather()
        told = [one for class_id, old in before.items() for one in differing(class_id, old, self._decision(class_id))]
        return Step(fault_id, fault.at, None, fault.scope, tuple(told))

    def _decision(self, class_id: str) -> Decision:
        found: Mapping[str, Presence] = self._presence
        evidence = self._gathering.evidence(self._targets[class_id], found.get(class_id))
        return decide(self._policy, replace(evidence, **corrected(self._made[class_id])), self._as_of)


def _nodes(target: Target) -> Sequence[str]:
    return target.region_code, target.school_code, target.class_id
