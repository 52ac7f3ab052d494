"""The shapes of the documents about a running lecture, for the description of the API. Times are UTC (RFC 3339)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

BroadcastState = Literal["scheduled", "open", "live", "paused", "cut", "ended", "archived"]
ScreenState = Literal["none", "connected", "receiving", "lost"]


class TicketDocument(BaseModel):
    """A single-use right to publish, for `expires_in` seconds."""

    ticket: str
    expires_in: int
    whip_url: str


class RecordingSpaceDocument(BaseModel):
    """Whether there is room for one more lecture, in hours of each."""

    enough: bool
    free_bytes: int
    hours_left: float
    hours_wanted: float


class PublisherDocument(BaseModel):
    """Who is publishing; `loss` is a share of 1."""

    session: str
    since: datetime | None
    bitrate_bps: int
    loss: float
    rtt_ms: int | None


class WatchingCounts(BaseModel):
    """How many receive right now."""

    classes: int
    schools: int


class LiveFacts(BaseModel):
    """The live members of a lecture's document."""

    state: BroadcastState
    broadcast_id: str | None
    started_at: datetime | None
    ended_at: datetime | None
    on_air_seconds: float
    viewers: int
    publisher: PublisherDocument | None
    watching: WatchingCounts


class BoardHints(BaseModel):
    """What a screen says of itself; evidence of nothing."""

    playing: bool | None = None
    sound: str | None = None
    visible: bool | None = None
    frames: int | None = None
    freezes: int | None = None
    path: str | None = None


class BoardScreen(BaseModel):
    """A screen as the server measures it; `loss` is a share of 1."""

    id: str
    terminal_no: int
    state: ScreenState
    kbps: int
    loss: float
    rtt_ms: int | None
    since: datetime | None
    last_seen_at: datetime | None
    path: str | None
    hints: BoardHints


class BoardClass(BaseModel):
    """An expected class and its screens."""

    id: str
    name: str
    screens: list[BoardScreen]


class BoardSchool(BaseModel):
    """A school and its expected classes."""

    code: str
    name: str
    classes: list[BoardClass]


class BoardTotals(BaseModel):
    """Expected and watching: a class watches when one of its screens receives."""

    classes: int
    watching: int
    schools: int
    schools_watching: int


class BoardCounty(BoardTotals):
    """A county unit with its schools."""

    code: str
    name: str
    schools_items: list[BoardSchool]


class BoardDocument(BaseModel):
    """Which class really receives, as far as the caller's node goes."""

    updated_at: datetime
    totals: BoardTotals
    counties: list[BoardCounty]


class ScreenPlace(BaseModel):
    """Where a screen hangs, in words that it shows."""

    id: str
    terminal_no: int
    class_name: Annotated[str, Field(serialization_alias="class")]
    school: str
    county: str


class WatchDocument(BaseModel):
    """What a screen should do now. Without a lecture most members are null."""

    lecture_id: str | None
    state: BroadcastState
    whep_url: str | None
    hls_url: str | None
    token: str | None
    expires_in: float
    boot_id: str
    server_time: datetime
    screen: ScreenPlace
    lecture: dict[str, str | int | None] | None
    retry_after: float
