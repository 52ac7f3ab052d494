"""The newest segments of a running recording in memory: what is held, what is read from the disk, what is gone.

1. **At most `seconds` of what is stored, and twice that of what is not, and never more than `MEMORY_BYTES` behind the segment in
   progress.** What is over goes from the oldest on: stored bytes are read from the disk from then on, others are lost (EXT-X-GAP).
2. Single parts can be had while their segment is in the sliding playlist; afterwards the segment as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broadcaster.media import VIDEO_CLOCK_RATE
from recorder.errors import NoSuchPart
from recorder.news import PartMade
from recorder.playlist import Settled
from recorder.segment import Part
from recorder.store import Folder
from recorder.timeline import Piece, Segment, Timeline

MEMORY_BYTES: Final = 64 << 20  # 32 s at 16 Mb/s: more than any lecturer's computer sends


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a reel's file."""

    path: Path
    offset: int
    length: int


class Window:
    """Holds the tail of `timeline`. `first` is the number of the first segment of the sliding playlist."""

    def __init__(self, folder: Folder, timeline: Timeline, seconds: float, memory_bytes: int = MEMORY_BYTES) -> None:
        self.timeline = timeline
        self.settled = Settled()
        self.first = 0
        self.held_bytes = 0
        self._folder = folder
        self._ticks = round(seconds * VIDEO_CLOCK_RATE)
        self._memory_bytes = memory_bytes
        self._shown = 0  # ticks from `first` on
        self._leaving = 0  # ticks from the first unsettled segment to `first`
        self._pieces: dict[tuple[str, int], Piece] = {}
        for segment in timeline.segments:
            self._shown += segment.duration
            self._pieces.update(((segment.reel.name, piece.part.seq), piece) for piece in segment.pieces)
        self._measured = len(timeline.segments)  # whose ticks are counted; lost ones come without a part
        self.trim()

    def add(self, news: PartMade) -> None:
        """Take a part."""
        piece = Piece(news.part, news.data, news.stored)
        if self.timeline.add(news.reel, piece) is None:
            return
        self._pieces[news.reel, news.part.seq] = piece
        self._shown += news.part.duration
        self._measured = len(self.timeline.segments)
        self.held_bytes += len(news.data)
        self.trim()

    def trim(self) -> None:
        """Let go of what is over."""
        segments = self.timeline.segments
        for segment in segments[self._measured :]:
            self._shown += segment.duration
        self._measured = len(segments)
        while self.first < len(segments) and self._shown - segments[self.first].duration >= self._ticks:
            segment = segments[self.first]
            self._shown -= segment.duration
            self._leaving += segment.duration
            self.first += 1
            self._let_go(segment, lose=False)
        self._bound_memory()
        while len(self.settled) < self.first and self._settles(segments[len(self.settled)]):
            self._settle(segments[len(self.settled)])

    def part(self, reel: str, seq: int) -> bytes | Span | None:
        """Return a part, or None when it is not there."""
        piece = self._pieces.get((reel, seq))
        if piece is None:
            return None
        return piece.data if piece.data is not None else self._span(reel, piece)

    def known(self, reel: str, seq: int) -> Part | None:
        """Return what is known of a part, None when it is not there."""
        piece = self._pieces.get((reel, seq))
        return None if piece is None else piece.part

    def segment(self, reel: str, msn: int) -> list[bytes | Span]:
        """Return a complete segment in pieces; raise `NoSuchPart`."""
        segments = self.timeline.segments
        segment = segments[msn] if 0 <= msn < len(segments) else None
        if segment is None or segment.reel.name != reel or not segment.complete or segment.lost:
            raise NoSuchPart(f"segment {msn} of {reel[:16]} is not held")
        if not segment.pieces:
            return [Span(self._folder.path / f"{reel}.mp4", segment.offset, segment.size)]
        found: list[bytes | Span] = []
        for piece in segment.pieces:
            _join(found, piece.data if piece.data is not None else self._span(reel, piece))
        return found

    def _span(self, reel: str, piece: Piece) -> Span:
        if not piece.stored:
            raise NoSuchPart(f"part {piece.part.seq} of {reel} was in memory only")
        return Span(self._folder.path / f"{reel}.mp4", piece.part.offset, piece.part.length)

    def _settles(self, segment: Segment) -> bool:
        """Whether nothing about the segment changes any more: it was stored, or its time in memory is over."""
        return segment.lost or segment.stored or self._leaving - segment.duration >= self._ticks

    def _settle(self, segment: Segment) -> None:
        self._leaving -= segment.duration
        self._let_go(segment, lose=True)
        for piece in segment.pieces:
            self._pieces.pop((segment.reel.name, piece.part.seq), None)
        segment.pieces.clear()
        self.settled.append(segment)

    def _let_go(self, segment: Segment, *, lose: bool) -> None:
        if lose and not segment.stored:
            segment.lost = True
        for piece in segment.pieces:
            if piece.data is not None and (piece.stored or segment.lost):
                self.held_bytes -= len(piece.data)
                piece.data = None

    def _bound_memory(self) -> None:
        place = len(self.settled)
        segments = self.timeline.segments
        while self.held_bytes > self._memory_bytes and place < len(segments) and segments[place].complete:
            self._let_go(segments[place], lose=True)
            place += 1


def _join(found: list[bytes | Span], more: bytes | Span) -> None:
    """Append a piece; what follows its neighbour in the same file becomes one span with it."""
    last = found[-1] if found else None
    if (
        isinstance(last, Span)
        and isinstance(more, Span)
        and last.path == more.path
        and last.offset + last.length == more.offset
    ):
        found[-1] = Span(last.path, last.offset, last.length + more.length)
    else:
        found.append(more)
