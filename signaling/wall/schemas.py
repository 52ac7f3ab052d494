"""The shape of the board of evidence, for the description of the API. Times are UTC (RFC 3339)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from signaling.live.schemas import BroadcastState, ScreenState

Level = Literal["E0", "E1", "E2", "E3", "E4", "E5"]
Reason = Literal[
    "",
    "unpaired",
    "absent",
    "lost",
    "undelivered",
    "sound_blocked",
    "muted",
    "hidden",
    "still",
    "unreported",
    "hls",
]


class EvidenceClass(BaseModel):
    """A class: `level` it has reached, `state` of its best screen now, `reason` why it sees or hears nothing, "" when it does.

    `forged`: reports of its screens were refused as forged (`GET /lectures/{id}/refused-reports` says which).
    """

    id: str
    name: str
    level: Level
    state: ScreenState
    reason: Reason
    path: Literal["", "webrtc", "hls"]
    forged: bool


class EvidenceSchool(BaseModel):
    """A school and its expected classes."""

    code: str
    name: str
    classes: list[EvidenceClass]


class EvidenceCounty(BaseModel):
    """A county unit and its schools."""

    code: str
    name: str
    schools: list[EvidenceSchool]


class EvidenceTotals(BaseModel):
    """Expected and receiving, classes by level and by reason; `forged` counts classes."""

    classes: int
    receiving: int
    schools: int
    schools_receiving: int
    levels: dict[Level, int]
    reasons: dict[str, int]
    forged: int


class EvidenceDocument(BaseModel):
    """The board of evidence as far as the caller's node goes: what is now is of `at`, what the ledger says of `levels_at`."""

    lecture_id: str
    boot_id: str
    revision: int
    at: datetime
    levels_at: datetime | None
    state: BroadcastState
    totals: EvidenceTotals
    counties: list[EvidenceCounty]
