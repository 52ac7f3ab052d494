"""The roster of one broadcast and node: the small number that stands for a screen in its entries, and the screen's class of that day."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from signaling.ledger.facts import Numbered

_HEAD: Final = struct.Struct("<III")  # first slot, facts, bytes of the screens
_PLANES, _TEXT = b"\0", b"\1"
_NIL: Final = bytes(16)
MAX_IDS: Final = 64 * 1024 * 1024


class Roster:
    """Grows as entries are written or read; numbers go from 0 without gaps."""

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.screens: list[str] = []
        self.classes: list[str | None] = []
        self.class_slots: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.screens)

    def add(self, screen_id: str, class_id: str | None) -> Numbered:
        """Give a screen the next number."""
        slot = len(self.screens)
        self.slots[screen_id] = slot
        self.screens.append(screen_id)
        self.classes.append(class_id)
        if class_id is not None:
            self.class_slots.setdefault(class_id, slot)
        return Numbered(slot, screen_id, class_id)

    def learn(self, facts: Iterable[Numbered]) -> None:
        """Take numbers that were stored; what is known already stays. Raises ValueError when one does not follow."""
        for fact in facts:
            if fact.slot == len(self.screens):
                self.add(fact.screen_id, fact.class_id)
            elif fact.slot > len(self.screens) or self.screens[fact.slot] != fact.screen_id:
                raise ValueError(f"slot {fact.slot} does not follow the {len(self.screens)} that are known")

    def screen(self, slot: int) -> str:
        """Return the screen of a number; raise ValueError when there is none."""
        if not 0 <= slot < len(self.screens):
            raise ValueError(f"slot {slot} is in no roster")
        return self.screens[slot]

    def class_at(self, slot: int) -> str | None:
        """Return the class of a number; raise ValueError when there is none."""
        self.screen(slot)
        return self.classes[slot]

    def class_of(self, screen_id: str) -> str | None:
        """Return the class that the roster has for a screen."""
        return self.classes[self.slots[screen_id]]


def pack(facts: Sequence[Numbered]) -> bytes:
    """Return the payload of numbers that follow each other."""
    first = facts[0].slot
    if [fact.slot for fact in facts] != list(range(first, first + len(facts))):
        raise ValueError("numbers of a roster follow each other")
    screens = _pack_ids([fact.screen_id for fact in facts])
    return _HEAD.pack(first, len(facts), len(screens)) + screens + _pack_ids([fact.class_id for fact in facts])


def unpack(payload: bytes) -> list[Numbered]:
    """Return the numbers; raise ValueError when the payload cannot be what `pack` wrote."""
    if len(payload) < _HEAD.size:
        raise ValueError(f"{len(payload)} bytes are no roster")
    first, count, length = _HEAD.unpack_from(payload)
    middle = _HEAD.size + length
    screens = _unpack_ids(payload[_HEAD.size : middle], count)
    classes = _unpack_ids(payload[middle:], count)
    if None in screens:
        raise ValueError("a number without a screen")
    rows = zip(range(first, first + count), screens, classes, strict=True)
    return [Numbered(slot, screen, class_id) for slot, screen, class_id in rows if screen is not None]


def _pack_ids(ids: Sequence[str | None]) -> bytes:
    """UUIDs as 16 planes of bytes: those of one day's import share their first bytes, which then vanish in zlib."""
    try:
        plain = [_NIL if one is None else uuid.UUID(one).bytes for one in ids]
        fits = all(
            one is None or (str(uuid.UUID(one)) == one and raw != _NIL) for one, raw in zip(ids, plain, strict=True)
        )
    except ValueError:
        fits = False
    if not fits:
        return _TEXT + zlib.compress(json.dumps(list(ids), ensure_ascii=False, separators=(",", ":")).encode(), 9)
    whole = b"".join(plain)
    return _PLANES + zlib.compress(b"".join(whole[plane::16] for plane in range(16)), 9)


def _unpack_ids(data: bytes, count: int) -> list[str | None]:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data[1:], MAX_IDS)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("the zlib stream is cut short or followed by something")
    if data[:1] == _TEXT:
        ids = json.loads(plain)
        if not isinstance(ids, list) or len(ids) != count:
            raise ValueError(f"not {count} ids")
        return ids
    if data[:1] != _PLANES or len(plain) != 16 * count:
        raise ValueError(f"not {count} ids")
    whole = bytearray(len(plain))
    for plane in range(16):
        whole[plane::16] = plain[plane * count : (plane + 1) * count]
    raws = (bytes(whole[start : start + 16]) for start in range(0, len(whole), 16))
    return [None if raw == _NIL else str(uuid.UUID(bytes=raw)) for raw in raws]
