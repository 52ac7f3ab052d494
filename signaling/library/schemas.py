"""The shapes of the documents about recordings, for the description of the API. Times are UTC (RFC 3339), lengths seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from signaling.api.paging import LONGEST_PAGE, PageQuery


class Chapter(BaseModel):
    """What begins here."""

    start_s: float
    kind: str


class Gap(BaseModel):
    """A stretch of the lecture that is missing at `at_s` of the finished file."""

    at_s: float
    seconds: float
    reason: str


class RecordingDocument(BaseModel):
    """A recording; figures and pictures are null until `state` is `ready`."""

    id: str
    lecture_id: str
    title: str
    state: Literal["recording", "degraded", "finalising", "ready", "failed"]
    review: Literal["pending", "approved", "withdrawn"]
    reviewed_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None
    bytes: int | None
    sha256: str | None
    width: int | None
    height: int | None
    chapters: list[Chapter]
    gaps: list[Gap]
    problems: list[str]
    storage: Literal["local", "uploading", "stored"]
    hls_url: str | None
    sprite_url: str | None
    thumbs_url: str | None
    mp4_url: str | None
    thumbnail_url: str | None


class RecordingList(RootModel[list[RecordingDocument]]):
    """Recordings, newest first."""


class RecordingQuery(PageQuery):
    """Query of the list of recordings."""

    lecture_id: Annotated[str, Field(max_length=36, pattern=r"^[0-9a-f-]*$")] | None = None
    size: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = LONGEST_PAGE


class PassDocument(BaseModel):
    """The right to watch one recording."""

    recording_id: str
    lecture_id: str
    hls_url: str
    token: str
    expires_in: int
    live: bool


class RecorderDocument(BaseModel):
    """The recorder and its disk."""

    state: Literal["ok", "low", "full"]
    free_bytes: int
    total_bytes: int
    hours_left: float
    open: int
    degraded: int
    uploads_waiting: int
    uploads_failed: int
