"""Facts about all screens at once, as they are stored: they stay packed until their columns are asked for.

A prefecture's lecture has four million deliveries: whoever folds them unpacks the rows of one minute at a time. Each class is the stored twin of a fact
and has its `key`; `whole(screens)` makes the fact of it, `screens` being the ids of the entry's roster by slot.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from typing import ClassVar, Final

from signaling.ledger.events import Header
from signaling.ledger.facts import REASONS, Kind, MediaDelivered, RefusedReports, Rendered, ReplayDelivered
from signaling.ledger.packing import Columns, PackingError, pack, pack_columns, unpack, unpack_columns

LIVE, REPLAY, REPLAYS = 0, 1, 2
_LIVE: Final = struct.Struct("<BqIqI")  # way, window, part, published, flowing_ms
_REPLAY: Final = struct.Struct("<BqI")  # way, window, part; of one window
_REPLAYS: Final = struct.Struct("<BqIH")  # way, last window, part, windows
_RENDERED: Final = struct.Struct("<qI")  # minute, part
_REFUSED: Final = struct.Struct("<qIB")  # minute, part, number of totals
_TOTAL: Final = struct.Struct("<BQ")  # reason, times


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A `MediaDelivered`."""

    kind: ClassVar[Kind] = Kind.MEDIA_DELIVERED
    header: Header
    window_no: int
    part: int
    published: int
    flowing_ms: int
    packed: bytes

    @property
    def key(self) -> str:
        """The key of the fact."""
        return f"live:{self.window_no}:{self.part}"

    def columns(self) -> Columns:
        """Return slots, deficits (published - advance) and losses; raise `PackingError`."""
        return unpack(self.packed)

    def whole(self, screens: Sequence[str]) -> MediaDelivered:
        """Return the fact."""
        slots, deficits, losses = (columns := self.columns()).slots, columns.deficits, columns.losses
        advances = [self.published - deficit for deficit in deficits]
        deliveries = tuple(zip([screens[slot] for slot in slots], advances, losses, strict=True))
        return MediaDelivered(self.window_no, self.part, self.published, self.flowing_ms, deliveries)


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """A `ReplayDelivered`."""

    kind: ClassVar[Kind] = Kind.MEDIA_DELIVERED
    header: Header
    window_no: int
    part: int
    windows: int
    packed: bytes

    @property
    def key(self) -> str:
        """The key of the fact."""
        return f"replay:{self.window_no}:{self.part}"

    def rows(self) -> list[tuple[int, int, int]]:
        """Return (slot, begin_ms, end_ms) in the order of slots and begins; raise `PackingError`."""
        gaps, begins, lengths = unpack_columns(self.packed, 3)
        _no_negative(gaps, lengths)
        ends = map(add, begins, lengths)
        return list(zip(accumulate(gaps), begins, ends, strict=True))

    def whole(self, screens: Sequence[str]) -> ReplayDelivered:
        """Return the fact."""
        deliveries = tuple((screens[slot], begin, end) for slot, begin, end in self.rows())
        return ReplayDelivered(self.window_no, deliveries, self.part, self.windows)


@dataclass(frozen=True, slots=True)
class StoredRendered:
    """A `Rendered`."""

    kind: ClassVar[Kind] = Kind.RENDERED
    header: Header
    minute: int
    part: int
    packed: bytes

    @property
    def key(self) -> str:
        """The key of the fact."""
        return f"rendered:{self.minute}:{self.part}"

    def columns(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Return slots, rendered milliseconds and flags; raise `PackingError`."""
        gaps, rendered, flags = unpack_columns(self.packed, 3)
        _no_negative(gaps, rendered, flags)
        return list(map(add, accumulate(gaps), range(len(gaps)))), rendered, flags

    def whole(self, screens: Sequence[str]) -> Rendered:
        """Return the fact."""
        slots, rendered, flags = self.columns()
        reports = tuple(zip([screens[slot] for slot in slots], rendered, flags, strict=True))
        return Rendered(self.minute, reports, self.part)


@dataclass(frozen=True, slots=True)
class StoredRefused:
    """A `RefusedReports`."""

    kind: ClassVar[Kind] = Kind.REFUSED
    header: Header
    minute: int
    part: int
    totals: tuple[tuple[str, int], ...]
    packed: bytes

    @property
    def key(self) -> str:
        """The key of the fact."""
        return f"refused:{self.minute}:{self.part}"

    def whole(self, screens: Sequence[str]) -> RefusedReports:
        """Return the fact; raise `PackingError`, or ValueError for what cannot be one."""
        gaps, reasons, times = unpack_columns(self.packed, 3)
        _no_negative(gaps, reasons, times)
        slots = accumulate(gaps)
        reports = zip([screens[slot] for slot in slots], [REASONS[n] for n in reasons], times, strict=True)
        return RefusedReports(self.minute, tuple(reports), self.totals, self.part)


StoredColumns = StoredDelivery | StoredReplay | StoredRendered | StoredRefused


def pack_media(fact: MediaDelivered | ReplayDelivered, slots: Mapping[str, int]) -> bytes:
    """Return the payload of a delivery."""
    rows = _numbered(fact.deliveries, slots)
    if isinstance(fact, MediaDelivered):
        packed = pack(fact.published, rows)
        return media_payload(fact.window_no, fact.part, fact.published, fact.flowing_ms, packed)
    gaps = _gaps([slot for slot, _, _ in rows])
    columns = (gaps, [begin for _, begin, _ in rows], [end - begin for _, begin, end in rows])
    return _REPLAYS.pack(REPLAYS, fact.window_no, fact.part, fact.windows) + pack_columns(columns)


def media_payload(window_no: int, part: int, published: int, flowing_ms: int, packed: bytes) -> bytes:
    """Return the payload of a live delivery whose columns are packed already."""
    return _LIVE.pack(LIVE, window_no, part, published, flowing_ms) + packed


def pack_rendered(fact: Rendered, slots: Mapping[str, int]) -> bytes:
    """Return the payload of what screens showed."""
    rows = _numbered(fact.reports, slots)
    gaps = [slot - before - 1 for before, (slot, _, _) in zip([-1, *(s for s, _, _ in rows)], rows, strict=False)]
    columns = (gaps, [rendered for _, rendered, _ in rows], [flags for _, _, flags in rows])
    return _RENDERED.pack(fact.minute, fact.part) + pack_columns(columns)


def pack_refused(fact: RefusedReports, slots: Mapping[str, int]) -> bytes:
    """Return the payload of what was refused."""
    rows = sorted((slots[screen], REASONS.index(reason), times) for screen, reason, times in fact.reports)
    columns = (_gaps([slot for slot, _, _ in rows]), [reason for _, reason, _ in rows], [times for _, _, times in rows])
    totals = b"".join(_TOTAL.pack(REASONS.index(reason), times) for reason, times in fact.totals)
    return _REFUSED.pack(fact.minute, fact.part, len(fact.totals)) + totals + pack_columns(columns)


def _gaps(slots: Sequence[int]) -> list[int]:
    """Return what each slot exceeds the one before by; a screen may stand in several rows."""
    return [slot - before for before, slot in zip([0, *slots], slots, strict=False)]


def read_media(header: Header, payload: bytes) -> StoredDelivery | StoredReplay:
    """Return a delivery, still packed; raise `PackingError` when it is cut short."""
    way = payload[:1]
    if way == bytes([LIVE]) and len(payload) >= _LIVE.size:
        _, window_no, part, published, flowing_ms = _LIVE.unpack_from(payload)
        return StoredDelivery(header, window_no, part, published, flowing_ms, payload[_LIVE.size :])
    if way == bytes([REPLAY]) and len(payload) >= _REPLAY.size:
        _, window_no, part = _REPLAY.unpack_from(payload)
        return StoredReplay(header, window_no, part, 1, payload[_REPLAY.size :])
    if way == bytes([REPLAYS]) and len(payload) >= _REPLAYS.size:
        _, window_no, part, windows = _REPLAYS.unpack_from(payload)
        return StoredReplay(header, window_no, part, windows, payload[_REPLAYS.size :])
    raise PackingError(f"{len(payload)} bytes are no delivery")


def read_rendered(header: Header, payload: bytes) -> StoredRendered:
    """Return what screens showed, still packed; raise `PackingError` when it is cut short."""
    if len(payload) < _RENDERED.size:
        raise PackingError(f"{len(payload)} bytes are less than a head of {_RENDERED.size}")
    minute, part = _RENDERED.unpack_from(payload)
    return StoredRendered(header, minute, part, payload[_RENDERED.size :])


def read_refused(header: Header, payload: bytes) -> StoredRefused:
    """Return what was refused, its screens still packed; raise `PackingError` when it is cut short or has a reason that there is not."""
    if len(payload) < _REFUSED.size:
        raise PackingError(f"{len(payload)} bytes are less than a head of {_REFUSED.size}")
    minute, part, number = _REFUSED.unpack_from(payload)
    end = _REFUSED.size + number * _TOTAL.size
    if len(payload) < end:
        raise PackingError(f"{len(payload)} bytes are less than {number} totals")
    totals = list(_TOTAL.iter_unpack(payload[_REFUSED.size : end]))
    if any(reason >= len(REASONS) for reason, _ in totals):
        raise PackingError("an unknown reason")
    return StoredRefused(header, minute, part, tuple((REASONS[n], times) for n, times in totals), payload[end:])


def _numbered(rows: Iterable[tuple[str, int, int]], slots: Mapping[str, int]) -> list[tuple[int, int, int]]:
    return sorted((slots[screen], first, second) for screen, first, second in rows)


def _no_negative(*columns: Sequence[int]) -> None:
    if any(column and min(column) < 0 for column in columns):
        raise PackingError("a number is negative")
