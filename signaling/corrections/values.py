"""A correction as the room speaks of it: where it is, what was asked for, what became of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.corrections import rules
from signaling.corrections.effect import Wish
from signaling.corrections.models import Correction, CorrectionOutcome
from signaling.directory.queries import Scope


@dataclass(frozen=True, slots=True)
class Place:
    """What a correction is about, and where that lies."""

    scope: str
    level: str
    school_code: str | None
    region_code: str

    @property
    def cover(self) -> Scope:
        """The classes that it can touch."""
        regions = frozenset({self.region_code})
        return Scope(regions, self.school_code) if self.school_code is not None else Scope(regions)


@dataclass(frozen=True, slots=True)
class Listed:
    """A correction with its outcome, the title of the lecture, and names."""

    row: Correction
    outcome: CorrectionOutcome | None
    title: str
    class_name: str
    school_name: str
    region_name: str
    requested_name: str
    decided_name: str

    @property
    def state(self) -> str:
        """Where it is in the table of `rules`."""
        return rules.REQUESTED if self.outcome is None else self.outcome.outcome

    @property
    def wish(self) -> Wish:
        """What was asked for."""
        row = self.row
        return Wish(row.lecture_id, row.scope, row.field, row.new, row.reason, row.note, row.evidence)

    @property
    def place(self) -> Place:
        """Where."""
        return Place(self.row.scope, self.row.level, self.row.school_code, self.row.region_code)
