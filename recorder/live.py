"""The running recording as an LL-HLS origin (RFC 8216bis, draft -16), below HTTP.

1. **Everything belongs to the event loop, which is the media loop too**: taking a part costs microseconds; a playlist is built when
   the first one asks for it, once, and all who ask share its bytes.
2. **All who wait are woken by one step for each part**, a few in each turn of the loop, so that packets of media are looked after
   between their answers.
3. While the lecture is cut every request fails with `Cut`, those that wait at once.
4. At most `hls.waiting_requests` wait, at most three target durations (section 6.2.5.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal

from broadcaster.media import VIDEO_CLOCK_RATE
from config.settings import HlsSettings
from recorder.errors import BadDirective, Cut, NoSuchPart, NotYet, TooManyWaiting
from recorder.news import Ended, News, PartMade, ReelBegun, ReelEnded
from recorder.playlist import FIRST_MSN, advance_limit, dvr_playlist, index_playlist, live_playlist
from recorder.store import Folder
from recorder.timeline import TARGET_SECONDS, Segment, Timeline
from recorder.window import MEMORY_BYTES, Span, Window

__all__ = ["LiveStream", "PlaylistKind", "Span"]

PlaylistKind = Literal["live", "dvr"]

BLOCK_SECONDS: Final = 3.0 * TARGET_SECONDS
WAKE_BATCH: Final = 16  # answers a turn of the loop: about 4 ms of HTTP


class LiveStream:
    """One running recording. `timeline` is what it holds already, of an earlier process."""

    def __init__(
        self,
        folder: Folder,
        timeline: Timeline,
        hls: HlsSettings,
        part_seconds: float,
        *,
        block_seconds: float = BLOCK_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._timeline = timeline
        self._window = Window(folder, timeline, hls.window_seconds, memory_bytes)
        self._part_seconds = part_seconds
        self._advance_limit = advance_limit(part_seconds)
        self._block_seconds = block_seconds
        self._most_waiting = hls.waiting_requests
        self._texts: dict[tuple[str, bool], bytes] = {}  # of the present state, by kind and whether it is a delta
        self._waiting: dict[asyncio.Future[None], None] = {}  # in order, for the next change
        self._waking: list[asyncio.Future[None]] = []  # newest first
        self._is_cut = False
        self._closed = False
        self.waiting = 0  # requests that wait now

    @property
    def held_bytes(self) -> int:
        """Bytes of media in memory."""
        return self._window.held_bytes

    # -- what happens

    def take(self, news: News) -> None:
        """Take news, in their order."""
        match news:
            case PartMade():
                self._window.add(news)
            case ReelBegun():
                self._timeline.begin(news)
                self._window.trim()
            case ReelEnded():
                self._timeline.end_reel()
            case Ended():
                self._timeline.end()
        self._changed()

    def cut(self) -> None:
        """Show nothing from now on. Idempotent."""
        self._is_cut = True
        self._changed()

    def uncut(self) -> None:
        """Show again what is not hidden. Idempotent."""
        self._is_cut = False

    def close(self) -> None:
        """Send everybody away who waits, and let nobody wait any more: the process ends. Idempotent."""
        self._closed = True
        self._changed()

    # -- what is asked for

    def index(self, rewind: bool, base: str = "") -> bytes:
        """Return the multivariant playlist, of the dvr playlist with `rewind`; `base` goes before its address.

        Raise `NotYet` before the first segment is complete, `Cut`. A player that is let in earlier finds a playlist of parts alone:
        hls.js calls that empty, and what starts with less than its hold-back stalls and stays behind.
        """
        self._check()
        if self._timeline.next[0] < 1 and not self._timeline.ended:
            raise NotYet("the first segment is not complete")
        return index_playlist(self._timeline, base + ("dvr.m3u8" if rewind else "live.m3u8")).encode()

    async def playlist(
        self, kind: PlaylistKind, msn: int | None = None, part: int | None = None, skip: bool = False
    ) -> bytes:
        """Return a media playlist, when it holds segment `msn` (its part `part`) if that is given: section 6.2.5.2.

        `skip` asks for a delta update of the dvr playlist. Raise `BadDirective`, `NotYet` (before the first part, or when nothing
        came in time), `TooManyWaiting`, `Cut`.
        """
        self._check()
        if msn is None and part is not None:
            raise BadDirective("_HLS_part without _HLS_msn")
        if msn is not None and not self._timeline.ended:
            place = msn - FIRST_MSN
            self._check_directive(place, part)
            await self._until(lambda: self._timeline.ended or self._has(place, part))
        return self._text(kind, skip and kind == "dvr")

    def seconds_between(self, earlier: tuple[int, int], later: tuple[int, int]) -> float:
        """Return the seconds of media from the end of one part to the end of another; each is a segment's number and a place in it.

        0 when `later` is not later, or one of them is not there.
        """
        segments = self._timeline.segments
        begin, end = earlier[0] - FIRST_MSN, later[0] - FIRST_MSN
        if not 0 <= begin <= end < len(segments):
            return 0.0
        ticks = sum(segment.duration for segment in segments[begin:end])
        ticks += self._played(segments[end], later[1]) - self._played(segments[begin], earlier[1])
        return max(0, ticks) / VIDEO_CLOCK_RATE

    def _played(self, segment: Segment, part: int) -> int:
        return min(segment.duration, round((part + 1) * self._part_seconds * VIDEO_CLOCK_RATE))

    async def part(self, reel: str, seq: int) -> bytes | Span:
        """Return a part; the one that comes next is waited for. Raise `NoSuchPart`, `NotYet`, `TooManyWaiting`, `Cut`."""
        self._check_cut()
        found = self._window.part(reel, seq)
        if found is None and self._is_hinted(reel, seq):
            await self._until(lambda: not self._is_hinted(reel, seq))
            found = self._window.part(reel, seq)
        if found is None:
            raise NoSuchPart(f"part {seq} of {reel[:16]} is not held")
        return found

    async def segment(self, reel: str, msn: int) -> Sequence[bytes | Span]:
        """Return a complete segment, in pieces to be sent one after the other. Raise `NoSuchPart`, `Cut`."""
        self._check_cut()
        return self._window.segment(reel, msn)

    def when(self, reel: str, seq: int) -> tuple[int, int] | None:
        """Return when a part was on the air (Unix milliseconds, end excluded), None when it is not held."""
        known, part = self._timeline.reels.get(reel), self._window.known(reel, seq)
        return None if known is None or part is None else known.when(part.start, part.duration)

    def when_segment(self, msn: int) -> tuple[int, int] | None:
        """Return when a segment was on the air, None when there is none."""
        segments = self._timeline.segments
        if not 0 <= msn < len(segments):
            return None
        return segments[msn].reel.when(segments[msn].start, segments[msn].duration)

    def init(self, reel: str) -> bytes:
        """Return the initialisation of a reel. Raise `NoSuchPart`, `Cut`."""
        self._check_cut()
        known = self._timeline.reels.get(reel)
        if known is None:
            raise NoSuchPart(f"reel {reel[:16]} is not shown")
        return known.init

    # -- the rules of blocking

    def _check_cut(self) -> None:
        if self._is_cut:
            raise Cut("the lecture was cut")

    def _check(self) -> None:
        self._check_cut()
        if not self._timeline.segments:
            raise NotYet("nothing was recorded yet")

    def _check_directive(self, place: int, part: int | None) -> None:
        """Refuse what lies too far ahead; such a client is not reading this playlist."""
        coming, count = self._timeline.next
        if place < 0 or (part is not None and part < 0):
            raise BadDirective(f"_HLS_msn counts from {FIRST_MSN}, _HLS_part from 0")
        if place > coming + 1:
            last = coming - 1 + FIRST_MSN
            raise BadDirective(f"_HLS_msn {place + FIRST_MSN} is more than two segments behind {last}, the last one")
        ahead = (part or 0) + 1 - (count if place == coming else 0)
        if place >= coming and ahead > self._advance_limit:
            raise BadDirective(f"_HLS_part {part} is more than {self._advance_limit} parts ahead")

    def _has(self, place: int, part: int | None) -> bool:
        """Whether the playlist holds what was asked for. A part behind the end of a segment is the first one of the next."""
        coming, count = self._timeline.next
        if part is None or place + 1 < coming:
            return place < coming
        if place == coming:
            return part < count
        return place < coming and (count > 0 or part < len(self._timeline.segments[place].pieces))

    def _is_hinted(self, reel: str, seq: int) -> bool:
        return not self._timeline.ended and self._timeline.hint == (reel, seq)

    def _text(self, kind: PlaylistKind, skip: bool) -> bytes:
        text = self._texts.get((kind, skip))
        if text is None:
            if kind == "live":
                text = live_playlist(self._timeline, self._window.first, self._part_seconds).encode()
            else:
                text = dvr_playlist(self._timeline, self._window.settled, self._part_seconds, skip=skip).encode()
            self._texts[kind, skip] = text
        return text

    # -- waiting

    async def _until(self, ready: Callable[[], bool]) -> None:
        if ready():
            return
        if self._closed:
            raise NotYet("the server ends")
        if self.waiting >= self._most_waiting:
            raise TooManyWaiting(f"{self.waiting} requests wait already")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._block_seconds):
                while not ready():
                    await self._next_change()
        except TimeoutError:
            raise NotYet(f"nothing came within {self._block_seconds:.0f} seconds") from None
        finally:
            self.waiting -= 1

    async def _next_change(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = None
        try:
            await future
        finally:
            self._waiting.pop(future, None)
        self._check_cut()
        if self._closed:
            raise NotYet("the server ends")

    def _changed(self) -> None:
        """Wake everybody. Those whom the last change woke and who have had no turn yet come first."""
        self._texts.clear()
        if not self._waiting:
            return
        idle = not self._waking
        self._waking = [*reversed(self._waiting), *self._waking]
        self._waiting = {}
        if idle:
            self._wake()

    def _wake(self) -> None:
        for _ in range(min(WAKE_BATCH, len(self._waking))):
            future = self._waking.pop()
            if not future.done():
                future.set_result(None)
        if self._waking:
            asyncio.get_running_loop().call_soon(self._wake)
