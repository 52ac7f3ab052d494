"""Folds windows of delivery into minutes by class. Pure: the same facts give the same figures, in any order.

The rules; policy version 1 uses the first six:

1. **On-air time is flowing time**: seconds in which media came from the studio and forwarding was on. Pauses, cuts, silence of
   the studio and outages of the server are in no window, hence leave the denominator.
2. A screen's delivered time in a window is the flowing time times min(1, advance / published). Receiver reports lag: packets that
   a screen acknowledged in the next window beyond those published there fill up this one.
3. Delivered time in a window never exceeds the time for which the screen was connected in it (facts joined and left); that keeps
   the burst for late joiners from counting as time watched.
4. A minute in which a screen lost `loss_limit` or more of what was sent to it counts nothing for that screen.
5. A class has in each window what its best screen has: the union over screens and rejoins, never their sum.
6. A minute counts when `minute_seconds` of its 60 were delivered. A minute that was on the air only in part (begin, end, pause)
   counts when the same share of its on-air time was delivered, and weighs as much as it was on the air.
7. With `render_share` set, a screen's time in a minute counts only if the screen did not report the minute as silent, hidden or
   standing still, and did not keep silent though it can report. A report is believed where that same screen had delivery in that
   minute, and only there. Screens that cannot report count by delivery alone.

With several nodes the on-air time of a window is the longest of theirs. All times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

MINUTE_MS: Final = 60_000

DELIVERED, COUNTED, RENDERED, SILENT, HIDDEN, STILL, UNREPORTED, TWICE = (1 << n for n in range(8))
"""What a minute is for a class. COUNTED: it counts; RENDERED: signed reports cover it; SILENT to UNREPORTED: why a delivered
minute does not count (sound off, picture not shown, picture stands still, no report); TWICE: two of its screens were on at once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the fold needs to know of a policy and of the windows. `render_share` None: delivery alone counts."""

    window_seconds: int
    minute_seconds: int
    loss_limit: Fraction
    render_share: Fraction | None = None


class Columns(Protocol):
    """What the screens of a row acknowledged: their slots, published - advance (negative: more), and packets lost."""

    @property
    def slots(self) -> Sequence[int]: ...
    @property
    def deficits(self) -> Sequence[int]: ...
    @property
    def losses(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Window:
    """One stored row: what a node published in a window, and `load`, which unpacks what its screens acknowledged.

    A prefecture's lecture has four million entries: only the rows of one minute are unpacked at a time.
    """

    node: str
    number: int
    boot: str
    part: int
    published: int
    flowing_ms: int
    load: Callable[[], Columns]

    @property
    def columns(self) -> Columns:
        """The unpacked columns."""
        return self.load()

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What makes the row the same."""
        return self.node, self.number, self.boot, self.part


@dataclass(frozen=True, slots=True)
class Stay:
    """One session of a screen, in Unix milliseconds; None where the fact is missing (crash, or still there)."""

    screen_id: str
    joined_ms: int | None
    left_ms: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a screen reported of a minute: milliseconds shown and heard, whether signed, and what else it owned up to."""

    shown_ms: int = 0
    signed: bool = True
    causes: int = 0  # SILENT, HIDDEN

    def __add__(self, other: Claim) -> Claim:
        return Claim(self.shown_ms + other.shown_ms, self.signed and other.signed, self.causes | other.causes)


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes of a class as bits; bit n is the UTC minute `Folded.first_minute` + n."""

    delivered: int = 0
    counted: int = 0
    rendered: int = 0
    silent: int = 0
    hidden: int = 0
    still: int = 0
    unreported: int = 0
    twice: int = 0


NO_MINUTES: Final = Minutes()


@dataclass(slots=True)
class ClassDelivery:
    """What was delivered to a class. `minutes` are the UTC minutes that count; `first` and `last` window numbers."""

    delivered_ms: int = 0
    credited_ms: int = 0
    interrupted_ms: int = 0
    minutes: list[int] = field(default_factory=list)
    first: int | None = None
    last: int | None = None
    bits: Minutes = NO_MINUTES


@dataclass(frozen=True, slots=True)
class Folded:
    """The result: on-air time, by UTC minute too, and what each class got of it.

    `unproven` counts by screen the minutes that it claims to have shown without anything delivered to it around them.
    """

    on_air_ms: int
    on_air_by_minute: Mapping[int, int]
    classes: Mapping[str, ClassDelivery]
    unproven: Mapping[str, int] = field(default_factory=dict)

    @property
    def first_minute(self) -> int:
        """The UTC minute of bit 0."""
        return min(self.on_air_by_minute, default=0)

    def weigh(self, bits: int) -> int:
        """Return the on-air milliseconds of the minutes whose bits are set."""
        first = self.first_minute
        return sum(ms for minute, ms in self.on_air_by_minute.items() if bits >> (minute - first) & 1)
