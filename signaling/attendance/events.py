"""The values that the ledger stores, as they are before they are packed.

Both can be written down as one line of JSON, for the journal that takes them when the database does not.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

MAX_LINE: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PresenceFact:
    """A screen's session began (`joined`) or ended (`left`, with the media plane's reason), as the process `boot` saw it."""

    kind: Literal["joined", "left"]
    session: str
    node: str
    lecture_id: str
    broadcast_id: str
    screen_id: str
    at: datetime
    boot: str
    reason: str = ""

    @property
    def key(self) -> str:
        """The natural key: a session begins once and ends once."""
        return f"{self.kind}:{self.session}"


@dataclass(frozen=True, slots=True)
class WindowFact:
    """What a node delivered of a broadcast in a window; `deliveries` are (screen_id, advance, lost)."""

    node: str
    lecture_id: str
    broadcast_id: str
    window_no: int
    boot: str
    part: int
    published: int
    flowing_ms: int
    deliveries: tuple[tuple[str, int, int], ...]


Entry = PresenceFact | WindowFact


def to_line(entry: Entry) -> bytes:
    """Return the entry as one line without its line feed."""
    values = {name: getattr(entry, name) for name in entry.__dataclass_fields__}
    if isinstance(entry, PresenceFact):
        values["at"] = entry.at.isoformat()
    text = json.dumps([type(entry).__name__, values], ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 1))


def from_line(line: bytes) -> Entry:
    """Return the entry of a line; raise ValueError with the whole diagnosis when it is torn or foreign."""
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(line, validate=True), MAX_LINE)
        name, values = json.loads(text)
        if name == PresenceFact.__name__:
            return PresenceFact(**values | {"at": datetime.fromisoformat(values["at"])})
        if name == WindowFact.__name__:
            return WindowFact(**values | {"deliveries": tuple((s, a, lost) for s, a, lost in values["deliveries"])})
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a journal line: {error}") from error
    raise ValueError(f"not a journal line: unknown entry {name!r}")
