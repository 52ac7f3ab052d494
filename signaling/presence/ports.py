"""What this room asks of its neighbours. Structural types, so that nobody imports upwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from signaling.ledger.facts import Answered, Challenged, Confirmed, Rendered
from signaling.live.states import State
from signaling.presence.schedule import Rules as CheckRules

Evidence = Rendered | Challenged | Answered | Confirmed
"""The facts that come from this room."""


class Ledger(Protocol):
    """The append-only ledger."""

    async def record(self, lecture_id: str, broadcast_id: str, fact: Evidence) -> None:
        """Return when the fact is durable; raise when it is not, and it may be recorded again."""

    def evidence(self, lecture_id: str) -> AsyncIterator[Evidence]:
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


class Lecture(Protocol):
    """A planned lecture."""

    @property
    def title(self) -> str: ...
    @property
    def minutes(self) -> int: ...
    @property
    def audience_kind(self) -> str: ...


class Lectures(Protocol):
    """The timetable with the frozen lists of classes."""

    async def info(self, lecture_id: str) -> Lecture | None: ...
    async def sizes(self, lecture_id: str) -> Mapping[str, int]: ...
    async def screens_of_kinds(self, lecture_id: str, kinds: Sequence[str]) -> frozenset[str]: ...


class Rules(CheckRules, Protocol):
    """The numbers of the policy that this room acts by; `[presence]` has them until a policy brings its own."""

    @property
    def check_audiences(self) -> Sequence[str]:
        """Kinds of audience whose lectures have presence checks."""

    @property
    def check_free_kinds(self) -> Sequence[str]:
        """Kinds of schools that are never asked."""

    @property
    def confirm_opens_minutes(self) -> int:
        """Minutes after the start from which head-counts are taken."""

    @property
    def confirm_closes_hours(self) -> int:
        """Hours after the end until which they are taken."""
