"""The documents of the timetable as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from signaling.api.paging import PageQuery
from signaling.directory.documents import Code, Kind, Name, NodeName, Note, Order, Text
from signaling.lectures.models import LectureReview
from signaling.live.schemas import BroadcastState, LiveFacts

TOPICS = ("禁毒知识", "禁毒常识", "毒品认识", "毒品防范", "禁毒教育")
AudienceKind = Literal["pupils", "teachers", "parents"]
ReviewState = Literal["draft", "submitted", "approved", "returned"]


def _known_topic(text: str) -> str:
    if text and text not in TOPICS:
        raise ValueError("no topic")
    return text


def _in_our_time(moment: datetime) -> datetime:
    if not 2000 <= moment.year <= 2200:
        raise ValueError("not of our time")
    return moment


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Title = Annotated[Name, Field(max_length=64)]
Topic = Annotated[str, Field(json_schema_extra={"enum": ["", *TOPICS]}), AfterValidator(_known_topic)]
Summary = Annotated[str, Field(max_length=5000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Minutes = Annotated[int, Field(ge=5, le=240)]
Audience = Annotated[list[Code], Field(min_length=1, max_length=2000), AfterValidator(_once)]
Kinds = Annotated[list[Kind], Field(max_length=20), AfterValidator(_once)]


class Plan(Order):
    """A lecture to plan: `audience` are codes of regions and schools, narrowed by kinds of schools and stages of classes.

    `counts` tells whether it counts for what its audience owes in the term.
    """

    title: Title
    scheduled_at: Moment
    minutes: Minutes = 40
    audience: Audience
    topic: Topic = ""
    summary: Summary = ""
    audience_kind: AudienceKind = "pupils"
    counts: bool = True
    lecturer_id: Annotated[str, Field(max_length=36)] | None = None
    kinds: Kinds = Field(default_factory=list)
    stages: Kinds = Field(default_factory=list)


class PlanEdit(Order):
    """What of a plan may change."""

    title: Title | None = None
    scheduled_at: Moment | None = None
    minutes: Minutes | None = None
    audience: Audience | None = None
    topic: Topic | None = None
    summary: Summary | None = None
    audience_kind: AudienceKind | None = None
    counts: bool | None = None
    lecturer_id: Annotated[str, Field(max_length=36)] | None = None
    kinds: Kinds | None = None
    stages: Kinds | None = None


class Scope(Order):
    """Whom a plan is for."""

    audience: Audience
    kinds: Kinds = Field(default_factory=list)
    stages: Kinds = Field(default_factory=list)


class Slot(Scope):
    """When and for whom; `lecture_id` is the plan that is being changed."""

    scheduled_at: Moment
    minutes: Minutes
    lecturer_id: Annotated[str, Field(max_length=36)] | None = None
    lecture_id: Annotated[str, Field(max_length=36)] | None = None


class LecturerQuery(BaseModel):
    """Who may lecture: words of a name, and when; `lecture_id` is the plan that is being changed."""

    model_config = ConfigDict(extra="forbid")

    q: Text = ""
    scheduled_at: Moment | None = None
    minutes: Minutes = 40
    lecture_id: Annotated[str, Field(max_length=36)] | None = None


class Decision(Order):
    """What a reviewer decides, and why."""

    decision: Literal["approve", "return"]
    note: Note = ""


class CallingOff(Order):
    """Why a lecture does not take place."""

    reason: Annotated[Name, Field(max_length=64)]


class LectureQuery(PageQuery):
    """What narrows the list of lectures; `since` (included) and `until` (not included) bound the planned time.

    A calendar asks for its window with `order=oldest`; words of `q` are in the title or the lecturer's name.
    """

    review: ReviewState | None = None
    since: Moment | None = None
    until: Moment | None = None
    lecturer_id: Annotated[str, Field(max_length=36)] | None = None
    topic: Topic | None = None
    called_off: bool | None = None
    order: Literal["newest", "oldest"] = "newest"
    q: Text = ""
    size: Annotated[int, Field(ge=1, le=200)] = 200


class Counts(BaseModel):
    """How many are expected."""

    classes: int
    schools: int
    pupils: int


class Lecturer(BaseModel):
    """Who lectures."""

    id: str
    name: str


class LectureDocument(LiveFacts):
    """A lecture: the plan and the live state.

    `targets` counts everybody who is expected, `own` the part of it that is the caller's county or school, null for whom all is.
    `created_by` is the id of the person who planned it: neither they nor the lecturer approve it.
    """

    id: str
    title: str
    topic: str
    summary: str
    audience_kind: AudienceKind
    counts: bool
    lecturer: Lecturer
    scheduled_at: datetime
    minutes: int
    autostart: bool
    approved: bool
    review: ReviewState
    called_off_at: datetime | None
    called_off_reason: str
    created_by: str | None
    version: int
    targets: Counts
    own: Counts | None = None
    boot_id: str


class LectureList(BaseModel):
    """Lectures in the order that was asked for; `total` counts all pages."""

    items: list[LectureDocument]
    total: int
    page: int
    size: int


class ClassLectureQuery(PageQuery):
    """What narrows the lectures of a class; `since` and `until` bound the planned time."""

    since: Moment | None = None
    until: Moment | None = None


class ClassLecture(BaseModel):
    """An approved lecture for one class, also one that was called off.

    `expected` tells that the class was written down at the opening, `joined_at` when its first screen came; what it is worth is in the
    lecture's attendance. Before the opening both say nothing.
    """

    id: str
    title: str
    topic: str
    lecturer: Lecturer
    scheduled_at: datetime
    minutes: int
    state: BroadcastState
    called_off_at: datetime | None
    called_off_reason: str
    expected: bool
    joined_at: datetime | None


class FreeLecturer(Lecturer):
    """Somebody who may lecture; `busy` is the title of another lecture of theirs at that time."""

    busy: str | None


class LecturerList(BaseModel):
    """Who may lecture, by name, at most 50."""

    items: list[FreeLecturer]


class AimedNode(NodeName):
    """A node of an audience and where it lies; null where the code names nothing any more."""

    level: Literal["prefecture", "county", "school"] | None
    parent: str | None


class PlanDocument(BaseModel):
    """Whom a lecture is aimed at."""

    audience: list[AimedNode]
    kinds: list[str]
    stages: list[str]


class ConflictDocument(BaseModel):
    """Another lecture at the same time: `lecturer` tells that it is by the same person, `classes` how many are wanted at both."""

    id: str
    title: str
    scheduled_at: datetime
    minutes: int
    lecturer: bool
    classes: int


class ConflictList(BaseModel):
    """Lectures at the same time, and warnings about this one: `too_long_for_kindergarten`, `too_long_for_class`."""

    items: list[ConflictDocument]
    warnings: list[str]


class ReviewDocument(BaseModel):
    """A step of the review."""

    action: Literal["submitted", "approved", "returned", "changed"]
    actor: str
    name: str
    note: str
    at: datetime


class ReviewList(BaseModel):
    """The steps of the review, the latest first."""

    items: list[ReviewDocument]


def review_document(row: LectureReview, name: str) -> ReviewDocument:
    """Return the document of a step."""
    return ReviewDocument.model_validate(
        {**{key: getattr(row, key) for key in ("action", "actor", "note", "at")}, "name": name}
    )
