"""What the API of links and of the page at home takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from signaling.directory.documents import Order
from signaling.home.links_service import ClassLink, HomeLecture

Phase = Literal["before", "live", "paused", "cut", "preparing", "replay", "over", "called_off"]


class LectureDocument(BaseModel):
    """A parents' lecture; it may be watched at home until `until`, which nobody knows before its end."""

    id: str
    title: str
    lecturer: str
    scheduled_at: datetime
    minutes: int
    started_at: datetime | None
    ended_at: datetime | None
    until: datetime | None
    called_off: bool


class LectureList(BaseModel):
    """Parents' lectures for a school, the latest first."""

    items: list[LectureDocument]


class SuspicionDocument(BaseModel):
    """So many households came from one network address within so many seconds: worth a look (待核), and no verdict."""

    households: int
    seconds: int


class LinkDocument(BaseModel):
    """A class at a lecture. Households that came by its links, and those of them that count: never more than pupils."""

    class_id: str
    class_name: str
    pupils: int
    url: str | None
    svg: str | None = Field(description="The address as a QR code, an SVG element without a size.")
    number: int
    at: datetime | None
    came: int
    counted: int
    suspicion: SuspicionDocument | None


class LinkList(BaseModel):
    """The classes of a school at a parents' lecture."""

    lecture: LectureDocument
    items: list[LinkDocument]


class LinkOrder(Order):
    """The classes that are to have a link; with `renew` a new one, and the old one is worthless at once."""

    class_ids: Annotated[list[Annotated[str, Field(max_length=36)]], Field(min_length=1, max_length=200)]
    renew: bool = False


class VisitOrder(Order):
    """The code of a link; `household` is a token that was given before, where cookies are not kept."""

    code: Annotated[str, Field(max_length=64)]
    household: Annotated[str, Field(max_length=64)] | None = None


class WatchDocument(BaseModel):
    """What to play: a watch token for `/hls` alone."""

    hls_url: str
    token: str
    expires_in: int
    live: bool


class VisitDocument(BaseModel):
    """All that the page at home shows. `household` is a new token, null when the browser has one."""

    phase: Phase
    title: str
    lecturer: str
    school: str
    class_name: str
    scheduled_at: datetime
    minutes: int
    until: datetime | None
    server_time: datetime
    again_s: int = Field(description="Seconds after which the page asks again.")
    watch: WatchDocument | None
    household: str | None


def lecture_document(one: HomeLecture, until: datetime | None) -> LectureDocument:
    """Return what administrators see of a lecture."""
    return LectureDocument(
        id=one.id,
        title=one.title,
        lecturer=one.lecturer,
        scheduled_at=one.scheduled_at,
        minutes=one.minutes,
        started_at=one.started_at,
        ended_at=one.ended_at,
        until=until,
        called_off=one.called_off_at is not None,
    )


def link_document(one: ClassLink, url: str | None, svg: str | None) -> LinkDocument:
    """Return a class with its link."""
    found = one.suspicion
    return LinkDocument(
        class_id=one.class_id,
        class_name=one.name,
        pupils=one.pupils,
        url=url,
        svg=svg,
        number=one.number,
        at=one.at,
        came=one.came,
        counted=one.counted,
        suspicion=None if found is None else SuspicionDocument(households=found.households, seconds=found.seconds),
    )
