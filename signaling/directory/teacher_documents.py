"""The documents of teachers. A telephone or a number of identity is refused wherever somebody might write one."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from signaling.api.paging import PageQuery
from signaling.directory.documents import Code, Day, Name, NodeName, Order, Text, place_of, plain
from signaling.directory.import_reasons import STAFF_NO_LENGTH
from signaling.directory.importing import is_staff_no
from signaling.directory.personal import is_personal
from signaling.directory.teachers import ListedTeacher


def _impersonal(text: str) -> str:
    if is_personal(text):
        raise PydanticCustomError("personal_number", "holds a number of identity or of a telephone")
    return text


def _staff_no(text: str) -> str:
    if not is_staff_no(text):
        raise PydanticCustomError("bad_staff_no", "no number that a school gives")
    return text


def _subject(text: str) -> str:
    return plain(text) if text.strip() else ""


StaffNo = Annotated[
    str, Field(min_length=1, max_length=STAFF_NO_LENGTH, pattern="^[0-9A-Za-z-]*$"), AfterValidator(_staff_no)
]
PersonName = Annotated[Name, AfterValidator(_impersonal)]
Subject = Annotated[str, Field(max_length=STAFF_NO_LENGTH), AfterValidator(_subject), AfterValidator(_impersonal)]


class NewTeacher(Order):
    """A member of a school's staff, under the number that the school gave."""

    staff_no: StaffNo
    name: PersonName
    subject: Subject = ""
    joined_on: Day | None = None


class TeacherEdit(Order):
    """What of a teacher may be corrected."""

    staff_no: StaffNo | None = None
    name: PersonName | None = None
    subject: Subject | None = None


class Moving(Order):
    """The day of leaving, or of coming back."""

    on: Day


class TeacherQuery(PageQuery):
    """What narrows a list of teachers; `q` are words of names or of the school, or beginnings of staff numbers."""

    county: Code | None = None
    school: Code | None = None
    subject: Text = ""
    state: Literal["here", "left", "all"] = "here"
    q: Text = ""
    sort: Literal["name", "-name", "staff_no", "-staff_no", "subject", "-subject", "school", "-school"] | None = None


class TeacherDocument(BaseModel):
    """A teacher and where they teach."""

    id: str
    staff_no: str
    name: str
    subject: str
    joined_on: date | None
    left_on: date | None
    school: NodeName
    county: NodeName
    version: int


class SubjectList(BaseModel):
    """Subjects that teachers of the caller's schools have, in order."""

    items: list[str]


def teacher_document(item: ListedTeacher) -> TeacherDocument:
    """Return the document of a teacher."""
    row = item.teacher
    return TeacherDocument(
        id=row.id,
        staff_no=row.staff_no,
        name=row.name,
        subject=row.subject,
        joined_on=row.joined_on,
        left_on=row.left_on,
        school=place_of(item.school),
        county=place_of(item.county),
        version=row.version,
    )
