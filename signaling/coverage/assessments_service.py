"""The door to assessments: what a school held in a term, the numbers of one, and entering them.

1. **Every number is a new row**, with who and when; what is entered again as it stands already adds none.
2. Numbers and their audit entry are one transaction, in which the books of the term are seen open.
3. A day lies in a term of the school's county unit and not in the future.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.trail import entry
from signaling.corrections import queries as books
from signaling.corrections.rules import Term as BooksState
from signaling.corrections.rules import check_term
from signaling.coverage import assessments_queries, queries
from signaling.coverage.assessments import Entry, Held, counted, standing, wrong
from signaling.coverage.assessments_models import AssessmentEntry
from signaling.coverage.calendar import is_there
from signaling.coverage.obligations import Obligations
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Term
from signaling.directory.terms_service import TermsService


@dataclass(frozen=True, slots=True)
class Place:
    """A school, with the county unit whose calendar and books are its own."""

    code: str
    region: str


@dataclass(frozen=True, slots=True)
class Number:
    """How many of a class took part and passed; None took part when it is taken back."""

    class_id: str
    took_part: int | None
    passed: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A class in an assessment: its size (`rolled` is false for the last known one), what stands, by whom and since when."""

    class_id: str
    name: str
    size: int
    rolled: bool
    took_part: int | None
    passed: int | None
    counts: bool
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """An assessment of a school; `version` is its last revision, 0 before the first; `term` is None in the holidays."""

    kind: str
    day: date
    version: int
    term: str | None
    closed: bool
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Sitting:
    """An assessment that a school held: classes with a number, those that count, pupils of the former and those who took part."""

    kind: str
    day: date
    classes: int
    counting: int
    pupils: int
    took_part: int


class AssessmentsService:
    """Keeps entries; `today` tells the local day."""

    def __init__(
        self,
        db: Database,
        rules: Obligations,
        terms: TermsService,
        today: Callable[[], date],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._rules = rules
        self._terms = terms
        self.today = today
        self._clock = clock

    async def held(self, school: Place, first: date, last: date) -> list[Sitting]:
        """Return what a school held on some days, the latest first; what was taken back whole is none."""
        async with self._db.reading() as session:
            rows = await session.execute(assessments_queries.of_school(school.code, first, last))
            entries = [_entry(row) for row, _ in rows]
        of: dict[tuple[date, str], list[Entry]] = {}
        for one in standing(entries).values():
            if one.took_part is not None:
                of.setdefault((one.held.day, one.held.kind), []).append(one)
        return [self._sitting(kind, day, of[day, kind]) for day, kind in sorted(of, reverse=True)]

    async def sheet(self, school: Place, kind: str, day: date) -> Sheet:
        """Return an assessment of a school with all classes of that day; raise 404 for a kind that there is not."""
        term = await self._term(school, kind, day)
        async with self._db.reading() as session:
            return await self._sheet(session, school, kind, day, term)

    async def enter(
        self, school: Place, kind: str, day: date, numbers: Sequence[Number], version: int, actor: str
    ) -> Sheet:
        """Write numbers down and return what stands then.

        Raise 404, 409 `term_closed`, 412, or 422 `not_held_yet`, `outside_term`, `no_class`, `no_size`, `too_many`, `too_many_passed`.
        """
        term = await self._term(school, kind, day)
        _check_day(day, self.today(), term)
        async with self._db.writing() as session:
            before = await self._sheet(session, school, kind, day, term)
            check_term(BooksState.CLOSED if before.closed else BooksState.OPEN)
            if before.version != version:
                raise etags.changed_meanwhile(before.version)
            rows = {row.class_id: row for row in before.rows}
            _check_numbers(rows, numbers)
            new = [one for one in numbers if _differs(rows[one.class_id], one)]
            if not new:
                return before
            now, revision = self._clock(), version + 1
            session.add_all(_made(one, rows[one.class_id].size, kind, day, revision, now, actor) for one in new)
            back = sum(one.took_part is None for one in new)
            detail = {"kind": kind, "day": str(day), "classes": len(new), "taken_back": back}
            session.add(entry(now, actor, "assessment.entered", school.code, detail))
            await session.flush()
            return await self._sheet(session, school, kind, day, term)

    async def _term(self, school: Place, kind: str, day: date) -> Term | None:
        if kind not in self._rules.assessments:
            raise not_found("kind of assessment")
        return await self._terms.on_day(school.region, day)

    async def _sheet(self, session: AsyncSession, school: Place, kind: str, day: date, term: Term | None) -> Sheet:
        closing = None if term is None else await session.scalar(books.closing(school.region, term.code))
        found = await session.execute(assessments_queries.of_school(school.code, day, day))
        mine = [(row, by) for row, by in found if row.kind == kind]
        newest = {row.class_id: (row, by) for row, by in mine}  # they come in the order of their revisions
        version = max((row.revision for row, _ in mine), default=0)
        classes = (await session.execute(assessments_queries.classes(school.code))).all()
        sizes = await _known_sizes(session, [row[0] for row in classes if not row[2]])
        rows = [
            self._row(class_id, name, pupils or sizes.get(class_id, 0), pupils > 0, newest.get(class_id))
            for class_id, name, pupils, closed_on in classes
            if is_there(None, closed_on, day) or class_id in newest
        ]
        closed = closing is not None and closing.closed
        return Sheet(kind, day, version, None if term is None else term.code, closed, rows)

    def _row(self, class_id: str, name: str, size: int, rolled: bool, known: tuple[AssessmentEntry, str] | None) -> Row:
        if known is None:
            return Row(class_id, name, size, rolled, None, None, False, "", None)
        made, by = known
        counts = bool(counted(self._rules, [_entry(made)]))
        return Row(class_id, name, size, rolled, made.took_part, made.passed, counts, by, made.at)

    def _sitting(self, kind: str, day: date, entries: Sequence[Entry]) -> Sitting:
        pupils, took_part = sum(one.size for one in entries), sum(one.took_part or 0 for one in entries)
        return Sitting(kind, day, len(entries), len(counted(self._rules, entries)), pupils, took_part)


async def _known_sizes(session: AsyncSession, class_ids: Sequence[str]) -> dict[str, int]:
    rows = await session.execute(queries.known_sizes(class_ids))
    return {class_id: pupils for class_id, _, pupils in rows}


def _entry(row: AssessmentEntry) -> Entry:
    return Entry(Held(row.class_id, row.kind, row.day), row.revision, row.size, row.took_part, row.passed)


def _made(one: Number, size: int, kind: str, day: date, revision: int, at: datetime, by: str) -> AssessmentEntry:
    given = {"took_part": one.took_part, "passed": one.passed}
    return AssessmentEntry(
        class_id=one.class_id, kind=kind, day=day, revision=revision, size=size, at=at, by=by, **given
    )


def _differs(row: Row, number: Number) -> bool:
    return (row.took_part, row.passed) != (number.took_part, number.passed)


def _check_day(day: date, today: date, term: Term | None) -> None:
    if day > today:
        raise Problem(422, "not_held_yet", "an assessment is entered when it was held", errors=[_wrong("day")])
    if term is None:
        raise Problem(422, "outside_term", "the day lies in no term of the county unit", errors=[_wrong("day")])


MESSAGES: Mapping[str, str] = {
    "no_size": "a class has no size yet: fill it in first",
    "too_many": "more took part than the class has pupils",
    "too_many_passed": "more passed than took part",
}


def _check_numbers(rows: Mapping[str, Row], numbers: Sequence[Number]) -> None:
    for number, one in enumerate(numbers):
        row = rows.get(one.class_id)
        if row is None:
            raise Problem(422, "no_class", "a class is not of this school", errors=[_wrong(f"items.{number}.class_id")])
        code = wrong(row.size, one.took_part, one.passed) if _differs(row, one) else None
        if code is not None:
            errors = [_wrong(f"items.{number}.took_part")]
            raise Problem(422, code, MESSAGES[code], errors=errors, name=row.name, size=row.size)


def _wrong(field: str) -> dict[str, str]:
    return {"field": field, "reason": "value_error"}
