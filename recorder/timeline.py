"""What a recording holds, in the numbering of its playlists: segments of the reels that may be shown.

1. **A segment's number (media sequence number, RFC 8216bis section 3) is its place in `Timeline.segments`**, for good: what was
   told once is never renumbered, also not by a restart.
2. Hidden reels have no segments here. The recording numbers theirs too, so that its numbers are ours plus the hidden ones
   before: each reel tells the number of its first segment, and what was hidden is the difference.
3. Segments that existed in memory only are missing on the disk. A jump in the numbers of the reels tells how many; they stay as
   lost ones (EXT-X-GAP), as long as the clocks of the reels around them say.
4. **Nothing here knows a clock or an event loop.** A `Timeline` grows by news, or is read from the files by `read_timeline`.

Times are ticks of 90 kHz of a reel's own time, `wall_ns` is Unix nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from broadcaster.media import VIDEO_CLOCK_RATE
from recorder.errors import BoxError
from recorder.fragments import Track
from recorder.journal import read_lines
from recorder.news import ReelBegun
from recorder.segment import Part, ReelReader
from recorder.store import REEL, Folder

log = structlog.get_logger("recorder")

TARGET_SECONDS: Final = 8  # EXT-X-TARGETDURATION, always: it must never change, and no segment is longer
MOST_LOST: Final = 10_800  # a day of the longest segments: more than that is a damaged journal, not a hole
SHORTEST_LOST: Final = VIDEO_CLOCK_RATE // 10
UNKNOWN_LOST: Final = 4 * VIDEO_CLOCK_RATE  # where nothing lies before the hole, its length cannot be told


@dataclass(frozen=True, slots=True)
class Reel:
    """One reel that may be shown; `wall_ns` is the time of tick 0."""

    name: str
    init: bytes
    wall_ns: int
    codecs: str
    width: int | None
    height: int | None

    def when(self, start: int, duration: int) -> tuple[int, int]:
        """Return begin and end of a stretch of its time in Unix milliseconds."""
        ends = (start, start + duration)
        begin, end = (round((self.wall_ns + _nanoseconds(ticks)) / 1_000_000) for ticks in ends)
        return begin, end


@dataclass(slots=True)
class Piece:
    """One part as it is held: `data` is None when it is to be read from the disk or, not `stored`, is gone."""

    part: Part
    data: bytes | None
    stored: bool


@dataclass(slots=True)
class Segment:
    """One segment. `offset` and `size` are its place in the reel's file if it is wholly stored.

    `opens`: the first one of its reel. `breaks`: discontinuities up to its beginning, its own with them; a reel that ended before its
    first segment makes none. `dated`: its time does not follow from the segment before. `key`: it begins with an IDR
    picture. `lost`: it cannot be had (any more). Pieces are forgotten when nobody may ask for single parts any more.
    """

    msn: int
    reel: Reel
    start: int
    wall_ns: int
    key: bool
    opens: bool = False
    breaks: int = 0
    dated: bool = False
    offset: int = 0
    size: int = 0
    duration: int = 0
    complete: bool = False
    lost: bool = False
    pieces: list[Piece] = field(default_factory=list)

    @property
    def stored(self) -> bool:
        """Whether all of it is on the disk."""
        return not self.lost and all(piece.stored for piece in self.pieces)

    @property
    def wall_end_ns(self) -> int:
        """When it ended."""
        return self.wall_ns + _nanoseconds(self.duration)


class Timeline:
    """All segments from the first one on; the last one may still grow."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.reels: dict[str, Reel] = {}
        self.ended = False
        self.peak_bits = 0  # a second, of the segment that has most
        self._open: Reel | None = None
        self._newest = 0  # the number in the name of the newest reel, hidden ones too
        self._shift = 0  # how far the recording's numbers are ahead of ours
        self._hidden_from: int | None = (
            None  # the recording's number with which the newest reel began, if that one is hidden
        )

    @property
    def next(self) -> tuple[int, int]:
        """Segment and place in it of the part that comes next, as far as is known: a new segment may begin instead."""
        if self.segments and not self.segments[-1].complete:
            return len(self.segments) - 1, len(self.segments[-1].pieces)
        return len(self.segments), 0

    @property
    def hint(self) -> tuple[str, int]:
        """Reel and sequence number that the next part is expected to have."""
        if self._open is not None:
            growing = self.segments and self.segments[-1].reel is self._open and self.segments[-1].pieces
            return self._open.name, growing[-1].part.seq + 1 if growing else 0
        return f"e{self._newest + 1:03d}", 0

    @property
    def next_number(self) -> int:
        """The number of the recording's next segment if nothing was hidden since."""
        return len(self.segments) + self._shift

    def begin(self, news: ReelBegun) -> None:
        """Begin a reel."""
        self.end_reel()
        match = REEL.fullmatch(f"{news.name}.mp4")
        self._newest = max(self._newest, int(match[1]) if match else 0)
        if self._hidden_from is not None:
            self._shift += max(0, news.first_segment - self._hidden_from)
        self._hidden_from = news.first_segment if news.hidden else None
        missing = news.first_segment - self.next_number
        if missing < 0:  # numbers that were told already: ours go on
            self._shift += missing
        reel = Reel(news.name, news.init, news.wall_ns, news.codecs, news.width, news.height)
        self._lose(min(missing, MOST_LOST), reel)
        if not news.hidden:
            self.reels[reel.name] = self._open = reel

    def add(self, name: str, piece: Piece) -> Segment | None:
        """Add a part of the reel `name` and return its segment, or None when it is not to be shown."""
        reel, part = self._open, piece.part
        if reel is None or reel.name != name:
            return None
        if part.segment_start or not self.segments or self.segments[-1].complete:
            self._complete()
            self._new_segment(reel, part)
        segment = self.segments[-1]
        segment.pieces.append(piece)
        segment.duration += part.duration
        segment.size += part.length
        return segment

    def end_reel(self) -> None:
        """No part of the present reel comes any more."""
        self._complete()
        self._open = None

    def end(self) -> None:
        """No reel comes any more."""
        self.end_reel()
        self.ended = True

    def _new_segment(self, reel: Reel, part: Part) -> None:
        before = self.segments[-1] if self.segments else None
        # a lost segment in front of the very first reel bears that reel's name and is not its beginning
        opens = before is None or before.reel is not reel
        self.segments.append(
            Segment(
                msn=len(self.segments),
                reel=reel,
                start=part.start,
                wall_ns=reel.wall_ns + _nanoseconds(part.start),
                key=part.key,
                opens=opens,
                breaks=before.breaks + opens if before is not None else 0,
                dated=opens or (before is not None and before.lost),
                offset=part.offset,
            )
        )

    def _complete(self) -> None:
        if self.segments and not self.segments[-1].complete:
            segment = self.segments[-1]
            segment.complete = True
            if segment.duration:
                self.peak_bits = max(self.peak_bits, segment.size * 8 * VIDEO_CLOCK_RATE // segment.duration)

    def _lose(self, count: int, coming: Reel) -> None:
        """Put `count` lost segments between the last one and a reel that comes."""
        if count <= 0:
            return
        before = self.segments[-1] if self.segments else None
        length = UNKNOWN_LOST
        if before is not None:
            length = (coming.wall_ns - before.wall_end_ns) * VIDEO_CLOCK_RATE // (count * 1_000_000_000)
        length = max(SHORTEST_LOST, min(length, TARGET_SECONDS * VIDEO_CLOCK_RATE))
        wall_ns = before.wall_end_ns if before else coming.wall_ns - count * _nanoseconds(length)
        for place in range(count):
            lost = Segment(len(self.segments), before.reel if before else coming, 0, wall_ns, key=False)
            lost.breaks = before.breaks if before else 0
            lost.wall_ns += place * _nanoseconds(length)
            lost.duration, lost.lost, lost.complete, lost.dated = length, True, True, True
            self.segments.append(lost)


def _nanoseconds(ticks: int) -> int:
    return ticks * 1_000_000_000 // VIDEO_CLOCK_RATE


def read_timeline(folder: Folder) -> Timeline:
    """Return what the files of a recording hold; its reels must be whole (`finish.recover_reels`). Reads every index: off the loop.

    A reel that cannot be read is left out; what its numbers leave open is lost.
    """
    noted = {line["name"]: line for line in read_lines(folder.journal) if line.get("event") == "reel"}
    timeline = Timeline()
    for path in folder.reels():
        try:
            reader = ReelReader(path)
            news = _begun(reader, noted.get(path.name, {}), timeline)
        except (BoxError, OSError, TypeError, ValueError) as error:
            log.warning("x reel", recording=folder.recording_id, reel=path.name, error=str(error))
            continue
        timeline.begin(news)
        for part in reader.parts:
            timeline.add(news.name, Piece(part, None, stored=True))
        timeline.end_reel()
    return timeline


def _begun(reader: ReelReader, note: dict[str, Any], timeline: Timeline) -> ReelBegun:
    video = reader.track("vide")
    wall_ns = note.get("wall_ns") or (reader.parts[0].wall_ns if reader.parts else 0)
    return ReelBegun(
        name=reader.path.stem,
        init=reader.init,
        first_segment=int(note.get("first_segment", timeline.next_number)),
        wall_ns=int(wall_ns),
        hidden=bool(note.get("hidden", False)),
        codecs=codecs_of(video, reader.track("soun")),
        width=video.width if video else None,
        height=video.height if video else None,
    )


def codecs_of(video: Track | None, sound: Track | None) -> str:
    """Return the codecs in the form of RFC 6381: H.264 by its `avcC` (ISO/IEC 14496-15 section 5.3.3.1.2), AAC-LC."""
    found = []
    if video is not None:
        place = video.sample_description.find(b"avcC") + 5
        found.append(f"avc1.{video.sample_description[place : place + 3].hex()}")
    if sound is not None:
        found.append("mp4a.40.2")
    return ",".join(found)
