"""The facts that the ledger holds, as values. Pure.

1. **A fact is what the server saw or was told, never a judgement.** It is stamped by the server's clock, in whole milliseconds of UTC.
2. **`key` makes a fact the same**: it says the same again when the same thing is told twice, so that readers drop the second. Keys are unique within a node
   (`Told.key` puts the node, and for what a process counts its boot, before it).
3. No pupil's name, no telephone, no client address is ever in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal

from signaling.ledger.kinds import ALONE as ALONE
from signaling.ledger.kinds import OF_PROCESS as OF_PROCESS
from signaling.ledger.kinds import Flags as Flags
from signaling.ledger.kinds import Kind as Kind
from signaling.ledger.kinds import Reason as Reason

REASONS: Final = tuple(reason.value for reason in Reason)
"""The reasons by their numbers in an entry."""


class _Timed:
    """Cuts the times of a fact to whole milliseconds of UTC, as they are stored."""

    __slots__ = ()
    times: ClassVar[tuple[str, ...]] = ("at",)

    def __post_init__(self) -> None:
        for name in self.times:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole_milliseconds(value))


def _check(rows: tuple[tuple[str, int, int], ...], *, once: bool = True) -> None:
    """Refuse what could not be stored where it is made, which is where the mistake is."""
    if any(first < 0 or second < 0 for _, first, second in rows):
        raise ValueError("a number is negative")
    if once and len({screen for screen, _, _ in rows}) != len(rows):
        raise ValueError("a screen stands twice")


def whole_milliseconds(at: datetime) -> datetime:
    """Return the time in UTC without the rest of its millisecond; a naive one is refused."""
    if at.tzinfo is None:
        raise ValueError(f"naive time {at!r}: facts carry their zone")
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A screen's small number in the entries of one broadcast and node, and its class of that day."""

    kind: ClassVar[Kind] = Kind.ROSTER
    slot: int
    screen_id: str
    class_id: str | None

    @property
    def key(self) -> str:
        """A number is given once."""
        return f"roster:{self.slot}"


@dataclass(frozen=True, slots=True)
class Joined(_Timed):
    """A screen's session began, as the process `boot` saw it. `class_id` None is looked up when it is stored."""

    kind: ClassVar[Kind] = Kind.JOINED
    session: str
    screen_id: str
    class_id: str | None
    at: datetime
    boot: str

    @property
    def key(self) -> str:
        """A session begins once."""
        return f"joined:{self.session}"


@dataclass(frozen=True, slots=True)
class Left(_Timed):
    """A screen's session ended; `reason` is a word of the media plane."""

    kind: ClassVar[Kind] = Kind.LEFT
    session: str
    screen_id: str
    class_id: str | None
    at: datetime
    reason: str

    @property
    def key(self) -> str:
        """A session ends once."""
        return f"left:{self.session}"


@dataclass(frozen=True, slots=True)
class MediaDelivered:
    """What was delivered live in the window `window_no` (UTC seconds // window): packets published, milliseconds of flowing media.

    `deliveries` are (screen_id, advance, lost) in packets, one a screen. A window that was closed in its middle has several parts.
    """

    kind: ClassVar[Kind] = Kind.MEDIA_DELIVERED
    way: ClassVar[Literal["live"]] = "live"
    window_no: int
    part: int
    published: int
    flowing_ms: int
    deliveries: tuple[tuple[str, int, int], ...]

    def __post_init__(self) -> None:
        _check(self.deliveries)

    @property
    def key(self) -> str:
        """A process closes a part of a window once."""
        return f"live:{self.window_no}:{self.part}"


@dataclass(frozen=True, slots=True)
class ReplayDelivered:
    """What was delivered of the recording in some windows of today, `window_no` the last of `windows`: (screen_id, begin_ms, end_ms), any number a screen.

    Begin and end are UTC milliseconds of the original broadcast's time. **A range that begins at 0 is no time of this broadcast**: its
    length is what the screen was sent of other recordings since the window before in which it was sent something of this one.
    """

    kind: ClassVar[Kind] = Kind.MEDIA_DELIVERED
    way: ClassVar[Literal["replay"]] = "replay"
    window_no: int
    deliveries: tuple[tuple[str, int, int], ...]
    part: int = 0
    windows: int = 1

    def __post_init__(self) -> None:
        _check(self.deliveries, once=False)
        if not 1 <= self.windows < 1 << 16:
            raise ValueError("a replay is of no window, or of too many")
        if any(begin > end for _, begin, end in self.deliveries):
            raise ValueError("a replay ends before it begins")

    @property
    def key(self) -> str:
        """A process closes a part of a window once."""
        return f"replay:{self.window_no}:{self.part}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What screens said they showed in the UTC minute `minute` (Unix seconds // 60): (screen_id, rendered_ms, `Flags`), one a screen."""

    kind: ClassVar[Kind] = Kind.RENDERED
    minute: int
    reports: tuple[tuple[str, int, int], ...]
    part: int = 0

    def __post_init__(self) -> None:
        _check(self.reports)

    @property
    def key(self) -> str:
        """A process closes a part of a minute once."""
        return f"rendered:{self.minute}:{self.part}"


@dataclass(frozen=True, slots=True)
class RefusedReports:
    """Reports that were refused, or counted for less than they claimed, in the UTC minute `minute` of the server: (screen_id, reason, times), one a screen and
    reason. What one screen sends in a minute takes one row for each reason, however often it sends it.

    `totals` are (reason, times) of all that were refused: what `reports` has less of came when enough screens were named already, or for a reason that
    names none.
    """

    kind: ClassVar[Kind] = Kind.REFUSED
    minute: int
    reports: tuple[tuple[str, str, int], ...]
    totals: tuple[tuple[str, int], ...] = ()
    part: int = 0

    def __post_init__(self) -> None:
        told = [(reason, times) for _, reason, times in self.reports] + list(self.totals)
        if any(times < 1 or reason not in REASONS for reason, times in told):
            raise ValueError("a reason is unknown, or was given less than once")
        if len({(screen, reason) for screen, reason, _ in self.reports}) != len(self.reports):
            raise ValueError("a screen stands twice with a reason")

    @property
    def key(self) -> str:
        """A process closes a part of a minute once."""
        return f"refused:{self.minute}:{self.part}"


@dataclass(frozen=True, slots=True)
class Challenged(_Timed):
    """A presence check was put to screens; `number` is 1 to 3. The screens come back in the order of their slots."""

    kind: ClassVar[Kind] = Kind.CHALLENGED
    times: ClassVar[tuple[str, ...]] = ("at", "deadline")
    challenge_id: str
    number: int
    at: datetime
    deadline: datetime
    screens: tuple[str, ...]

    @property
    def key(self) -> str:
        """A node puts a check once."""
        return f"challenged:{self.challenge_id}"


@dataclass(frozen=True, slots=True)
class Answered(_Timed):
    """A screen answered a presence check after `delay_ms`."""

    kind: ClassVar[Kind] = Kind.ANSWERED
    challenge_id: str
    screen_id: str
    at: datetime
    delay_ms: int
    right: bool
    counter: int

    @property
    def key(self) -> str:
        """The screen counts its answers."""
        return f"answered:{self.challenge_id}:{self.screen_id}:{self.counter}"


@dataclass(frozen=True, slots=True)
class Confirmed(_Timed):
    """A head-count of a class: expected, present, guests; `by` is the id of a user, or `room`."""

    kind: ClassVar[Kind] = Kind.CONFIRMED
    class_id: str
    session: str
    expected: int
    present: int
    guests: int
    by: str
    at: datetime
    counter: int

    @property
    def key(self) -> str:
        """Whoever confirms counts: another head-count is another fact."""
        return f"confirmed:{self.class_id}:{self.session}:{self.by}:{self.counter}"


@dataclass(frozen=True, slots=True)
class OnAir(_Timed):
    """The broadcast went from one state to another; `cause` is the event."""

    kind: ClassVar[Kind] = Kind.ON_AIR
    from_state: str
    to_state: str
    at: datetime
    cause: str

    @property
    def key(self) -> str:
        """A state is left once at a time."""
        return f"on_air:{self.from_state}:{self.to_state}:{milliseconds(self.at)}"


@dataclass(frozen=True, slots=True)
class Ruled(_Timed):
    """The version of the credit policy that was in force when the broadcast opened, and holds for it; the earliest counts."""

    kind: ClassVar[Kind] = Kind.RULED
    version: int
    at: datetime

    @property
    def key(self) -> str:
        """A broadcast opens once; a process that knew nothing of it may tell it again."""
        return f"ruled:{self.version}:{milliseconds(self.at)}"


Cause = Literal["server", "power", "network", "exam", "disaster", "closed"]


@dataclass(frozen=True, slots=True)
class Fault(_Timed):
    """Something kept a region, a school or a class (`scope`) from watching; `end` None while it lasts. The newest `counter` of an id counts."""

    kind: ClassVar[Kind] = Kind.FAULT
    times: ClassVar[tuple[str, ...]] = ("begin", "end", "at")
    fault_id: str
    cause: Cause
    scope: str
    begin: datetime
    end: datetime | None
    by: str
    note_code: str
    at: datetime
    counter: int

    @property
    def key(self) -> str:
        """A change of a fault is a fact of its own."""
        return f"fault:{self.fault_id}:{self.counter}"


@dataclass(frozen=True, slots=True)
class Corrected(_Timed):
    """A correction that somebody else approved; `supersedes` is the id of the one before."""

    kind: ClassVar[Kind] = Kind.CORRECTED
    correction_id: str
    class_id: str
    field: str
    old: str
    new: str
    reason_code: str
    requested_by: str
    approved_by: str
    at: datetime
    supersedes: str | None

    @property
    def key(self) -> str:
        """A correction is made once."""
        return f"corrected:{self.correction_id}"


Fact = (
    Numbered
    | Joined
    | Left
    | MediaDelivered
    | ReplayDelivered
    | Rendered
    | RefusedReports
    | Challenged
    | Answered
    | Confirmed
    | OnAir
    | Ruled
    | Fault
    | Corrected
)


def milliseconds(at: datetime) -> int:
    """Return Unix milliseconds, exactly."""
    return int(at.timestamp()) * 1000 + at.microsecond // 1000
