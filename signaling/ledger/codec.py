"""Facts of one entry <-> its body.

    body    = version:u8 crc32(payload):u32 payload            little-endian
    payload of roster          = first slot:u32, screens, classes, each zlib: byte planes of UUIDs, or JSON when an id is none
    payload of media_delivered = way, window, part, numbers; columns   (columns.py)
    payload of rendered        = minute, part; columns                 (columns.py)
    payload of refused         = minute, part; totals; columns         (columns.py)
    payload of all others      = zlib(JSON), a list for each field of the fact in its order

In the JSON a screen is its slot, a time is milliseconds after the one before it (the first after 1970), and a class is 0 where the roster has the same for the
screen. So a fact takes some bytes instead of three UUIDs.

1. **What cannot be decoded exactly raises `DamagedEntry`**: a torn body, an unknown version, a slot without screen, a wrong number of facts.
2. **A version is read for ever.** A new form of a body is a new version beside the old one.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from signaling.ledger import roster as rosters
from signaling.ledger.columns import (
    StoredColumns,
    pack_media,
    pack_refused,
    pack_rendered,
    read_media,
    read_refused,
    read_rendered,
)
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Header
from signaling.ledger.facts import (
    Answered,
    Challenged,
    Confirmed,
    Corrected,
    Fact,
    Fault,
    Joined,
    Kind,
    Left,
    MediaDelivered,
    Numbered,
    OnAir,
    RefusedReports,
    Rendered,
    ReplayDelivered,
    Ruled,
    milliseconds,
)
from signaling.ledger.roster import Roster

VERSION: Final = 1
HEAD: Final = struct.Struct("<BI")
MAX_PAYLOAD: Final = 64 * 1024 * 1024
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)

Stored = Fact | StoredColumns
"""What an entry gives: facts, or the stored twins of those that are columns."""

TYPES: Final[dict[Kind, type[Any]]] = {
    one.kind: one for one in (Joined, Left, Challenged, Answered, Confirmed, OnAir, Ruled, Fault, Corrected)
}
"""The kinds whose payload is JSON."""

_FIELDS: Final = {kind: tuple(field.name for field in fields(one)) for kind, one in TYPES.items()}


def screens_of(fact: Fact) -> Iterable[str]:
    """Return the screens that need a number before the fact is encoded."""
    match fact:
        case Joined() | Left() | Answered():
            return (fact.screen_id,)
        case MediaDelivered() | ReplayDelivered():
            return [screen for screen, _, _ in fact.deliveries]
        case Rendered() | RefusedReports():
            return [screen for screen, _, _ in fact.reports]
        case Challenged():
            return fact.screens
        case _:
            return ()


def encode(kind: Kind, facts: Sequence[Fact], roster: Roster) -> bytes:
    """Return the body of an entry; the roster knows all of `screens_of`. Raises ValueError for what cannot be."""
    return framed(_ENCODERS.get(kind, _encode_json)(facts, roster))


def framed(payload: bytes) -> bytes:
    """Return the body of a payload."""
    return HEAD.pack(VERSION, zlib.crc32(payload)) + payload


def decode(header: Header, body: bytes, roster: Roster) -> Sequence[Stored]:
    """Return what an entry holds, in its order; `roster` is that of its node and broadcast. Raises `DamagedEntry`."""
    try:
        payload = _payload(body)
        made = _DECODERS.get(Kind(header.kind), _decode_json)(header, payload, roster)
    except (ValueError, TypeError, LookupError, ArithmeticError, zlib.error, struct.error) as error:
        raise DamagedEntry(header.node, header.number, header.kind, str(error) or type(error).__name__) from error
    if len(made) != header.facts:
        why = f"{len(made)} facts instead of {header.facts}"
        raise DamagedEntry(header.node, header.number, header.kind, why)
    return made


def is_whole(body: bytes) -> bool:
    """Whether a body has a version that is known and its own check sum."""
    try:
        _payload(body)
    except ValueError:
        return False
    return True


def _payload(body: bytes) -> bytes:
    if len(body) < HEAD.size:
        raise ValueError(f"{len(body)} bytes are less than a head of {HEAD.size}")
    version, crc = HEAD.unpack_from(body)
    if version != VERSION:
        raise ValueError(f"unknown version {version}")
    payload = body[HEAD.size :]
    if zlib.crc32(payload) != crc:
        raise ValueError("torn: its check sum is another")
    return payload


def inflate(data: bytes) -> bytes:
    """Return what a whole zlib stream of bounded size holds; raise ValueError."""
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, MAX_PAYLOAD)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("the zlib stream is cut short, too long, or followed by something")
    return plain


# --- one fact an entry ------------------------------------------------------------------------------------------------


def _encode_media(facts: Sequence[Fact], roster: Roster) -> bytes:
    (fact,) = cast("Sequence[MediaDelivered | ReplayDelivered]", facts)
    return pack_media(fact, roster.slots)


def _encode_rendered(facts: Sequence[Fact], roster: Roster) -> bytes:
    (fact,) = cast("Sequence[Rendered]", facts)
    return pack_rendered(fact, roster.slots)


def _encode_refused(facts: Sequence[Fact], roster: Roster) -> bytes:
    (fact,) = cast("Sequence[RefusedReports]", facts)
    return pack_refused(fact, roster.slots)


def _encode_roster(facts: Sequence[Fact], roster: Roster) -> bytes:
    return rosters.pack(cast("Sequence[Numbered]", facts))


# --- JSON -------------------------------------------------------------------------------------------------------------


def _encode_json(facts: Sequence[Fact], roster: Roster) -> bytes:
    names = _FIELDS[facts[0].kind]
    columns = {name: [getattr(fact, name) for fact in facts] for name in names}
    screens = columns.get("screen_id")
    written = [_WRITERS.get(name, _same)(values, roster, screens) for name, values in columns.items()]
    return zlib.compress(json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def _decode_json(header: Header, payload: bytes, roster: Roster) -> Sequence[Fact]:
    made = TYPES[Kind(header.kind)]
    names = _FIELDS[made.kind]
    columns = dict(zip(names, json.loads(inflate(payload)), strict=True))
    screens = None
    if "screen_id" in columns:
        screens = columns["screen_id"] = [roster.screen(slot) for slot in columns["screen_id"]]
    read = [_READERS.get(name, _same)(columns[name], roster, screens) for name in names]
    return [made(*values) for values in zip(*read, strict=True)]


Column = list[Any]
Transform = Callable[[Column, Roster, Column | None], Column]


def _same(values: Column, roster: Roster, screens: Column | None) -> Column:
    return values


def _write_screens(values: Column, roster: Roster, screens: Column | None) -> Column:
    return [roster.slots[screen] for screen in values]


def _write_asked(values: Column, roster: Roster, screens: Column | None) -> Column:
    """Return for each fact the gaps between the slots of the screens that were asked, in the order of the slots."""
    asked = [sorted(roster.slots[screen] for screen in one) for one in values]
    return [[slot - before for before, slot in zip([0, *slots], slots, strict=False)] for slots in asked]


def _read_asked(values: Column, roster: Roster, screens: Column | None) -> Column:
    found = []
    for gaps in values:
        slot, one = 0, []
        for gap in gaps:
            slot += gap
            one.append(roster.screen(slot))
        found.append(tuple(one))
    return found


def _write_classes(values: Column, roster: Roster, screens: Column | None) -> Column:
    if screens is None:  # a class by itself: the number of its first screen
        return [roster.class_slots.get(one, one) for one in values]
    return [0 if roster.class_of(screen) == one else one for one, screen in zip(values, screens, strict=True)]


def _read_classes(values: Column, roster: Roster, screens: Column | None) -> Column:
    if screens is None:
        return [roster.class_at(one) if isinstance(one, int) else one for one in values]
    return [roster.class_of(screen) if one == 0 else one for one, screen in zip(values, screens, strict=True)]


def _write_times(values: Column, roster: Roster, screens: Column | None) -> Column:
    before = 0
    written: Column = []
    for value in values:
        if value is None:
            written.append(None)
        else:
            now = milliseconds(value)
            written.append(now - before)
            before = now
    return written


def _read_times(values: Column, roster: Roster, screens: Column | None) -> Column:
    now = 0
    read: Column = []
    for value in values:
        if value is None:
            read.append(None)
        else:
            now += value
            read.append(EPOCH + now * MILLISECOND)
    return read


_TIMES: Final = ("at", "begin", "end", "deadline")
_WRITERS: Final[Mapping[str, Transform]] = {
    "screen_id": _write_screens,
    "screens": _write_asked,
    "class_id": _write_classes,
    **dict.fromkeys(_TIMES, _write_times),
}
_READERS: Final[Mapping[str, Transform]] = {
    "screens": _read_asked,
    "class_id": _read_classes,
    **dict.fromkeys(_TIMES, _read_times),
}
_ENCODERS: Final[Mapping[Kind, Callable[[Sequence[Fact], Roster], bytes]]] = {
    Kind.ROSTER: _encode_roster,
    Kind.MEDIA_DELIVERED: _encode_media,
    Kind.RENDERED: _encode_rendered,
    Kind.REFUSED: _encode_refused,
}
_DECODERS: Final[Mapping[Kind, Callable[[Header, bytes, Roster], Sequence[Stored]]]] = {
    Kind.ROSTER: lambda header, payload, roster: rosters.unpack(payload),
    Kind.MEDIA_DELIVERED: lambda header, payload, roster: [read_media(header, payload)],
    Kind.RENDERED: lambda header, payload, roster: [read_rendered(header, payload)],
    Kind.REFUSED: lambda header, payload, roster: [read_refused(header, payload)],
}
