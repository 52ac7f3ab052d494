"""Changes the directory by hand: schools and what happens to them, classes. Every change is audited in its own transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.models import AuditEntry, User
from signaling.db.base import utc_now
from signaling.db.editing import editing
from signaling.db.engine import Database
from signaling.directory.class_names import ClassKey, ClassNameError, parse, school_year
from signaling.directory.codes import is_school_code, kind_of
from signaling.directory.lifecycle import Happening, check, check_successor, is_closed, wrong
from signaling.directory.listed import ListedEvent
from signaling.directory.models import Region, School, SchoolAlias, SchoolClass, SchoolEvent, Teacher
from signaling.lectures.models import LectureAudience

MOST_TEMPORARY: Final = 999_999_999


class SchoolsService:
    """The door for people who keep the directory; `today` tells the local day."""

    def __init__(self, db: Database, today: Callable[[], date], clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._today = today
        self._clock = clock

    async def add(self, values: Mapping[str, Any], actor: str) -> School:
        """Add a school; without a code it gets a temporary one. Raise 409 `code_taken`, 422 `kind_differs`."""
        code = values.get("code")
        if code is not None and (not is_school_code(code) or kind_of(code) not in {None, values["kind"]}):
            raise Problem(422, "kind_differs", "the code is of another kind of school", errors=[wrong("code")])
        async with editing(self._db) as session:
            if code is None:
                code = await _temporary(session)
            elif await _is_taken(session, code):
                raise Problem(409, "code_taken", "a school has or had this code", errors=[wrong("code")])
            school = School(**{**values, "code": code})
            session.add(school)
            await session.flush()
            opened = school.opened_on or self._today()
            session.add(SchoolEvent(school_code=code, kind="opened", happened_on=opened, actor=actor, at=self._clock()))
            self._audit(session, actor, "school.added", code, {"name": school.name})
        return school

    async def change(self, code: str, version: int, values: Mapping[str, Any], actor: str) -> School:
        """Correct a school of this version; raise 412 when it was changed meanwhile."""
        async with editing(self._db) as session:
            school: School = await _at_version(session, School, code, version)
            before = {name: getattr(school, name) for name in values}
            for name, value in values.items():
                setattr(school, name, value)
            if before != dict(values):
                self._audit(session, actor, "school.changed", code, {"before": before, "after": dict(values)})
        return school

    async def events(self, code: str) -> list[ListedEvent]:
        """Return what happened to a school under this code and its older ones, the latest first."""
        former = select(SchoolAlias.code).where(SchoolAlias.school_code == code)
        statement = select(SchoolEvent).where(or_(SchoolEvent.school_code == code, SchoolEvent.school_code.in_(former)))
        ordered = statement.order_by(SchoolEvent.happened_on.desc(), SchoolEvent.id.desc())
        async with self._db.reading() as session:
            return await _listed(session, list(await session.scalars(ordered)))

    async def happened(self, code: str, event: Happening, actor: str) -> ListedEvent:
        """Write down what happened to a school, and let it take effect; raise 404, 409 or 422 (`lifecycle`)."""
        async with editing(self._db) as session:
            school = await session.get(School, code)
            if school is None:
                raise not_found("school")
            check(school, event, self._today())
            row = SchoolEvent(school_code=code, kind=event.kind, happened_on=event.on, note=event.note, actor=actor)
            row.at = self._clock()
            await self._effects[event.kind](self, session, school, event, row)
            session.add(row)
            self._audit(session, actor, f"school.{event.kind}", code, {"on": event.on, "other": row.other_code})
            [listed] = await _listed(session, [row])
        return listed

    async def _closed(self, session: AsyncSession, school: School, event: Happening, row: SchoolEvent) -> None:
        school.closed_on = event.on
        if event.into is None:
            await _close_classes(session, school.code, event.on)
            return
        successor = check_successor(school, await session.get(School, event.into), event)
        school.successor_code = row.other_code = successor.code
        if event.move_classes:
            row.after = await _move_classes(session, school.code, successor.code)
        else:
            await _close_classes(session, school.code, event.on)

    async def _reopened(self, session: AsyncSession, school: School, event: Happening, row: SchoolEvent) -> None:
        row.before = str(school.closed_on)
        await session.execute(
            update(SchoolClass)
            .where(SchoolClass.school_code == school.code, SchoolClass.closed_on == school.closed_on)
            .values(closed_on=None, version=SchoolClass.version + 1)
        )
        school.closed_on = None

    async def _renamed(self, session: AsyncSession, school: School, event: Happening, row: SchoolEvent) -> None:
        row.before, row.after = school.name, event.name or ""
        school.name = row.after

    async def _moved(self, session: AsyncSession, school: School, event: Happening, row: SchoolEvent) -> None:
        if event.region == school.region_code:
            raise Problem(422, "same_county", "the school is in this county unit already", errors=[wrong("region")])
        row.before, row.other_code = school.region_code, event.region
        school.region_code = event.region or school.region_code

    async def _recoded(self, session: AsyncSession, school: School, event: Happening, row: SchoolEvent) -> None:
        """A code is never reused and rows of the past name the old one: the school goes on under a row of its own."""
        code = event.code or ""
        if not is_school_code(code) or await _is_taken(session, code):
            raise Problem(409, "code_taken", "this is no code, or a school has or had it", errors=[wrong("code")])
        names = ("region_code", "name", "urban_rural", "opened_on")
        kept = {name: getattr(school, name) for name in names}
        session.add(School(code=code, kind=kind_of(code) or school.kind, **kept))
        await session.flush()
        await session.execute(
            update(SchoolAlias).where(SchoolAlias.school_code == school.code).values(school_code=code)
        )
        session.add(SchoolAlias(code=school.code, school_code=code))
        for model in (SchoolClass, Teacher):
            await session.execute(update(model).where(model.school_code == school.code).values(school_code=code))
        for column in (User.node, LectureAudience.node):
            await session.execute(update(column.class_).where(column == school.code).values({column: code}))
        school.closed_on, school.successor_code, row.other_code = event.on, code, code

    _effects: Final = {
        "closed": _closed,
        "merged": _closed,
        "reopened": _reopened,
        "renamed": _renamed,
        "moved": _moved,
        "recoded": _recoded,
    }

    async def add_class(self, school_code: str, name: str, pupils: int, actor: str) -> SchoolClass:
        """Add a class by any spelling of its name; raise 409 `class_exists` or `school_closed`, 422 with the reason."""
        year = school_year(self._today())
        async with editing(self._db) as session:
            school = await session.get(School, school_code)
            if school is None:
                raise not_found("school")
            if is_closed(school, self._today()):
                raise Problem(409, "school_closed", "the school is closed")
            key = _key(name, school.kind, year)
            if await session.scalar(_class_with(school_code, key)) is not None:
                raise Problem(409, "class_exists", "the school has this class already", errors=[wrong("name")])
            made = _class(school_code, key, year, pupils)
            session.add(made)
            await session.flush()
            self._audit(session, actor, "class.added", made.id, {"school": school_code, "code": made.code})
        return made

    async def spelled(self, school_code: str, kind: str, name: str) -> tuple[ClassKey, str, bool]:
        """Return the class that a spelling means, what it is called this school year, and whether it is there; raise 422 with the reason."""
        year = school_year(self._today())
        key = _key(name, kind, year)
        async with self._db.reading() as session:
            taken = await session.scalar(_class_with(school_code, key)) is not None
        return key, key.name_in(year), taken

    async def change_class(self, class_id: str, version: int, values: Mapping[str, Any], actor: str) -> None:
        """Change a class of this version; raise 412 when it was changed meanwhile."""
        async with editing(self._db) as session:
            made = await _at_version(session, SchoolClass, class_id, version)
            before = {name: getattr(made, name) for name in values}
            for name, value in values.items():
                setattr(made, name, value)
            if before != dict(values):
                self._audit(session, actor, "class.changed", class_id, {"before": before, "after": dict(values)})

    async def close_class(self, class_id: str, version: int, on: date, actor: str) -> None:
        """Close a class of this version from a day on; raise 409 `class_closed`."""
        async with editing(self._db) as session:
            made = await _at_version(session, SchoolClass, class_id, version)
            if made.closed_on is not None:
                raise Problem(409, "class_closed", "the class is closed already")
            if on.year < made.entry_year:
                raise Problem(422, "before_entry", "the class had not begun on that day", errors=[wrong("on")])
            made.closed_on = on
            self._audit(session, actor, "class.closed", class_id, {"on": on})

    def _audit(self, session: AsyncSession, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)
        session.add(AuditEntry(at=self._clock(), actor=actor, action=action, subject=subject, detail=text))


async def _at_version(session: AsyncSession, model: Any, key: str, version: int) -> Any:
    row = await session.get(model, key, with_for_update=True)
    if row is None:
        raise not_found("row")
    if row.version != version:
        raise etags.changed_meanwhile(row.version)
    return row


async def _is_taken(session: AsyncSession, code: str) -> bool:
    used = select(School.code).where(School.code == code)
    former = select(SchoolAlias.code).where(SchoolAlias.code == code)
    return await session.scalar(used) is not None or await session.scalar(former) is not None


async def _listed(session: AsyncSession, rows: Sequence[SchoolEvent]) -> list[ListedEvent]:
    """Return events with the names of schools, county units and people."""
    codes = {code for row in rows for code in (row.other_code, row.before) if code}
    names: dict[str, str] = {}
    for model in (School, Region):
        found = await session.execute(select(model.code, model.name).where(model.code.in_(codes)))
        names.update((row[0], row[1]) for row in found)
    actors = select(User.id, User.name).where(User.id.in_({row.actor for row in rows}))
    people = {row[0]: row[1] for row in await session.execute(actors)}
    return [
        ListedEvent(row, names.get(row.other_code or ""), names.get(row.before), people.get(row.actor, ""))
        for row in rows
    ]


async def _temporary(session: AsyncSession) -> str:
    last = await session.scalar(select(func.max(School.code)).where(School.code.like("T%")))
    number = int(last[1:]) + 1 if last else 1
    if number > MOST_TEMPORARY:
        raise Problem(409, "codes_used_up", "there are no temporary codes left")
    return f"T{number:09d}"


def _key(name: str, kind: str, year: int) -> ClassKey:
    try:
        return parse(name, kind, year)
    except ClassNameError as error:
        raise Problem(422, error.code, "no class of this school", errors=[wrong("name", error.code)]) from None


def _class(school_code: str, key: ClassKey, year: int, pupils: int) -> SchoolClass:
    cohort = {"entry_year": key.entry_year, "stage": key.stage, "number": key.number}
    return SchoolClass(school_code=school_code, code=key.code, name=key.name_in(year), pupils=pupils, **cohort)


def _class_with(school_code: str, key: ClassKey) -> Any:
    return select(SchoolClass.id).where(SchoolClass.school_code == school_code, SchoolClass.code == key.code)


async def _close_classes(session: AsyncSession, school_code: str, on: date) -> None:
    open_ones = (SchoolClass.school_code == school_code, SchoolClass.closed_on.is_(None))
    values = {"closed_on": on, "version": SchoolClass.version + 1}
    await session.execute(update(SchoolClass).where(*open_ones).values(values))


async def _move_classes(session: AsyncSession, source: str, target: str) -> str:
    """Give the open classes of a school to another; a number that is taken there becomes the next free one."""
    of_target = select(SchoolClass.entry_year, SchoolClass.stage, SchoolClass.number)
    taken = {tuple(row) for row in await session.execute(of_target.where(SchoolClass.school_code == target))}
    moving = select(SchoolClass).where(SchoolClass.school_code == source, SchoolClass.closed_on.is_(None))
    moved = renumbered = 0
    for made in await session.scalars(moving.order_by(SchoolClass.code)):
        number = made.number
        while (made.entry_year, made.stage, number) in taken:
            number += 1
        taken.add((made.entry_year, made.stage, number))
        key = ClassKey(made.entry_year, made.stage, number)
        renumbered += number != made.number
        made.school_code, made.number, made.code = target, number, key.code
        moved += 1
    return f"{moved} classes, {renumbered} renumbered"
