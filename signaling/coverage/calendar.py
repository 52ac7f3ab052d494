"""Which days a term has where, and which classes, schools and lectures belong to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from signaling.directory.terms import Span


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """A region in the order of reports; `display_code` is the national code where there is one."""

    code: str
    display_code: str
    name: str
    level: str
    parent: str | None


def spans_of(code: str, rows: Iterable[tuple[str, str, date, date]], regions: Iterable[RegionInfo]) -> dict[str, Span]:
    """Return the days of a term for each region that has it; **a region with any term of its own takes none from above**."""
    own: dict[str, dict[str, Span]] = {}
    for unit, term, first, last in rows:
        own.setdefault(unit, {})[term] = Span(first, last)
    found = {}
    for region in regions:
        calendar = own.get(region.code) or own.get(region.parent or "", {})
        if code in calendar:
            found[region.code] = calendar[code]
    return found


def days(spans: Mapping[str, Span]) -> tuple[date, date]:
    """Return the first and the last day of a term, wherever."""
    return min(span.starts_on for span in spans.values()), max(span.ends_on for span in spans.values())


def bounds(spans: Mapping[str, Span], zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the UTC times between which every day of a term lies; the second is not part of it."""
    first, last = days(spans)
    begin, end = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return begin, end


def counted_on(span: Span, today: date) -> date:
    """Return the day whose directory a term is counted by: today within it, else its last or first."""
    return max(span.starts_on, min(today, span.ends_on))


def is_there(opened_on: date | None, closed_on: date | None, day: date) -> bool:
    """Whether what opened and closed on some days is open on another."""
    return (opened_on is None or opened_on <= day) and (closed_on is None or closed_on > day)


def notes(opened_on: date | None, closed_on: date | None, successor: str | None, span: Span) -> tuple[str, ...]:
    """Return what happened to a school within the days of a term: opened, closed or merged."""
    found = []
    if opened_on is not None and span.starts_on < opened_on <= span.ends_on:
        found.append("opened")
    if closed_on is not None and span.starts_on < closed_on <= span.ends_on:
        found.append("closed" if successor is None else "merged")
    return tuple(found)
