"""Makes a counted term of what was read. Pure; runs in a thread."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from signaling.coverage.assessments import Entry, counted
from signaling.coverage.assessments import Held as Taken
from signaling.coverage.calendar import RegionInfo, counted_on, is_there, notes
from signaling.coverage.counting import Facts, Held, Place, Seat, count
from signaling.coverage.obligations import Kind, Obligations
from signaling.coverage.results import SchoolResults
from signaling.coverage.term import CountedTerm, lecture_sums
from signaling.coverage.training import Action, Credit, Mark, Venue, credits
from signaling.directory.terms import Span


@dataclass(frozen=True, slots=True)
class Frame:
    """What a term is made of, as far as it is cheap to read; two that are equal make the same count."""

    spans: Mapping[str, Span]
    regions: Sequence[RegionInfo]
    lectures: Sequence[tuple[Held, str]]
    stamp: Hashable


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of `queries`; `sizes` are the last known ones of classes without one, `marks` by lecture."""

    schools: Sequence[Any]
    classes: Sequence[Any]
    sizes: Mapping[str, int]
    staff: Sequence[Any]
    marks: Mapping[str, Sequence[Any]]
    homes: Mapping[tuple[str, str], int]
    assessments: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What the attendance of lectures says, and `rows` of the other tables; minutes by lecture and class."""

    results: Sequence[SchoolResults]
    minutes: Mapping[str, Mapping[str, Sequence[int]]]
    rows: Rows


def make(
    code: str,
    frame: Frame,
    as_of: datetime,
    rules: Obligations,
    found: Found,
    today: date,
    zone: tzinfo,
) -> CountedTerm:
    """Return the count of a term."""
    rows = found.rows
    held = {one.lecture_id: one for one, _ in frame.lectures}
    results = [one for one in found.results if one.lecture_id in held and _lies(frame, held[one.lecture_id], one, zone)]
    days = {region: counted_on(span, today) for region, span in frame.spans.items()}
    places, open_ones = _places(frame, rows, days, {one.school_code for one in results})
    earned = _credits(rules, held, results, found.minutes, rows.marks)
    staff, trained = _staff(rules, rows, days, open_ones, earned)
    assessed = counted(rules, _assessments(frame, rows))
    facts = Facts(places, _seats(rows, days, open_ones), held, results, rows.homes, staff, trained, assessed)
    kinds = {one.lecture_id: one.kind for one in held.values()}
    return CountedTerm(
        code,
        rules,
        frame.spans,
        as_of,
        frame.regions,
        count(rules, facts).schools,
        frame.lectures,
        lecture_sums(results, kinds, rows.homes),
        earned,
    )


def _lies(frame: Frame, held: Held, school: SchoolResults, zone: tzinfo) -> bool:
    """Whether a lecture lies in the term of a school's county unit."""
    span = frame.spans.get(school.region_code)
    return span is not None and span.starts_on <= held.started_at.astimezone(zone).date() <= span.ends_on


def _places(
    frame: Frame, rows: Rows, days: Mapping[str, date], expected: set[str]
) -> tuple[list[Place], dict[str, str]]:
    """Return the schools of the term, and the county units of those that are open: closed ones only when a lecture expected them."""
    places, open_ones = [], {}
    for code, name, region, opened_on, closed_on, successor in rows.schools:
        if region not in days:
            continue
        is_open = is_there(opened_on, closed_on, days[region])
        if is_open:
            open_ones[code] = region
        if is_open or code in expected:
            places.append(Place(code, name, region, notes(opened_on, closed_on, successor, frame.spans[region])))
    return places, open_ones


def _seats(rows: Rows, days: Mapping[str, date], open_ones: Mapping[str, str]) -> list[Seat]:
    return [
        Seat(class_id, name, school, region, pupils or rows.sizes.get(class_id, 0), pupils > 0)
        for class_id, name, school, pupils, closed_on in rows.classes
        if (region := open_ones.get(school)) is not None and is_there(None, closed_on, days[region])
    ]


def _assessments(frame: Frame, rows: Rows) -> Iterator[Entry]:
    """Yield the entries whose day lies in the term of their class's county unit."""
    regions = {school[0]: school[2] for school in rows.schools}
    spans = {row[0]: frame.spans.get(regions.get(row[2], "")) for row in rows.classes}
    for class_id, kind, day, revision, size, took_part in rows.assessments:
        span = spans.get(class_id)
        if span is not None and span.starts_on <= day <= span.ends_on:
            yield Entry(Taken(class_id, kind, day), revision, size, took_part)


def _credits(
    rules: Obligations,
    held: Mapping[str, Held],
    results: Sequence[SchoolResults],
    minutes: Mapping[str, Mapping[str, Sequence[int]]],
    marks: Mapping[str, Sequence[Any]],
) -> dict[str, dict[str, Credit]]:
    """Return the credits of teachers by lecture."""
    venues: dict[str, dict[str, Venue]] = {}
    for school in results:
        if held[school.lecture_id].kind is Kind.TEACHERS:
            counted = minutes.get(school.lecture_id, {})
            rooms = venues.setdefault(school.lecture_id, {})
            rooms.update((row.class_id, Venue(row.result, counted.get(row.class_id, ()))) for row in school.classes)
    return {
        one.lecture_id: credits(rules, map(mark_of, marks[one.lecture_id]), venues.get(one.lecture_id))
        for one in held.values()
        if one.kind is Kind.TEACHERS
    }


def mark_of(row: Any) -> Mark:
    """Return a row of `queries.marks` as a value."""
    mark_id, teacher, venue, action, at, by, _ = row
    return Mark(mark_id, teacher, venue, Action(action), at, by)


def _staff(
    rules: Obligations,
    rows: Rows,
    days: Mapping[str, date],
    open_ones: Mapping[str, str],
    earned: Mapping[str, Mapping[str, Credit]],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return by school how many teachers there are, and how many of them have had their trainings."""
    times: dict[str, int] = {}
    for of_lecture in earned.values():
        for teacher, credit in of_lecture.items():
            times[teacher] = times.get(teacher, 0) + credit.counts
    staff: dict[str, int] = {}
    trained: dict[str, int] = {}
    for teacher, school, left_on in rows.staff:
        region = open_ones.get(school)
        if region is not None and is_there(None, left_on, days[region]):
            staff[school] = staff.get(school, 0) + 1
            if times.get(teacher, 0) >= rules.minimum[Kind.TEACHERS]:
                trained[school] = trained.get(school, 0) + 1
    return staff, trained
