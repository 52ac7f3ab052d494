"""The documents of classes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from signaling.api.paging import PageQuery
from signaling.directory.class_names import school_year
from signaling.directory.documents import (
    Code,
    Day,
    Kind,
    Name,
    NodeName,
    Order,
    Pupils,
    SchoolDocument,
    State,
    Text,
    place_of,
)
from signaling.directory.listed import ListedClass
from signaling.directory.models import Screen


class NewClass(Order):
    """A class to add, by any spelling of its name."""

    name: Name
    pupils: Pupils = 0


class SpellingQuery(BaseModel):
    """A spelling of the name of a class."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class Spelling(BaseModel):
    """The class that a spelling means in a school this school year; `taken` says that the school has it already."""

    name: str
    code: str
    entry_year: int
    stage: str
    number: int
    taken: bool


class ClassEdit(Order):
    """What of a class may change."""

    pupils: Pupils | None = None


class Closing(Order):
    """The day from which a class is no more."""

    on: Day


class ClassQuery(PageQuery):
    """What narrows a list of classes."""

    county: Code | None = None
    school: Code | None = None
    stage: Kind | None = None
    state: State = "open"
    q: Text = ""
    sort: Literal["name", "-name", "pupils", "-pupils", "school", "-school"] | None = None


class ClassDocument(BaseModel):
    """A class; `grade` counts from 1 in its stage, null when it is not at school this year."""

    id: str
    code: str
    name: str
    entry_year: int
    stage: str
    number: int
    grade: int | None
    pupils: int
    screens: int
    closed_on: date | None
    version: int
    school: NodeName
    county: NodeName


class ScreenOfClass(BaseModel):
    """A terminal of a class."""

    id: str
    terminal_no: int
    paired_at: datetime | None
    revoked_at: datetime | None


class ClassRecord(ClassDocument):
    """A class with its terminals."""

    screen_list: list[ScreenOfClass]


class SchoolWithClasses(SchoolDocument):
    """A school with its classes and the codes under which older data may name it."""

    aliases: list[str]
    class_list: list[ClassDocument]


def class_document(item: ListedClass, today: date) -> ClassDocument:
    """Return the document of a class, under the name of today's school year."""
    row, year = item.school_class, school_year(today)
    return ClassDocument(
        id=row.id,
        code=row.code,
        name=item.key.name_in(year),
        entry_year=row.entry_year,
        stage=row.stage,
        number=row.number,
        grade=item.key.grade_at_school(year),
        pupils=row.pupils,
        screens=item.screens,
        closed_on=row.closed_on,
        version=row.version,
        school=NodeName(code=item.school.code, name=item.school.name),
        county=place_of(item.county),
    )


def class_record(item: ListedClass, screens: list[Screen], today: date) -> ClassRecord:
    """Return a class with its terminals."""
    return ClassRecord(
        **class_document(item, today).model_dump(),
        screen_list=[ScreenOfClass.model_validate(screen, from_attributes=True) for screen in screens],
    )
