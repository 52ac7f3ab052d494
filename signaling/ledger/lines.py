"""Drafts as lines of the journal: base64(zlib(JSON)), one line each, without a line feed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from signaling.ledger import facts
from signaling.ledger.events import Draft, Subject
from signaling.ledger.facts import Fact, Joined, Kind, Left, MediaDelivered

MAX_LINE: Final = 64 * 1024 * 1024
TYPES: Final[dict[str, type[Any]]] = {
    one.__name__: one
    for one in (
        facts.Joined,
        facts.Left,
        facts.MediaDelivered,
        facts.ReplayDelivered,
        facts.Rendered,
        facts.RefusedReports,
        facts.Challenged,
        facts.Answered,
        facts.Confirmed,
        facts.OnAir,
        facts.Ruled,
        facts.Fault,
        facts.Corrected,
    )
}
"""What a line may hold; the roster is worked out when it is stored."""

_ROWS: Final = frozenset({"deliveries", "reports"})
_TIMES: Final = frozenset({"at", "begin", "end", "deadline"})


def to_line(draft: Draft) -> bytes:
    """Return the draft as one line."""
    told = [
        [type(fact).__name__, [_plain(getattr(fact, field.name)) for field in fields(fact)]] for fact in draft.facts
    ]
    head = [draft.kind, *draft.subject, draft.boot, draft.counter, draft.recorded_at.isoformat()]
    text = json.dumps(["draft", head, told], ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 1))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def from_line(line: bytes) -> Draft:
    """Return the draft of a line; raise ValueError with the whole diagnosis when it is torn or foreign."""
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(line, validate=True), MAX_LINE)
        name, *rest = json.loads(text)
        if name == "draft":
            return _draft(*rest)
        if name in _OLDER:
            return _older(line, name, *rest)
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a journal line: {error}") from error
    raise ValueError(f"not a journal line: unknown entry {name!r}")


def _draft(head: list[Any], told: list[Any]) -> Draft:
    kind, lecture_id, broadcast_id, boot, counter, recorded_at = head
    made = tuple(_fact(name, values) for name, values in told)
    if not made or {fact.kind for fact in made} != {Kind(kind)}:
        raise ValueError(f"facts of another kind than {kind}")
    at = datetime.fromisoformat(recorded_at)
    return Draft(Kind(kind), Subject(lecture_id, broadcast_id), boot, counter, at, made)


def _fact(name: str, values: list[Any]) -> Fact:
    names = [field.name for field in fields(TYPES[name])]
    made: Fact = TYPES[name](*(_value(*one) for one in zip(names[: len(values)], values, strict=True)))
    return made


def _value(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return datetime.fromisoformat(value)
    if name in _ROWS:
        return tuple((screen, first, second) for screen, first, second in value)
    if name == "totals":
        return tuple((reason, times) for reason, times in value)
    return tuple(value) if name == "screens" else value


OLDER: Final = 1 << 30
"""From here on lie the numbers of what a version before this ledger has left; no process counts so far."""

_OLDER: Final = frozenset({"PresenceFact", "WindowFact"})


def _older(line: bytes, name: str, values: dict[str, Any]) -> Draft:
    """Read a line that a version before this ledger has left; what is in it makes it the same."""
    subject = Subject(values["lecture_id"], values["broadcast_id"])
    fact: Fact
    if name == "WindowFact":
        numbers = (values["window_no"], values["part"], values["published"], values["flowing_ms"])
        fact = MediaDelivered(*numbers, _value("deliveries", values["deliveries"]))
        at = datetime.fromtimestamp(values["window_no"] * 10, UTC)
    else:
        at = datetime.fromisoformat(values["at"])
        who = (values["session"], values["screen_id"], None, at)
        fact = Joined(*who, values["boot"]) if values["kind"] == "joined" else Left(*who, values["reason"])
    counter = OLDER + int.from_bytes(hashlib.sha256(line).digest()[:4], "big") % OLDER
    return Draft(fact.kind, subject, values["boot"], counter, at, (fact,))
