"""What this room asks of its neighbours. Structural types, so that nobody imports upwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from broadcaster.events import DeliverySample
from signaling.ledger.facts import Answered, Challenged, Confirmed, RefusedReports, Rendered
from signaling.ledger.kinds import Kind
from signaling.live.states import State
from signaling.presence import schedule

Evidence = Rendered | RefusedReports | Challenged | Answered | Confirmed
"""The facts that come from this room."""
KINDS: Final = frozenset({Kind.RENDERED, Kind.REFUSED, Kind.CHALLENGED, Kind.ANSWERED, Kind.CONFIRMED})


class Ledger(Protocol):
    """The append-only ledger."""

    async def record(self, lecture_id: str, broadcast_id: str, fact: Evidence) -> None:
        """Return when the fact is durable; raise when it is not, and it may be recorded again."""

    def evidence(self, lecture_id: str, kinds: Collection[Kind] = KINDS) -> AsyncIterator[Evidence]:
        """Yield what was recorded of a lecture by this room."""


class OnAir(Protocol):
    """A lecture's broadcast as memory knows it (`signaling.live.broadcasts.OnAir`)."""

    @property
    def lecture_id(self) -> str: ...
    @property
    def broadcast_id(self) -> str | None: ...
    @property
    def state(self) -> State: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    def on_air(self, now: datetime) -> float: ...


class Broadcasts(Protocol):
    """All broadcasts."""

    def peek(self, lecture_id: str) -> OnAir: ...
    def known(self) -> Sequence[OnAir]: ...


class SampledRoom(Protocol):
    """A room of the media plane, as far as one asks to whom it delivered."""

    @property
    def closed(self) -> bool: ...
    def sample_delivery(self) -> DeliverySample: ...


class Lecture(Protocol):
    """A planned lecture."""

    @property
    def title(self) -> str: ...
    @property
    def minutes(self) -> int: ...
    @property
    def audience_kind(self) -> str: ...
    @property
    def counts(self) -> bool: ...


class Lectures(Protocol):
    """The timetable with the frozen lists of classes."""

    async def info(self, lecture_id: str) -> Lecture | None: ...
    async def sizes(self, lecture_id: str) -> Mapping[str, int]: ...
    async def screens_of_kinds(self, lecture_id: str, kinds: Sequence[str]) -> frozenset[str]: ...


class Checks(schedule.Rules, Protocol):
    """Presence checks."""

    @property
    def off_for_school_kinds(self) -> Sequence[str]:
        """Kinds of schools that are never asked."""


class Confirmation(Protocol):
    """When a head-count is taken."""

    @property
    def opens_after_minutes(self) -> int:
        """Minutes after the start from which head-counts are taken."""

    @property
    def closes_after_hours(self) -> int:
        """Hours after the end until which they are taken."""


class Rules(Protocol):
    """The numbers of the policy that this room acts by: those by which a lecture will be judged (`signaling.attendance.policy.Credit`)."""

    @property
    def checks(self) -> Checks: ...
    @property
    def confirmation(self) -> Confirmation: ...

    def asks(self, audience: str, marked: bool) -> bool:
        """Whether a lecture for such an audience, marked 计入覆盖 or not, has presence checks."""


RulesOf = Callable[[str], Awaitable[Rules | None]]
"""Gives the rules that hold for a lecture; None when its policy asks for neither checks nor head-counts."""
