"""The documents of trainings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from signaling.coverage.obligations import Obligations
from signaling.coverage.training_service import Roster, Seated, Training
from signaling.directory.documents import Order
from signaling.directory.teacher_documents import PersonName, StaffNo

Id = Annotated[str, Field(max_length=36)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=1000)]
Way = Literal["in", "out"]


class TrainingDocument(BaseModel):
    """A training that expected the school."""

    id: str
    title: str
    started_at: datetime
    ended_at: datetime | None


class TrainingList(BaseModel):
    """Trainings, the latest first, at most 50."""

    items: list[TrainingDocument]


class RoomDocument(BaseModel):
    """A room where it can be seen; `result` is the class's own, null before the lecture has results; `minutes` those that count."""

    id: str
    name: str
    result: str | None
    minutes: int


class SeatedDocument(BaseModel):
    """A teacher: `outcome` is what the training is worth, `lessons` are 学时 with one decimal; `by` and `at` of the tick in force."""

    id: str
    staff_no: str
    name: str
    subject: str
    ticked: bool
    by: str
    at: datetime | None
    room: str
    signed_in: datetime | None
    signed_out: datetime | None
    minutes: int
    lessons: float
    outcome: Literal["credited", "pending", "venue", "incomplete", "short", "none"]


class RosterDocument(BaseModel):
    """A school at a training."""

    training: TrainingDocument
    rooms: list[RoomDocument]
    teachers: list[SeatedDocument]


class TickOrder(Order):
    """Whom to tick, or whose ticks to take back, and in which room they were."""

    class_id: Id
    teacher_ids: Ids
    ticked: bool


class ShownCode(BaseModel):
    """What a venue's screen shows: the QR code as SVG and the address in it, for which training, for how many seconds."""

    title: str
    way: Way
    url: str
    svg: str
    seconds: float


class ArrivalOrder(Order):
    """The code that was scanned."""

    code: Annotated[str, Field(min_length=20, max_length=120, pattern=r"^[0-9A-Za-z_-]+$")]


class ArrivalDocument(BaseModel):
    """What the code is for; nothing else is told."""

    title: str
    room: str
    school: str
    way: Way


class NumberOrder(Order):
    """A work number."""

    staff_no: StaffNo


class NameList(BaseModel):
    """Four names of the school, one of which belongs to the number where it is somebody's."""

    names: list[str]


class SignOrder(Order):
    """A work number and the name that belongs to it."""

    staff_no: StaffNo
    name: PersonName


class SignDocument(BaseModel):
    """That somebody came or went, and when."""

    way: Way
    at: datetime


def training_document(one: Training) -> TrainingDocument:
    """Return a training."""
    return TrainingDocument(id=one.lecture_id, title=one.title, started_at=one.started_at, ended_at=one.ended_at)


def roster_document(rules: Obligations, roster: Roster) -> RosterDocument:
    """Return a roster."""
    names = {room.class_id: room.name for room in roster.rooms}
    return RosterDocument(
        training=training_document(roster.training),
        rooms=[RoomDocument(id=r.class_id, name=r.name, result=r.result, minutes=r.minutes) for r in roster.rooms],
        teachers=[_seated(rules, one, names.get(one.credit.class_id, "")) for one in roster.teachers],
    )


def _seated(rules: Obligations, one: Seated, room: str) -> SeatedDocument:
    credit = one.credit
    return SeatedDocument(
        id=one.teacher_id,
        staff_no=one.staff_no,
        name=one.name,
        subject=one.subject,
        ticked=credit.ticked,
        by=one.by,
        at=credit.at,
        room=room,
        signed_in=credit.signed_in,
        signed_out=credit.signed_out,
        minutes=credit.minutes,
        lessons=int(credit.lessons(rules) * 10) / 10,
        outcome=credit.outcome.value,
    )
