"""Playlists of RFC 8216bis (draft -16) as text: pure functions of a `recorder.timeline.Timeline`.

    index   multivariant: one variant, so that no rendition report is needed anywhere (section 4.4.5.4 asks for reports of others)
    live    the sliding window, low latency
    dvr     EVENT from the first second, low latency, delta updates (section 6.2.5.1)
    vod     byte ranges of the finished reels, complete

1. **A line, once written, stays**: a segment's lines change only when it has left the memory and was on no disk (EXT-X-GAP), and
   parts are no longer listed when they are three target durations old.
2. EXT-X-TARGETDURATION is constant, and no part is longer than EXT-X-PART-INF says.
3. EXT-X-INDEPENDENT-SEGMENTS is said only where every segment begins with an IDR picture: of a playlist that grows nobody knows.
4. **A dvr playlist of hours costs its tail**: lines of segments that cannot change any more are one growing string (`Settled`).

Addresses are relative to the folder of the recording: `e001.init.mp4`, `e001.s17.m4s` (a segment by its number, from 0), `e001.p35.m4s`
(a part by its place in the reel).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from broadcaster.media import VIDEO_CLOCK_RATE
from recorder.timeline import TARGET_SECONDS, Piece, Segment, Timeline

# The media sequence number of segment 0. hls.js 1.7.4 takes a part of number 0 for no part at all, forgets what it has just
# loaded and loads it again at once, over a hundred times a second, until the next segment is complete.
FIRST_MSN: Final = 1
VERSION: Final = 9  # EXT-X-SKIP asks for it
VOD_VERSION: Final = 7
HOLD_BACK_PARTS: Final = 3  # a server should ask for three part targets at least (section 4.4.3.8)
LISTED_TICKS: Final = 3 * TARGET_SECONDS * VIDEO_CLOCK_RATE  # parts that begin further from the end are not listed
SKIP_SECONDS: Final = 6 * TARGET_SECONDS  # the least skip boundary that section 4.4.3.8 allows
UNKNOWN_BITS: Final = 2_000_000  # until a segment is complete
MEDIA_TYPE: Final = "application/vnd.apple.mpegurl"


def index_playlist(timeline: Timeline, uri: str) -> str:
    """Return the multivariant playlist that leads to the media playlist at `uri`. `timeline` has a segment."""
    shown = [segment.reel for segment in timeline.segments[-1:]]
    with_picture = [reel for reel in timeline.reels.values() if reel.width]
    reel = (with_picture or shown or [*timeline.reels.values()])[-1]
    attributes = f"BANDWIDTH={timeline.peak_bits or UNKNOWN_BITS}"
    attributes += f',CODECS="{reel.codecs}"'
    if reel.width and reel.height:
        attributes += f",RESOLUTION={reel.width}x{reel.height}"
    return f"#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-STREAM-INF:{attributes}\n{uri}\n"


def live_playlist(timeline: Timeline, first: int, part_seconds: float) -> str:
    """Return the playlist of the segments from number `first` on; parts are at most `part_seconds` long."""
    segments = timeline.segments[first:]
    before = segments[0].breaks - segments[0].opens if segments else 0  # discontinuities in front of the window
    tags = [
        *_low_latency(part_seconds, ""),
        f"#EXT-X-MEDIA-SEQUENCE:{first + FIRST_MSN}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{max(0, before)}",
    ]
    return _joined([*_head(VERSION, tags), *_lines(timeline, first, beginning=first), *_tail(timeline)])


class Settled:
    """The lines of the first segments of a dvr playlist, which do not change any more, as one string."""

    def __init__(self) -> None:
        self.text = ""
        self._ends: list[int] = []

    def __len__(self) -> int:
        """Return how many segments are in it: the number of the next one."""
        return len(self._ends)

    def append(self, segment: Segment) -> None:
        """Settle the next segment."""
        self.text += _joined(_segment_lines(segment, first=segment.msn == 0, parts=()))
        self._ends.append(len(self.text))

    def after(self, skipped: int) -> str:
        """Return the lines behind the first `skipped` segments."""
        return self.text[self._ends[skipped - 1] :] if skipped else self.text


def dvr_playlist(timeline: Timeline, settled: Settled, part_seconds: float, *, skip: bool = False) -> str:
    """Return the playlist from the first second on, or with `skip` its delta update if there is anything to skip.

    `_HLS_skip=v2` may be answered by the same: there are no date ranges to skip.
    """
    skipped = skippable(timeline) if skip else 0
    tags = [
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        *_low_latency(part_seconds, f",CAN-SKIP-UNTIL={SKIP_SECONDS}"),
        f"#EXT-X-MEDIA-SEQUENCE:{FIRST_MSN}",
    ]
    if skipped:
        tags.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    head = _joined(_head(VERSION, tags))
    known = settled.after(skipped) if skipped <= len(settled) else ""
    rest = _lines(timeline, max(skipped, len(settled)), beginning=0)
    return head + known + _joined([*rest, *_tail(timeline)])


def skippable(timeline: Timeline) -> int:
    """Return how many segments end before the skip boundary."""
    left = SKIP_SECONDS * VIDEO_CLOCK_RATE
    for segment in reversed(timeline.segments):
        if left < 0:
            return segment.msn + 1
        left -= segment.duration
    return 0


def vod_playlist(timeline: Timeline) -> str:
    """Return the playlist of a finished recording: byte ranges of the reels' own files, ended.

    `timeline` comes from `read_timeline`. Hidden reels and lost segments are left out, as they are in the finished file, so that
    a place in this playlist is the same place in that file. Without any segment the playlist is empty, and ended.
    """
    segments = [segment for segment in timeline.segments if segment.stored and segment.size]
    tags = ["#EXT-X-PLAYLIST-TYPE:VOD", f"#EXT-X-MEDIA-SEQUENCE:{FIRST_MSN}"]
    if segments and all(segment.key for segment in segments):
        tags.append("#EXT-X-INDEPENDENT-SEGMENTS")
    lines = _head(VOD_VERSION, tags)
    before: Segment | None = None
    for segment in segments:
        name = segment.reel.name
        if before is None or before.reel is not segment.reel:
            lines += ["#EXT-X-DISCONTINUITY"] * (before is not None)
            lines += [f'#EXT-X-MAP:URI="{name}.init.mp4"', _date(segment)]
        elif before.msn + 1 != segment.msn:  # what lay between is lost: the time does not follow
            lines.append(_date(segment))
        lines.append(f"#EXTINF:{_seconds(segment.duration)},")
        lines.append(f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}")
        lines.append(f"{name}.mp4")
        before = segment
    return _joined([*lines, "#EXT-X-ENDLIST"])


def advance_limit(part_seconds: float) -> int:
    """Return how many parts ahead a client may ask for: the Advance Part Limit of section 6.2.5.2."""
    return 3 if part_seconds >= 1 else math.ceil(3 / part_seconds)


def _head(version: int, tags: list[str]) -> list[str]:
    return ["#EXTM3U", f"#EXT-X-VERSION:{version}", f"#EXT-X-TARGETDURATION:{TARGET_SECONDS}", *tags]


def _low_latency(part_seconds: float, more: str) -> list[str]:
    hold_back = f"PART-HOLD-BACK={HOLD_BACK_PARTS * part_seconds:.3f}"
    return [
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,{hold_back}{more}",
        f"#EXT-X-PART-INF:PART-TARGET={part_seconds:.3f}",
    ]


def _lines(timeline: Timeline, start: int, *, beginning: int) -> Iterator[str]:
    """Yield the lines of the segments from number `start` on in a playlist that begins with number `beginning`."""
    segments = timeline.segments[start:]
    left = sum(segment.duration for segment in segments)
    for segment in segments:
        listed = left <= LISTED_TICKS or not segment.complete
        yield from _segment_lines(segment, first=segment.msn == beginning, parts=segment.pieces if listed else ())
        left -= segment.duration


def _segment_lines(segment: Segment, *, first: bool, parts: list[Piece] | tuple[()]) -> Iterator[str]:
    if segment.opens and segment.breaks:
        yield "#EXT-X-DISCONTINUITY"
    if segment.opens or first:
        yield f'#EXT-X-MAP:URI="{segment.reel.name}.init.mp4"'
    if segment.dated or first:
        yield _date(segment)
    if not segment.lost:
        for piece in parts:
            yield _part(segment.reel.name, piece)
    if segment.complete:
        if segment.lost:
            yield "#EXT-X-GAP"
        yield f"#EXTINF:{_seconds(segment.duration)},"
        yield f"{segment.reel.name}.s{segment.msn}.m4s"


def _part(reel: str, piece: Piece) -> str:
    part = piece.part
    independent = ",INDEPENDENT=YES" if part.key else ""
    return f'#EXT-X-PART:DURATION={_seconds(part.duration)},URI="{reel}.p{part.seq}.m4s"{independent}'


def _tail(timeline: Timeline) -> Iterator[str]:
    """A client that finds no hint asks again and again: there always is one, also while no reel is open."""
    if timeline.ended:
        yield "#EXT-X-ENDLIST"
    else:
        reel, seq = timeline.hint
        yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{reel}.p{seq}.m4s"'


def _seconds(ticks: int) -> str:
    return f"{ticks / VIDEO_CLOCK_RATE:.5f}"


def _date(segment: Segment) -> str:
    seconds, milliseconds = divmod(segment.wall_ns // 1_000_000, 1000)
    at = datetime.fromtimestamp(seconds, UTC)
    return f"#EXT-X-PROGRAM-DATE-TIME:{at:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def _joined(lines: list[str] | Iterator[str]) -> str:
    text = "\n".join(lines)
    return text + "\n" if text else ""
