"""School years and their terms (学年, 学期). Pure.

A school year runs from 1 September to 31 August; `2026-2027-1` is its first term, `2026-2027-2` its second. Which days a term may
have, and which it has where nobody said, are settings (`[terms]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from config.settings import TermsSettings
from signaling.api.problems import Problem
from signaling.directory.class_names import school_year

CODE: Final = re.compile(r"([12][0-9]{3})-([12][0-9]{3})-([12])")


@dataclass(frozen=True, slots=True)
class Span:
    """First and last day."""

    starts_on: date
    ends_on: date


def year_of(code: str) -> int:
    """Return the year in which the school year of a term begins; raise 422 `bad_term`."""
    match = CODE.fullmatch(code)
    if match is None or int(match[2]) != int(match[1]) + 1:
        raise Problem(422, "bad_term", "a term is named like 2026-2027-1")
    return int(match[1])


def check(code: str, span: Span, others: Iterable[tuple[str, Span]], days: TermsSettings) -> None:
    """Raise 422 `bad_term`, `term_ends_first` or `outside_school_year`, or 409 `terms_overlap`."""
    year = year_of(code)
    if span.starts_on >= span.ends_on:
        raise Problem(422, "term_ends_first", "a term begins before it ends", errors=_wrong("ends_on"))
    if not (_day(year, days.earliest) <= span.starts_on and span.ends_on <= _day(year + 1, days.latest)):
        raise Problem(422, "outside_school_year", "the days are not of this school year", errors=_wrong("starts_on"))
    for other, taken in others:
        if span.starts_on <= taken.ends_on and taken.starts_on <= span.ends_on:
            raise Problem(409, "terms_overlap", f"overlaps with {other}", other=other)


def default_spans(today: date, days: TermsSettings) -> Iterator[tuple[str, Span]]:
    """Yield the usual terms of this school year and the next, for a prefecture that has not said its own."""
    begins = school_year(today)
    for year in (begins, begins + 1):
        yield f"{year}-{year + 1}-1", Span(_day(year, days.first[0]), _day(year + 1, days.first[1]))
        yield f"{year}-{year + 1}-2", Span(_day(year + 1, days.second[0]), _day(year + 1, days.second[1]))


def _day(year: int, month_and_day: str) -> date:
    return date.fromisoformat(f"{year}-{month_and_day}")


def _wrong(field: str) -> list[dict[str, str]]:
    return [{"field": field, "reason": "value_error"}]
