"""Decisions as they are settled: one packed list of classes for a school. Pure.

    packed = version:u8 zlib(JSON [class, ...])

1. **What was packed reads back the same**, to the last reason: a settled decision is never made again from today's rules.
2. A version is read for ever; a new form is a new version beside the old one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any, Final

from signaling.attendance.frame import Frame, RegionName, Target
from signaling.attendance.judgement import Decision
from signaling.attendance.policy import Flag, Policy, Result
from signaling.attendance.report import ClassRow, Report, Tally, school_tally

VERSION: Final = 1
MOST: Final = 16 * 1024 * 1024


class DamagedDecisions(ValueError):
    """A packed list cannot be what `pack` wrote; the message says why."""


@dataclass(frozen=True, slots=True)
class SettledClass:
    """A class's decision with the UTC minutes that counted for it."""

    class_id: str
    decision: Decision
    minutes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SettledSchool:
    """What a lecture came to for a school: its counts, and its classes packed."""

    lecture_id: str
    school_code: str
    region_code: str
    policy_version: int
    tally: Tally
    packed: bytes
    revision: int = 0

    @property
    def classes(self) -> list[SettledClass]:
        """The classes; raises `DamagedDecisions`."""
        return unpack(self.packed)

    def says_the_same(self, other: SettledSchool) -> bool:
        """Whether nothing changed: the packed lists and the counts are equal to the byte."""
        mine, others = (self.policy_version, self.tally, self.packed), (other.policy_version, other.tally, other.packed)
        return mine == others


def schools_of(lecture_id: str, report: Report) -> Iterator[SettledSchool]:
    """Yield the schools of a report, which has its classes in the order of schools."""
    for (region, school), rows in groupby(
        report.classes, key=lambda row: (row.target.region_code, row.target.school_code)
    ):
        yield _school(lecture_id, school, region, report.policy, list(rows))


def _school(lecture_id: str, school: str, region: str, policy: Policy, rows: Sequence[ClassRow]) -> SettledSchool:
    packed = pack(SettledClass(row.target.class_id, row.decision, tuple(row.delivery.minutes)) for row in rows)
    tally = school_tally(policy, (row.tally for row in rows))
    return SettledSchool(lecture_id, school, region, policy.version, tally, packed)


def pack(classes: Iterable[SettledClass]) -> bytes:
    """Return classes packed."""
    text = json.dumps([_plain(one) for one in classes], ensure_ascii=False, separators=(",", ":"))
    return bytes([VERSION]) + zlib.compress(text.encode(), 6)


def unpack(packed: bytes) -> list[SettledClass]:
    """Return the classes, or raise `DamagedDecisions`."""
    try:
        return [_whole(*values) for values in _read(packed)]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise DamagedDecisions(str(error)) from error


@dataclass(frozen=True, slots=True)
class Brief:
    """What a count of terms needs of a class; reasons and evidence are left where they are."""

    class_id: str
    result: str
    expected: int
    present: int | None
    pending: bool


def brief(packed: bytes) -> list[Brief]:
    """Return the results of the classes, or raise `DamagedDecisions`: a small part of the work of `unpack`."""
    try:
        return [Brief(c[0], c[2], c[8], c[9], c[14]) for c in _read(packed)]
    except (LookupError, ValueError, TypeError) as error:
        raise DamagedDecisions(str(error)) from error


def _read(packed: bytes) -> Any:
    if packed[:1] != bytes([VERSION]):
        raise DamagedDecisions(f"unknown version {packed[:1].hex() or 'of nothing'}")
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(packed[1:], MOST)
        if not inflater.eof or inflater.unused_data:
            raise DamagedDecisions("the zlib stream is cut short, too long, or followed by something")
        return json.loads(text)
    except (zlib.error, ValueError) as error:
        raise DamagedDecisions(str(error)) from error


def freeze(frame: Frame) -> bytes:
    """Return what of a frame the directory may say otherwise later: classes, units, terminals, which screens can report."""
    terminals = [[screen, number, int(screen in frame.able)] for screen, number in frame.terminals.items()]
    targets, regions = [list(astuple(one)) for one in frame.targets], [list(astuple(one)) for one in frame.regions]
    text = json.dumps(
        [targets, regions, terminals, sorted(frame.everywhere)], ensure_ascii=False, separators=(",", ":")
    )
    return bytes([VERSION]) + zlib.compress(text.encode(), 6)


def thaw(packed: bytes) -> Frame:
    """Return the frame, or raise `DamagedDecisions`."""
    targets, regions, terminals, everywhere = _read(packed)
    return Frame(
        [Target(*one) for one in targets],
        [RegionName(*one) for one in regions],
        {screen: number for screen, number, _ in terminals},
        frozenset(screen for screen, _, able in terminals if able),
        everywhere=frozenset(everywhere),
    )


def _plain(one: SettledClass) -> list[Any]:
    d = one.decision
    ratio = None if d.ratio is None else [d.ratio.numerator, d.ratio.denominator]
    at = None if d.confirmed_at is None else d.confirmed_at.isoformat()
    texts = [d.label, list(d.reasons), ratio, d.policy_version, d.level]
    numbers = [d.expected, d.present, d.asked, d.passed, [str(flag) for flag in d.flags]]
    ends = [d.covered, d.pending, d.corrected, d.watched_ms, d.on_air_ms, d.confirmed_by, at]
    return [one.class_id, list(_steps(one.minutes)), str(d.result), *texts, *numbers, *ends]


def _whole(class_id: str, minutes: list[int], result: str, *rest: Any) -> SettledClass:
    label, reasons, ratio, version, level, expected, present, asked, passed, flags, *ends = rest
    covered, pending, corrected, watched_ms, on_air_ms, confirmed_by, at = ends
    decision = Decision(
        Result(result),
        label,
        tuple(reasons),
        None if ratio is None else Fraction(*ratio),
        version,
        level,
        expected,
        present,
        asked,
        passed,
        tuple(map(Flag, flags)),
        covered,
        pending,
        corrected,
        watched_ms,
        on_air_ms,
        confirmed_by,
        None if at is None else datetime.fromisoformat(at).astimezone(UTC),
    )
    return SettledClass(class_id, decision, tuple(_counted(minutes)))


def _steps(numbers: Iterable[int]) -> Iterator[int]:
    """Yield the first number, then by how much each exceeds the one before."""
    before = 0
    for number in numbers:
        yield number - before
        before = number


def _counted(steps: Iterable[int]) -> Iterator[int]:
    number = 0
    for step in steps:
        number += step
        yield number
