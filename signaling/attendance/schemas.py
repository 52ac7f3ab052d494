"""The shape of the attendance document, for the description of the API. Times are UTC, rates shares of 1; null is not measured.

Members with a default are there when the policy judges more than delivery.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class AttendanceQuery(BaseModel):
    """By which version of the policy, and as of when: what was recorded later is left out. Without them by the one in force, as of now."""

    model_config = ConfigDict(extra="forbid")

    policy: Annotated[int, Field(ge=1)] | None = None
    as_of: AwareDatetime | None = None


class Unit(BaseModel):
    """The node that the figures cover."""

    code: str
    name: str


class PolicyDocument(BaseModel):
    """The policy that made the results."""

    version: int
    name: str
    summary: str


class TallyDocument(BaseModel):
    """Numerators and denominators of a node."""

    schools: int
    schools_connected: int
    schools_qualified: int
    classes: int
    classes_connected: int
    qualified: int
    partial: int
    failed: int
    absent: int
    make_up: int
    excused: int
    coverage: float | None
    pupils: int
    present: int | None
    delivered_seconds: float
    interrupted_seconds: float
    schools_lenient: int = 0
    schools_excused: int = 0
    unconfirmed: int = 0
    pending: int = 0
    excused_pupils: int = 0
    confirmed: int = 0
    reached: int = 0
    student_coverage: float | None = None
    checks_asked: int = 0
    checks_passed: int = 0
    flagged: int = 0
    corrected: int = 0


class CountyAttendance(TallyDocument):
    """A county unit."""

    code: str
    display_code: str
    name: str


class SchoolAttendance(TallyDocument):
    """A school."""

    code: str
    name: str
    county: str
    first_joined_at: datetime | None


class ClassAttendance(BaseModel):
    """A class: what was delivered to it and what the policy makes of it."""

    id: str
    code: str
    name: str
    school: str
    county: str
    terminals: list[int]
    joined_at: datetime | None
    left_at: datetime | None
    delivered_seconds: float
    credited_seconds: float
    interrupted_seconds: float
    ratio: float | None
    evidence: str
    result: str
    label: str
    reason: str
    policy_version: int
    pupils: int
    present: int | None
    reasons: list[str] = []
    on_air_seconds: float | None = None
    expected: int | None = None
    covered: bool = False
    pending: bool = False
    confirmed_at: datetime | None = None
    checks_asked: int = 0
    checks_passed: int = 0
    flags: list[str] = []
    corrected: bool = False
    missing_reason: str | None = None


class AttendanceDocument(BaseModel):
    """The attendance of one lecture as far as the caller's node goes."""

    lecture_id: str
    title: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    as_of: datetime
    unit: Unit
    policy: PolicyDocument
    on_air_seconds: float
    totals: TallyDocument
    counties: list[CountyAttendance]
    schools: list[SchoolAttendance]
    classes: list[ClassAttendance]


class BulletinDocument(BaseModel):
    """A drafted bulletin with what makes it the same again: the policy, the time of the figures, the check sum of the text."""

    text: str
    policy_version: int
    as_of: datetime
    checksum: str
