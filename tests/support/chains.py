"""Facts as the ledger would have stored them, without a database: one chain a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from signaling.ledger.chain import GENESIS, link
from signaling.ledger.codec import encode, screens_of
from signaling.ledger.events import Entry, Header, Subject
from signaling.ledger.facts import Fact, Kind, Numbered
from signaling.ledger.roster import Roster


@dataclass(frozen=True, slots=True)
class Written:
    """A fact that a process of a node recorded at a time."""

    node: str
    boot: str
    recorded_at: datetime
    subject: Subject
    fact: Fact


class Chains:
    """Stores facts, one an entry, and gives screens their numbers and classes as it goes."""

    def __init__(self, class_of: dict[str, str]) -> None:
        self._class_of = class_of
        self._rosters: dict[tuple[str, Subject], Roster] = {}
        self._heads: dict[str, tuple[int, bytes]] = {}

    def store(self, every: Iterable[Written]) -> list[Entry]:
        """Return the entries of facts, in their order."""
        return [entry for one in every for entry in self._entries(one)]

    def _entries(self, one: Written) -> Iterator[Entry]:
        roster = self._rosters.setdefault((one.node, one.subject), Roster())
        new = [screen for screen in screens_of(one.fact) if screen not in roster.slots]
        numbered = [roster.add(screen, self._class_of.get(screen)) for screen in dict.fromkeys(new)]
        if numbered:
            yield self._entry(one, Kind.ROSTER, numbered, roster)
        yield self._entry(one, one.fact.kind, [one.fact], roster)

    def _entry(self, one: Written, kind: Kind, facts: list[Numbered] | list[Fact], roster: Roster) -> Entry:
        number, before = self._heads.get(one.node, (0, GENESIS))
        lecture, broadcast = one.subject
        day, at = date(2026, 9, 14), one.recorded_at
        header = Header(one.node, number + 1, day, str(kind), lecture, broadcast, one.boot, number + 1, at, len(facts))
        entry = link(before, header, encode(kind, facts, roster))
        self._heads[one.node] = (number + 1, entry.digest)
        return entry
