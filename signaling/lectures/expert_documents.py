"""The documents of the pool of lecturers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from signaling.api.paging import PageQuery
from signaling.directory.documents import Name, Order, Text
from signaling.lectures.availability import Hours, overlapping
from signaling.lectures.plan_documents import TOPICS, Kinds, Minutes, Moment, Topic

# A number of identity: it must not come into the system by a field that anybody may fill.
_IDENTITY: Final = re.compile(r"[1-9][0-9]{16}[0-9Xx]")


def _no_identity(text: str) -> str:
    if _IDENTITY.search(re.sub(r"[\s-]", "", text)):
        raise ValueError("a number of identity")
    return text


def _known(topics: list[str]) -> list[str]:
    if not {*topics} <= {*TOPICS}:
        raise ValueError("no topic")
    return list(dict.fromkeys(topics))


Line = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$"), AfterValidator(_no_identity)]
Paragraphs = Annotated[
    str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"), AfterValidator(_no_identity)
]
Topics = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": [*TOPICS]})]], Field(max_length=20), AfterValidator(_known)
]


class WeeklyHours(Order):
    """Hours of a weekday, 1 is Monday; minutes of the schools' local day."""

    weekday: Annotated[int, Field(ge=1, le=7)]
    begins: Annotated[int, Field(ge=0, lt=1440)]
    ends: Annotated[int, Field(gt=0, le=1440)]

    @model_validator(mode="after")
    def _forwards(self) -> WeeklyHours:
        if self.begins >= self.ends:
            raise ValueError("ends before it begins")
        return self


class DatedException(Order):
    """A stretch of time in which somebody is away, or `free` beside the weekly hours."""

    begins_at: Moment
    ends_at: Moment
    free: bool = False

    @model_validator(mode="after")
    def _forwards(self) -> DatedException:
        if self.begins_at >= self.ends_at:
            raise ValueError("ends before it begins")
        return self


def _apart(hours: list[WeeklyHours]) -> list[WeeklyHours]:
    if overlapping([Hours(one.weekday, one.begins, one.ends) for one in hours]):
        raise ValueError("hours that share time")
    return hours


def _single(exceptions: list[DatedException]) -> list[DatedException]:
    if len({one.begins_at for one in exceptions}) < len(exceptions):
        raise ValueError("two that begin at once")
    return exceptions


Week = Annotated[list[WeeklyHours], Field(max_length=50), AfterValidator(_apart)]
Exceptions = Annotated[list[DatedException], Field(max_length=100), AfterValidator(_single)]


class NewExpert(Order):
    """A lecturer to add: an account with this name that sets its password by an invitation, and a profile."""

    name: Name
    login: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,63}$")] | None = None
    field: Line = ""
    position: Line = ""
    organisation: Line = ""
    introduction: Paragraphs = ""
    contact: Line = ""
    topics: Topics = Field(default_factory=list)
    stages: Kinds = Field(default_factory=list)
    hours: Week = Field(default_factory=list)
    exceptions: Exceptions = Field(default_factory=list)


class ExpertEdit(Order):
    """What of a profile may change. Lecturers change their own, but not whether they are `active`."""

    field: Line | None = None
    position: Line | None = None
    organisation: Line | None = None
    introduction: Paragraphs | None = None
    contact: Line | None = None
    active: bool | None = None
    topics: Topics | None = None
    stages: Kinds | None = None
    hours: Week | None = None
    exceptions: Exceptions | None = None


class ExpertQuery(PageQuery):
    """What narrows the pool. With `free_at` only who is free then for `minutes`: by hours and exceptions, and by the timetable.

    With `at` everybody, who is free then first, and of the others why they are not; `lecture_id` is the plan that is being changed.
    """

    q: Text = ""
    topic: Topic | None = None
    stage: Annotated[str, Field(pattern=r"^[0-9]{2}$")] | None = None
    active: Literal["yes", "no", "all"] = "yes"
    free_at: Moment | None = None
    at: Moment | None = None
    minutes: Minutes = 40
    lecture_id: Annotated[str, Field(max_length=36)] | None = None


class HindranceDocument(BaseModel):
    """Why somebody is not free: not active any more, another lecture (its title where the caller may see it), away, outside the hours."""

    reason: Literal["inactive", "lecture", "away", "hours"]
    begins_at: datetime | None
    ends_at: datetime | None
    title: str | None


class RatingDocument(BaseModel):
    """The mean of the opinions that count, one for each lecture and rater, and how many they are."""

    mean: float
    count: int


class ExpertDocument(BaseModel):
    """A lecturer. No topics or stages mean all; `contact` is null for who may not know it.

    `rating` is told to planners alone, null for others and without opinions; `hindrances` is null where no time was asked for, empty for who is free then.
    """

    id: str
    name: str
    field: str
    position: str
    organisation: str
    introduction: str
    contact: str | None
    active: bool
    topics: list[str]
    stages: list[str]
    hours: list[WeeklyHours]
    exceptions: list[DatedException]
    version: int
    hindrances: list[HindranceDocument] | None = None
    rating: RatingDocument | None = None


class BusyDocument(BaseModel):
    """A lecture that a lecturer gives."""

    id: str
    title: str
    scheduled_at: datetime
    minutes: int


class ExpertRecord(ExpertDocument):
    """A lecturer with the lectures to come that the caller may see."""

    lectures: list[BusyDocument]


class AddedExpert(ExpertRecord):
    """A lecturer who was just added; `invitation_url` is told once."""

    login: str
    invitation_url: str
