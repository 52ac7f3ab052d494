"""The chain of digests of one node. Pure.

    digest = SHA-256(digest of the entry before ‖ canonical header ‖ body)

The first entry follows 32 zero bytes. The canonical header is one line of JSON: node, number, day, kind, lecture, broadcast, boot, counter, time and number of facts.
**The root of a day is the digest of the node's last entry of that day**; the next day goes on from it. Whoever has noted a root can tell that
nothing before it was changed, added or taken away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date
from enum import StrEnum
from typing import Final

from signaling.ledger.codec import is_whole
from signaling.ledger.events import Entry, Header

GENESIS: Final = bytes(32)


class Wrong(StrEnum):
    """What is wrong with an entry."""

    MISSING = "missing"
    SWAPPED = "swapped"
    BODY = "body"
    CONTENT = "content"
    DIGEST = "digest"


SENTENCES: Final = {
    Wrong.MISSING: "is missing",
    Wrong.SWAPPED: "and the one after it were swapped",
    Wrong.BODY: "has another body than was recorded",
    Wrong.CONTENT: "has another header or content than was recorded",
    Wrong.DIGEST: "has another digest than its content and the entries before it give",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The first wrong place of a chain: `header` is that of the row found there, of the one after it when a number is missing."""

    wrong: Wrong
    number: int
    header: Header

    def __str__(self) -> str:
        one = self.header
        of = f"lecture {one.lecture_id}" if one.lecture_id else "no lecture"
        return f"node {one.node}, {one.day.isoformat()}, entry {self.number} ({one.kind}, {of}) {SENTENCES[self.wrong]}"


def canonical(header: Header) -> bytes:
    """Return the header as bytes, the same on every database."""
    values = [
        header.node,
        header.number,
        header.day.isoformat(),
        str(header.kind),
        header.lecture_id,
        header.broadcast_id,
        header.boot,
        header.counter,
        header.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        header.facts,
    ]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def link(before: bytes, header: Header, body: bytes) -> Entry:
    """Return the entry that follows the one whose digest is `before`."""
    return Entry(header, body, digest(before, header, body))


def digest(before: bytes, header: Header, body: bytes) -> bytes:
    """Return the digest of an entry: 32 bytes."""
    return hashlib.sha256(before + canonical(header) + body).digest()


class Verifier:
    """Follows chains row by row in the order of node and number. `fault` is the first wrong place.

    For a part of a chain call `begin` before it and `close` after it; whole chains need neither, but `close` for the last row.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.entries = 0
        self._node = ""
        self._number = 0
        self._digest: bytes | None = GENESIS
        self._suspect: tuple[Entry, bytes] | None = None
        self._last: Header | None = None

    def begin(self, node: str, number: int, digest: bytes | None) -> None:
        """Go on behind an entry whose digest is taken for right; None when there is no such entry."""
        self._node, self._number, self._digest = node, number, digest

    def take(self, entries: Iterable[Entry]) -> Fault | None:
        """Follow some more rows; return the first wrong place, as soon as it is certain what is wrong with it."""
        for entry in entries:
            if self.fault is None:
                self._follow(entry)
        return self.fault

    def close(self, last: int | None = None) -> Fault | None:
        """Return the first wrong place after the last row, which should have the number `last`."""
        if self.fault is None and self._suspect is not None:
            suspect, _ = self._suspect
            self.fault = Fault(_own(suspect), suspect.header.number, suspect.header)
        if self.fault is None and last is not None and self._number < last and self._last is not None:
            self.fault = Fault(Wrong.MISSING, self._number + 1, self._last)
        return self.fault

    def _follow(self, entry: Entry) -> None:
        if self._suspect is not None:
            self.fault = _judge(*self._suspect, entry)
            return
        header = self._last = entry.header
        if header.node != self._node:
            self.begin(header.node, 0, GENESIS)
        if self._digest is None:
            self.fault = Fault(Wrong.MISSING, self._number, header)
        elif header.number != self._number + 1:
            self.fault = Fault(Wrong.MISSING, self._number + 1, header)
        elif digest(self._digest, header, entry.body) != entry.digest:
            self._suspect = entry, self._digest
        else:
            self._number, self._digest = header.number, entry.digest
            self.entries += 1


def _own(entry: Entry) -> Wrong:
    return Wrong.CONTENT if is_whole(entry.body) else Wrong.BODY


def _judge(suspect: Entry, before: bytes, following: Entry) -> Fault:
    """Say what is wrong with an entry, by the one after it."""
    header = suspect.header
    if following.header.node == header.node:
        forward = header._replace(number=header.number + 1)
        if digest(following.digest, forward, suspect.body) == suspect.digest:
            return Fault(Wrong.SWAPPED, header.number, header)
        right = digest(before, header, suspect.body)
        if digest(right, following.header, following.body) == following.digest:
            return Fault(Wrong.DIGEST, header.number, header)
    return Fault(_own(suspect), header.number, header)


def verify(entries: Iterable[Entry]) -> Fault | None:
    """Return the first wrong place of rows in the order of node and number; None when all is as it was recorded."""
    verifier = Verifier()
    verifier.take(entries)
    return verifier.close()


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a node's day."""

    node: str
    day: date
    number: int
    entries: int
    root: bytes


def day_root(roots: Iterable[Root]) -> bytes:
    """Return the root over all nodes of a day, whatever their order."""
    lines = sorted(f"{one.node} {one.number} {one.root.hex()}\n".encode() for one in roots)
    return hashlib.sha256(b"".join(lines)).digest()
