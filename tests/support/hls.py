"""What tests of the running stream share: settings, and news of reels that nobody recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from broadcaster.media import VIDEO_CLOCK_RATE
from config.settings import HlsSettings, load
from recorder.news import News, PartMade, ReelBegun, ReelEnded
from recorder.segment import Part

WALL_NS = 1_767_225_600_000_000_000
PART = VIDEO_CLOCK_RATE // 2
HEAD = 1000  # bytes of a reel in front of its first part


def hls_settings(**changes: float) -> HlsSettings:
    """Return the default settings of the stream."""
    return load(overrides={"hls": changes}).hls


@dataclass
class Press:
    """Makes the news of a recording as its worker does: numbers segments through all reels, hidden ones too."""

    clock_ns: int = WALL_NS
    segment: int = 0  # the number of the next segment
    reel: int = 0
    seq: int = 0
    offset: int = HEAD
    ticks: int = 0
    hidden: bool = False
    made: list[News] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the present reel."""
        return f"e{self.reel:03d}"

    def begin(self, *, hidden: bool = False, width: int = 640) -> ReelBegun:
        """Begin the next reel."""
        self.reel, self.seq, self.offset, self.ticks = self.reel + 1, 0, HEAD, 0
        self.hidden = hidden
        init = b"init of " + self.name.encode()
        codecs = "avc1.42e01f,mp4a.40.2"
        news = ReelBegun(self.name, init, self.segment, self.clock_ns, hidden, codecs, width, width * 9 // 16)
        self.made.append(news)
        return news

    def part(
        self, *, start: bool = False, key: bool | None = None, ticks: int = PART, size: int = 50, stored: bool = True
    ) -> PartMade:
        """Make the next part of the reel; a segment begins with its first one, and where `start` says so."""
        start = start or self.seq == 0
        data = f"{self.name}.{self.seq}.".encode().ljust(size, b".")
        part = Part(
            seq=self.seq,
            offset=self.offset,
            length=len(data),
            start=self.ticks,
            duration=ticks,
            key=start if key is None else key,
            segment_start=start,
            wall_ns=self.clock_ns,
            crc32=0,
        )
        self.seq, self.offset, self.ticks = self.seq + 1, self.offset + len(data), self.ticks + ticks
        self.clock_ns += ticks * 1_000_000_000 // VIDEO_CLOCK_RATE
        self.segment += start
        news = PartMade(self.name, part, data, stored)
        self.made.append(news)
        return news

    def end(self) -> ReelEnded:
        """End the reel."""
        news = ReelEnded(self.name)
        self.made.append(news)
        return news

    def run(self, segments: int, *, parts: int = 8, size: int = 50, stored: bool = True) -> list[News]:
        """Make whole segments and return their news."""
        return [
            self.part(start=place == 0, size=size, stored=stored) for _ in range(segments) for place in range(parts)
        ]
