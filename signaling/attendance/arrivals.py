"""When the first screen of each class came to a lecture, in few bytes: sixteen a class. Pure."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime

from signaling.ledger.codec import EPOCH, MILLISECOND
from signaling.ledger.events import Entry
from signaling.ledger.facts import Joined, milliseconds
from signaling.ledger.reading import tell


class Arrivals:
    """The classes of one lecture, by a hash of 64 bits of their ids."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        first: dict[int, int] = {}
        for _, fact, _ in tell(entries):
            if isinstance(fact, Joined) and fact.class_id is not None:
                key, at = _key(fact.class_id), milliseconds(fact.at)
                first[key] = min(at, first.get(key, at))
        self._keys = array("Q", sorted(first))
        self._times = array("q", [first[key] for key in self._keys])

    def of(self, class_id: str) -> datetime | None:
        """Return when the class came first, None when it did not."""
        key = _key(class_id)
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return EPOCH + self._times[place] * MILLISECOND


def _key(class_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(class_id.encode(), digest_size=8).digest(), "big")
