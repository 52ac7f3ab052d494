"""Reads stored entries back as facts. Pure.

1. **The order of arrival does not matter and a fact counts once**: what has a key that was told before is left out.
2. A damaged entry raises `DamagedEntry` when it is reached: nothing after it is told as if it were all.
3. What is columns stays packed (`columns.py`); `Told.roster` turns its slots into screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from signaling.ledger.codec import Stored, decode
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Entry, Header
from signaling.ledger.facts import OF_PROCESS, Kind, Numbered
from signaling.ledger.roster import Roster


class Told(NamedTuple):
    """A fact as it was read, with the header of its entry and the roster that its slots refer to."""

    header: Header
    fact: Stored
    roster: Roster

    @property
    def key(self) -> str:
        """What makes the fact the same among all nodes."""
        return _key(self.header, self.fact)


class Reader:
    """Decodes entries in the order of node and number; it remembers rosters, and what was told."""

    def __init__(self) -> None:
        self._rosters: dict[tuple[str, str | None, str | None], Roster] = {}
        self._seen: set[str] = set()

    def tell(self, entries: Iterable[Entry]) -> Iterator[Told]:
        """Yield the facts of entries that follow those before."""
        for header, body, _ in entries:
            place = (header.node, header.lecture_id, header.broadcast_id)
            roster = self._rosters.setdefault(place, Roster())
            facts = decode(header, body, roster)
            if header.kind == Kind.ROSTER:
                self._learn(header, facts, roster)
            for fact in facts:
                key = _key(header, fact)
                if key not in self._seen:
                    self._seen.add(key)
                    yield Told(header, fact, roster)

    def _learn(self, header: Header, facts: Iterable[Stored], roster: Roster) -> None:
        try:
            roster.learn(fact for fact in facts if isinstance(fact, Numbered))
        except ValueError as error:
            raise DamagedEntry(header.node, header.number, header.kind, str(error)) from error


def _key(header: Header, fact: Stored) -> str:
    if fact.kind is Kind.ROSTER:
        return f"{header.node}:{header.lecture_id}:{header.broadcast_id}:{fact.key}"
    if fact.kind in OF_PROCESS:
        return f"{header.node}:{header.broadcast_id}:{header.boot}:{fact.key}"
    return f"{header.node}:{fact.key}"


def tell(entries: Iterable[Entry]) -> Iterator[Told]:
    """Yield the facts of all entries of a lecture, in the order of node and number."""
    return Reader().tell(entries)
