"""What was recorded before there was this ledger, as entries of its chain, and back. Pure; the migration is its only user.

Before, a joining or leaving was a row of `attendance_facts`, a window a row of `delivery_windows`, a screen's number a row of `attendance_roster`.
**The same rows make the same chain**: in each broadcast the roster, joinings, windows and leavings, each in the order of time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from signaling.db.base import uuid7
from signaling.ledger import chain
from signaling.ledger.chain import GENESIS
from signaling.ledger.codec import encode, framed
from signaling.ledger.columns import StoredDelivery, media_payload
from signaling.ledger.events import Entry, Header, Subject
from signaling.ledger.facts import Fact, Joined, Kind, Left, Numbered
from signaling.ledger.reading import Told
from signaling.ledger.roster import Roster

BOOT: Final = "moved"
"""Stands for the process in entries of rosters, which did not say which one wrote them."""

TOGETHER: Final = 1000
WINDOW: Final = timedelta(seconds=10)
AHEAD: Final = timedelta(hours=8)
"""Only the times and days of moved entries rest on these two: rows of before had neither."""

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Older:
    """The rows of one broadcast and node, columns by name, times in UTC."""

    subject: Subject
    facts: Sequence[Row] = ()
    windows: Sequence[Row] = ()
    roster: Sequence[Row] = ()


@dataclass(slots=True)
class Mover:
    """Appends what a node recorded to its chain, broadcast by broadcast."""

    node: str
    _number: int = 0
    _digest: bytes = GENESIS
    _day: date = date.min
    _counters: dict[str, int] = field(default_factory=dict)

    def move(self, older: Older) -> Iterator[Entry]:
        """Yield the entries of one broadcast; roster numbers stay what they were."""
        roster, begin = _roster(older)
        numbered = [Numbered(slot, *one) for slot, one in enumerate(zip(roster.screens, roster.classes, strict=True))]
        for part in _parts(numbered, TOGETHER):
            yield self._entry(older.subject, Kind.ROSTER, BOOT, begin, encode(Kind.ROSTER, part, roster), len(part))
        yield from self._presence(older, Kind.JOINED, roster)
        for row in sorted(older.windows, key=lambda row: (row["window_no"], row["boot"], row["part"])):
            numbers = (row["window_no"], row["part"], row["published"], row["flowing_ms"])
            body = framed(media_payload(*numbers, bytes(row["packed"])))
            yield self._entry(older.subject, Kind.MEDIA_DELIVERED, row["boot"], _end(row), body, 1)
        yield from self._presence(older, Kind.LEFT, roster)

    def _presence(self, older: Older, kind: Kind, roster: Roster) -> Iterator[Entry]:
        by_boot: dict[str, list[Fact]] = {}
        for row in sorted(older.facts, key=lambda row: (row["at"], row["key"])):
            if row["kind"] == kind:
                boot, fact = _fact(row)
                by_boot.setdefault(boot, []).append(fact)
        for boot, facts in by_boot.items():
            for part in _parts(facts, TOGETHER):
                at = max(fact.at for fact in part if isinstance(fact, Joined | Left))
                yield self._entry(older.subject, kind, boot, at, encode(kind, part, roster), len(part))

    def _entry(self, subject: Subject, kind: Kind, boot: str, at: datetime, body: bytes, facts: int) -> Entry:
        self._number += 1
        self._day = max(self._day, (at + AHEAD).date())
        counter = self._counters[boot] = self._counters.get(boot, 0) + 1
        header = Header(self.node, self._number, self._day, kind.value, *subject, boot, counter, at, facts)
        entry = chain.link(self._digest, header, body)
        self._digest = entry.digest
        return entry


def _roster(older: Older) -> tuple[Roster, datetime]:
    """Return the numbers of before, then those of screens that only came and went; and when it all began."""
    roster = Roster()
    for row in sorted(older.roster, key=lambda row: row["slot"]):
        while len(roster) < row["slot"]:
            roster.add(f"unknown-{len(roster)}", None)
        roster.add(row["screen_id"], row["class_id"])
    for row in sorted(older.facts, key=lambda row: (row["at"], row["key"])):
        if row["screen_id"] not in roster.slots:
            roster.add(row["screen_id"], row["class_id"])
    times = [row["at"] for row in older.facts] + [_end(row) - WINDOW for row in older.windows]
    return roster, min(times, default=datetime(1970, 1, 1, tzinfo=UTC))


def _end(row: Row) -> datetime:
    number: int = row["window_no"]
    return datetime(1970, 1, 1, tzinfo=UTC) + (number + 1) * WINDOW


def _fact(row: Row) -> tuple[str, Fact]:
    told = json.loads(row["data"])
    boot, who = told.get("boot", ""), (row["session"], row["screen_id"], row["class_id"], row["at"])
    if row["kind"] == Kind.JOINED:
        return boot, Joined(*who, boot)
    return boot, Left(*who, told.get("reason", ""))


def _parts(facts: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (facts[start : start + size] for start in range(0, len(facts), size))


def back(facts: Iterable[Told]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, row) of what the tables of before can hold; times in UTC. The rest has no place there."""
    for header, fact, _ in facts:
        of = {"node": header.node, "broadcast_id": header.broadcast_id}
        match fact:
            case Numbered():
                named = {"slot": fact.slot, "screen_id": fact.screen_id, "class_id": fact.class_id}
                yield "attendance_roster", of | named
            case StoredDelivery():
                numbers = {name: getattr(fact, name) for name in ("window_no", "part", "published", "flowing_ms")}
                packed = {"id": uuid7(), "lecture_id": header.lecture_id, "boot": header.boot, "packed": fact.packed}
                yield "delivery_windows", of | numbers | packed
            case Joined() | Left():
                who = {"session": fact.session, "screen_id": fact.screen_id, "class_id": fact.class_id, "at": fact.at}
                what = {"id": uuid7(), "key": fact.key, "kind": fact.kind.value, "lecture_id": header.lecture_id}
                yield "attendance_facts", of | who | what | {"data": _data(header, fact)}


def _data(header: Header, fact: Joined | Left) -> str:
    if isinstance(fact, Joined):
        return json.dumps({"boot": fact.boot})
    return json.dumps({"boot": header.boot} | ({"reason": fact.reason} if fact.reason else {}))
