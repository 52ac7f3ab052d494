"""Puts together what is known of each class, and has it judged. Pure.

Everything that a decision depends on besides facts is in the `Frame`; the time of the judgement is an argument.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import TypedDict

from signaling.attendance.book import Book, Correction
from signaling.attendance.credit import Credit
from signaling.attendance.decide import decide, number_of
from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import Frame, Target
from signaling.attendance.judgement import ClassEvidence, Decision, Headcount
from signaling.attendance.outliers import NOTHING, Signs, flags
from signaling.attendance.policy import Policy
from signaling.attendance.replay import MadeUp, by_class
from signaling.attendance.stays import Presence


def decisions(book: Book, frame: Frame, presence: Mapping[str, Presence], as_of: datetime) -> dict[str, Decision]:
    """Return the decision of every class that was expected."""
    folded, policy = book.folded(), book.policy
    if policy.credit is None:
        return {
            one.class_id: by_delivery(policy, one, folded, presence.get(one.class_id), as_of) for one in frame.targets
        }
    gathered = Gathering(book, frame, folded, policy.credit, as_of)
    return gathered.decisions(presence)


def by_delivery(policy: Policy, target: Target, folded: Folded, presence: Presence | None, as_of: datetime) -> Decision:
    """Judge a class by what was delivered to it."""
    delivery = folded.classes.get(target.class_id) or ClassDelivery()
    evidence = ClassEvidence(
        expected=target.pupils,
        joined=is_joined(presence, delivery),
        on_air_ms=folded.on_air_ms,
        delivered_ms=delivery.delivered_ms,
        counted_ms=delivery.credited_ms,
    )
    return decide(policy, evidence, as_of)


def is_joined(presence: Presence | None, delivery: ClassDelivery) -> bool:
    """Whether a class was there, be it that only deliveries tell."""
    return (presence is not None and presence.joined_at is not None) or delivery.delivered_ms > 0


def span(credit: Credit, frame: Frame) -> tuple[datetime, datetime] | None:
    """Return the time within which on-air time counts; None when the timetable says nothing, or the lecture never started."""
    if frame.planned is None or frame.started_at is None:
        return None
    begin, length = frame.planned[0], timedelta(minutes=frame.planned[1])
    grace = timedelta(minutes=credit.grace_minutes)
    if not begin - grace <= frame.started_at < begin + length + grace:
        begin = frame.started_at
    return begin - grace, max(begin, frame.started_at) + length + grace


def is_checked(credit: Credit, frame: Frame, target: Target) -> bool:
    """Whether presence checks count for a class."""
    return credit.asks(frame.audience, frame.counts) and target.school_kind not in credit.checks.off_for_school_kinds


def checks_of(book: Book, as_of: datetime) -> dict[str, tuple[int, int, tuple[int, ...]]]:
    """Return by class how many checks it was put, how many it passed, and how long its screens took."""
    found: dict[str, tuple[int, int, tuple[int, ...]]] = {}
    for check in book.checks.values():
        if check.deadline is None or check.deadline > as_of:
            continue
        passed: dict[str, bool] = {}
        delays: dict[str, tuple[int, ...]] = defaultdict(tuple)
        for screen in sorted(check.screens):
            class_id = book.class_of(screen)
            if class_id is not None:
                passed[class_id] = passed.get(class_id, False) or check.right(screen)
                if screen in check.answers:
                    delays[class_id] += (check.answers[screen].delay_ms,)
        for class_id, right in passed.items():
            asked, before, times = found.get(class_id, (0, 0, ()))
            found[class_id] = asked + 1, before + right, times + delays[class_id]
    return found


class Gathering:
    """One pass over the classes of a lecture."""

    def __init__(self, book: Book, frame: Frame, folded: Folded, credit: Credit, as_of: datetime) -> None:
        self._book = book
        self._frame = frame
        self._folded = folded
        self._credit = credit
        self._as_of = as_of
        self._weigh = cache(folded.weigh)
        self._mask = self._counting()
        self._faults = self._fault_minutes()
        self._made_up = self._replayed()
        self._checks = checks_of(book, as_of)
        self._unproven: dict[str, int] = defaultdict(int)
        self._refused: dict[str, Counter[str]] = defaultdict(Counter)
        for screen, count in folded.unproven.items():
            self._unproven[book.class_of(screen) or ""] += count
        self._replacements: dict[str, int] = defaultdict(int)
        for screen, minutes in book.replacements.items():
            class_id = book.class_of(screen) or ""
            self._replacements[class_id] = max(self._replacements[class_id], *minutes.values())
        for screen, reasons in book.refused.items():
            self._refused[book.class_of(screen) or ""].update(reasons)

    def decisions(self, presence: Mapping[str, Presence]) -> dict[str, Decision]:
        """Return the decision of every class; flags need all classes of a school."""
        found: dict[str, Decision] = {}
        policy, as_of, limits = self._book.policy, self._as_of, self._credit.outliers
        targets = sorted(self._frame.targets, key=attrgetter("school_code", "class_id"))
        for _, school in groupby(targets, key=attrgetter("school_code")):
            evidence = {one.class_id: self.evidence(one, presence.get(one.class_id)) for one in school}
            signs = {one: self._signs(one, known, presence.get(one)) for one, known in evidence.items()}
            flagged = flags(signs, limits)
            for class_id, known in evidence.items():
                whole = replace(known, flags=flagged[class_id]) if class_id in flagged else known
                found[class_id] = decide(policy, whole, as_of)
        return found

    def evidence(self, target: Target, presence: Presence | None) -> ClassEvidence:
        """Return what is known of a class, without the flags, which need all classes of its school."""
        class_id, weigh = target.class_id, self._weigh
        delivery = self._folded.classes.get(class_id) or ClassDelivery()
        bits, made_up = delivery.bits, self._made_up.get(class_id, MadeUp())
        counted = bits.counted & self._mask
        missed, causes = self._missed(target, counted)
        replayed = made_up.minutes & self._mask & ~counted
        asked, passed, _ = self._checks.get(class_id, (0, 0, ()))
        headcount, late = self._headcounts(class_id)
        return ClassEvidence(
            expected=target.pupils,
            joined=is_joined(presence, delivery),
            on_air_ms=weigh(self._mask),
            delivered_ms=delivery.delivered_ms,
            counted_ms=weigh(counted),
            rendered_ms=weigh(bits.rendered & self._mask),
            made_up_ms=weigh(counted | replayed),
            excused_ms=weigh(missed),
            recovered_ms=weigh(missed & replayed),
            excused_causes=causes,
            lost=self._lost(bits.silent, bits.hidden, bits.still, bits.unreported),
            checked=is_checked(self._credit, self._frame, target),
            asked=asked,
            passed=passed,
            headcount=headcount,
            late_headcount=late,
            ended_at=self._frame.ended_at,
            replay_too_fast=made_up.too_fast,
            **corrected(self._book.corrections.get(class_id, {}).values()),
        )

    def unseen(self, target: Target) -> int:
        """Return as bits the minutes that count, that no fault excuses, and that a class did not see, live or afterwards."""
        live = (self._folded.classes.get(target.class_id) or ClassDelivery()).bits.counted
        replayed = self._made_up.get(target.class_id, MadeUp()).minutes
        missed, _ = self._missed(target, live & self._mask)
        return self._mask & ~(live | replayed | missed)

    @property
    def counting(self) -> int:
        """The minutes that count, as bits."""
        return self._mask

    def _lost(self, *causes: int) -> tuple[int, int, int, int]:
        if not any(causes):
            return 0, 0, 0, 0
        silent, hidden, still, unreported = (self._weigh(bits & self._mask) for bits in causes)
        return silent, hidden, still, unreported

    def _signs(self, class_id: str, evidence: ClassEvidence, presence: Presence | None) -> Signs:
        delivery = self._folded.classes.get(class_id) or ClassDelivery()
        bits, made_up = delivery.bits, self._made_up.get(class_id)
        headcount = evidence.headcount or evidence.late_headcount
        present = evidence.corrections.get("present", None if headcount is None else str(headcount.present))
        _, _, delays = self._checks.get(class_id, (0, 0, ()))
        return Signs(
            present=None if present is None else number_of(present, 0),
            expected=number_of(evidence.corrections.get("expected"), evidence.expected),
            joined_at=None if presence is None else presence.joined_at,
            answers=delays,
            made_up_ms=evidence.made_up_ms,
            night_ms=0 if made_up is None else self._weigh(made_up.night & self._mask & ~bits.counted),
            rendered_minutes=bits.rendered.bit_count(),
            unreported_minutes=bits.unreported.bit_count(),
            twice_minutes=bits.twice.bit_count(),
            replacements=self._replacements.get(class_id, 0),
            unproven_minutes=self._unproven.get(class_id, 0),
            too_fast=evidence.replay_too_fast,
            refused=self._refused.get(class_id, NOTHING),
        )

    def _counting(self) -> int:
        """Return the minutes that count for the denominator."""
        within, first = span(self._credit, self._frame), self._folded.first_minute
        begin, end = (0, float("inf")) if within is None else (int(one.timestamp() // 60) for one in within)
        return sum(1 << minute - first for minute in self._folded.on_air_by_minute if begin <= minute < end)

    def _fault_minutes(self) -> dict[str, list[tuple[str, int]]]:
        """Return by scope the causes and the minutes that a fault touches, be it for a moment."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        first, causes = self._folded.first_minute, set(self._credit.faults.causes)
        for fault in self._book.faults.values():
            if fault.end is not None and fault.end <= fault.begin:
                continue  # taken back
            begin = int(fault.begin.timestamp() * 1000) // 60_000
            end = -(-int((fault.end or self._as_of).timestamp() * 1000) // 60_000)
            bits = sum(1 << minute - first for minute in self._folded.on_air_by_minute if begin <= minute < end)
            if fault.cause in causes and bits & self._mask:
                scope = "" if fault.scope in self._frame.everywhere else fault.scope
                found[scope].append((fault.cause, bits & self._mask))
        return found

    def _missed(self, target: Target, counted: int) -> tuple[int, tuple[str, ...]]:
        """Return the minutes that a class missed in faults, with the causes."""
        if not self._faults:
            return 0, ()
        scopes = ("", target.region_code, target.school_code, target.class_id)
        faults = [(cause, bits & ~counted) for one in scopes for cause, bits in self._faults.get(one, ())]
        missed = 0
        for _, bits in faults:
            missed |= bits
        return missed, tuple(sorted({cause for cause, bits in faults if bits}))

    def _replayed(self) -> dict[str, MadeUp]:
        make_up, seconds = self._credit.make_up, self._book.window_seconds
        if not self._frame.started_at or not self._book.replays.screens:
            return {}
        offset, first = int(self._frame.utc_offset.total_seconds()), int(self._frame.started_at.timestamp()) // seconds
        last = int(self._as_of.timestamp()) // seconds + 1
        if self._frame.ended_at is not None:
            last = int((self._frame.ended_at + timedelta(days=make_up.days)).timestamp()) // seconds
        return by_class(
            self._book.replays,
            self._book.class_of,
            self._folded,
            self._book.policy.minute_seconds,
            (first, last),
            lambda number: self._credit.outliers.is_night((number * seconds + offset) // 3600 % 24),
        )

    def _headcounts(self, class_id: str) -> tuple[Headcount | None, Headcount | None]:
        """Return the newest head-count of the time for it, and the newest of the time for making up."""
        told, started_at = self._book.headcounts.get(class_id), self._frame.started_at
        if not told or started_at is None:
            return None, None
        confirmation, ended_at = self._credit.confirmation, self._frame.ended_at
        opens = started_at + timedelta(minutes=confirmation.opens_after_minutes)
        newest = [headcount for _, headcount in sorted(told.items(), reverse=True) if headcount.at >= opens]
        if ended_at is None:
            return next(iter(newest), None), None
        closes = ended_at + timedelta(hours=confirmation.closes_after_hours)
        last = ended_at + timedelta(days=self._credit.make_up.days)
        return _before(newest, closes), _before(newest, last)


class Corrected(TypedDict):
    """The members of the evidence that corrections make."""

    corrections: Mapping[str, str]
    corrected_at: datetime | None


def corrected(made: Iterable[Correction]) -> Corrected:
    """Return what corrections make of the evidence: of each field the newest counts."""
    newest = {one.field: one for one in sorted(made, key=attrgetter("at", "correction_id"))}
    present = newest.get("present")
    return {
        "corrections": {name: one.new for name, one in newest.items()},
        "corrected_at": None if present is None else present.at,
    }


def _before(newest: Sequence[Headcount], end: datetime) -> Headcount | None:
    return next((one for one in newest if one.at < end), None)
