"""What one recording writes into its journal, and what it must know of it to go on: marks, numbers of reels and segments.

1. **A full disk may swallow a line**, it never stops the recording: the reels tell the rest.
2. **Numbers are never used twice**: those of reels and segments go on after a restart, also behind what was in memory only.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from recorder.journal import Lines, read_lines
from recorder.segment import read_index
from recorder.store import REEL, Folder, sync_folder

log = structlog.get_logger("recorder")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What comes next: the number of a reel (from 1), the number of a segment (from 0)."""

    reel: int = 1
    segment: int = 0


def next_numbers(folder: Folder, lines: Sequence[dict[str, Any]], wall_ns: int, segment_seconds: float) -> Numbers:
    """Return the numbers behind everything that was recorded before.

    How many segments a reel had is told by its last line, by its index, and where parts of it were in memory only and the
    process was killed, at most by the time that went by: no segment is shorter than `segment_seconds`, but the last one.
    """
    reels = [line for line in lines if line.get("event") == "reel"]
    reel = max([folder.next_reel(), *(_number(line) + 1 for line in reels)])
    if not reels:
        return Numbers(reel)
    last = reels[-1]
    behind = lines[list(lines).index(last) :]
    ended = next((one for one in behind if one.get("event") == "reel_ended" and one.get("name") == last["name"]), None)
    if ended is not None:
        count = int(ended["segments"])
    else:
        path = folder.file(last["name"])
        count = sum(part.segment_start for part in read_index(path))
        if not path.exists() or any(line.get("state") == "degraded" for line in behind):
            count = max(count, math.ceil((wall_ns - last["wall_ns"]) / 1e9 / segment_seconds) + 1)
    return Numbers(reel, int(last.get("first_segment", 0)) + count)


def _number(line: dict[str, Any]) -> int:
    match = REEL.fullmatch(line["name"])
    return int(match[1]) if match else 0


class Logbook:
    """The journal of one recording as its worker writes it."""

    def __init__(self, folder: Folder, about: dict[str, Any], wall_ns: Callable[[], int], drops: Counter[str]) -> None:
        self._folder = folder
        self._about = about
        self._wall_ns = wall_ns
        self._drops = drops
        self._lines: Lines | None = None

    def read(self) -> list[dict[str, Any]]:
        """Return the lines that are there."""
        return read_lines(self._folder.journal)

    def note(self, what: str, **fields: Any) -> bool:
        """Write a line and return whether it is durable; one that the disk does not take is counted."""
        try:
            if self._lines is None:
                self._lines = self._open()
            self._lines.append({"event": what, **fields})
        except OSError as error:
            self._drops["journal_line"] += 1
            log.warning("x journal", recording=self._folder.recording_id, error=str(error))
            return False
        return True

    def _open(self) -> Lines:
        self._folder.path.mkdir(parents=True, exist_ok=True)
        sync_folder(self._folder.path.parent)
        lines = Lines(self._folder.journal, durable=True)
        try:
            lines.append({"event": "opened", "wall_ns": self._wall_ns(), **self._about})
        except OSError:
            with contextlib.suppress(OSError):
                lines.close()
            raise
        return lines

    def close(self) -> None:
        """Close the file; may raise `OSError`."""
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()
