"""The stream on a real event loop: what is waited for, what is refused, what is held."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from recorder.errors import BadDirective, Cut, NoSuchPart, NotYet, TooManyWaiting
from recorder.live import WAKE_BATCH, LiveStream
from recorder.news import Ended
from recorder.store import Folder, Store
from recorder.timeline import Timeline
from recorder.window import Span
from tests.support.hls import Press, hls_settings
from tests.support.m3u8 import read
from tests.support.reckon import turns

RECORDING = "01890000-0000-7000-8000-000000000001"


class Studio:
    """A stream and the press that prints its news."""

    def __init__(self, *, block_seconds: float = 24.0, memory_bytes: int = 1 << 30, **hls: float) -> None:
        self.folder: Folder = Store(Path("/nowhere")).folder(RECORDING)
        self.press = Press()
        self.stream = LiveStream(
            self.folder,
            Timeline(),
            hls_settings(**hls),
            0.5,
            block_seconds=block_seconds,
            memory_bytes=memory_bytes,
        )

    def begin(self, *, hidden: bool = False) -> None:
        self.stream.take(self.press.begin(hidden=hidden))

    def part(self, *, start: bool = False) -> None:
        self.stream.take(self.press.part(start=start))

    def run(self, segments: int, *, stored: bool = True, size: int = 50) -> None:
        for news in self.press.run(segments, stored=stored, size=size):
            self.stream.take(news)

    def end(self) -> None:
        self.stream.take(self.press.end())


@pytest.fixture
def studio() -> Studio:
    """Three whole segments of eight parts, and three parts of the fourth."""
    studio = Studio()
    studio.begin()
    studio.run(3)
    studio.part(start=True)
    studio.part()
    studio.part()
    return studio


@pytest.mark.parametrize(("msn", "part"), [(None, None), (1, None), (3, None), (3, 7), (4, 2), (2, 8), (3, 8), (3, 99)])
async def test_what_is_there_is_answered_at_once(studio: Studio, msn: int | None, part: int | None) -> None:
    playlist = read((await studio.stream.playlist("live", msn, part)).decode())
    assert playlist.next == (4, 3)


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ((1, 0), (1, 1), 0.5),
        ((1, 7), (2, 0), 0.5),
        ((1, 0), (4, 2), 13.0),
        ((2, 99), (3, 7), 4.0),
        ((3, 3), (3, 2), 0.0),
        ((3, 0), (2, 0), 0.0),
        ((0, 0), (2, 0), 0.0),
        ((3, 0), (9, 0), 0.0),
    ],
)
def test_the_media_between_two_parts_is_measured(
    studio: Studio, earlier: tuple[int, int], later: tuple[int, int], seconds: float
) -> None:
    assert studio.stream.seconds_between(earlier, later) == seconds


@pytest.mark.parametrize(("msn", "part"), [(None, 0), (6, None), (6, 0), (4, 9), (5, 6), (0, None), (4, -1)])
async def test_what_lies_too_far_ahead_or_makes_no_sense_is_refused(
    studio: Studio, msn: int | None, part: int | None
) -> None:
    with pytest.raises(BadDirective):
        await studio.stream.playlist("live", msn, part)


async def test_a_part_is_waited_for_and_nothing_more(studio: Studio) -> None:
    this = asyncio.create_task(studio.stream.playlist("live", 4, 3))
    segment = asyncio.create_task(studio.stream.playlist("live", 4))
    await turns(3)
    assert studio.stream.waiting == 2
    studio.part()
    assert read((await this).decode()).next == (4, 4)
    assert not segment.done()
    studio.part(start=True)
    assert read((await segment).decode()).next == (5, 1)
    assert studio.stream.waiting == 0


async def test_a_part_behind_the_end_of_a_segment_is_the_first_of_the_next(studio: Studio) -> None:
    waiting = asyncio.create_task(studio.stream.playlist("live", 4, 3))
    studio.end()
    await turns(5)
    assert not waiting.done()
    studio.begin()
    await turns(5)
    assert not waiting.done()
    studio.part()
    playlist = read((await waiting).decode())
    assert playlist.next == (5, 1)
    assert playlist.segments[-1].discontinuity == 1


async def test_players_are_let_in_when_the_first_segment_is_complete() -> None:
    studio = Studio()
    studio.begin()
    studio.run(1)
    with pytest.raises(NotYet):
        studio.stream.index(rewind=False)  # all parts of the first segment, and nobody knows that it is complete
    studio.part(start=True)
    assert b"live.m3u8" in studio.stream.index(rewind=False)


async def test_a_recording_shorter_than_a_segment_is_let_in_at_its_end() -> None:
    studio = Studio()
    studio.begin()
    studio.part(start=True)
    with pytest.raises(NotYet):
        studio.stream.index(rewind=True)
    studio.end()
    studio.stream.take(Ended())
    assert b"dvr.m3u8" in studio.stream.index(rewind=True)


async def test_who_waits_for_nothing_is_told_to_come_again() -> None:
    studio = Studio(block_seconds=0.01)
    with pytest.raises(NotYet):
        await studio.stream.playlist("live")
    with pytest.raises(NotYet):
        studio.stream.index(rewind=False)
    studio.begin()
    studio.part()
    with pytest.raises(NotYet) as refused:
        await studio.stream.playlist("live", 1, 1)
    assert refused.value.retry_after == 1
    assert studio.stream.waiting == 0


async def test_after_the_end_everything_is_answered_at_once(studio: Studio) -> None:
    waiting = asyncio.create_task(studio.stream.playlist("dvr", 4, 5))
    hinted = asyncio.create_task(studio.stream.part("e001", 27))
    await turns(2)
    studio.stream.take(Ended())
    assert read((await waiting).decode()).ended
    with pytest.raises(NoSuchPart):
        await hinted
    assert read((await studio.stream.playlist("live", 101, 3)).decode()).ended


async def test_the_hinted_part_is_waited_for_and_others_are_not(studio: Studio) -> None:
    hinted = asyncio.create_task(studio.stream.part("e001", 27))
    await turns(2)
    studio.part()
    assert await hinted == b"e001.27.".ljust(50, b".")
    for reel, seq in (("e001", 29), ("e002", 0), ("../e001", 1)):
        with pytest.raises(NoSuchPart):
            await studio.stream.part(reel, seq)


async def test_a_hinted_part_of_a_reel_that_is_hidden_never_comes(studio: Studio) -> None:
    studio.end()
    hinted = asyncio.create_task(studio.stream.part("e002", 0))
    await turns(2)
    studio.begin(hidden=True)
    with pytest.raises(NoSuchPart):
        await hinted
    studio.part()
    with pytest.raises(NoSuchPart):
        studio.stream.init("e002")


async def test_a_cut_ends_every_request_and_nothing_hidden_is_ever_shown(studio: Studio) -> None:
    waiting = [
        asyncio.create_task(studio.stream.playlist("live", 4, 3)),
        asyncio.create_task(studio.stream.part("e001", 27)),
    ]
    await turns(2)
    studio.stream.cut()
    assert all(isinstance(one, Cut) for one in await asyncio.gather(*waiting, return_exceptions=True))
    for ask in (studio.stream.playlist("dvr"), studio.stream.part("e001", 0), studio.stream.segment("e001", 0)):
        with pytest.raises(Cut):
            await ask
    with pytest.raises(Cut):
        studio.stream.init("e001")
    studio.end()
    studio.begin(hidden=True)
    studio.run(2)
    studio.end()
    studio.stream.uncut()
    studio.begin()
    studio.run(1)
    playlist = read((await studio.stream.playlist("dvr")).decode())
    assert [one.msn for one in playlist.segments] == [1, 2, 3, 4, 5]
    assert playlist.segments[-1].parts[0].uri == "e003.p0.m4s"
    assert b"e002" not in await studio.stream.playlist("dvr")


async def test_only_so_many_may_wait() -> None:
    studio = Studio(waiting_requests=2)
    studio.begin()
    studio.part()
    tasks = [asyncio.create_task(studio.stream.playlist("live", 1, 1)) for _ in range(2)]
    await turns(2)
    with pytest.raises(TooManyWaiting):
        await studio.stream.playlist("live", 1, 1)
    tasks[0].cancel()
    await turns(2)
    late = asyncio.create_task(studio.stream.playlist("live", 1, 1))
    await turns(2)
    studio.part()
    assert await late == await tasks[1]


async def test_a_closed_stream_lets_nobody_wait(studio: Studio) -> None:
    waiting = asyncio.create_task(studio.stream.playlist("live", 4, 3))
    await turns(2)
    studio.stream.close()
    studio.stream.close()
    with pytest.raises(NotYet):
        await waiting
    with pytest.raises(NotYet):
        await studio.stream.playlist("live", 4, 3)
    assert read((await studio.stream.playlist("live")).decode()).next == (4, 3)


async def test_four_hundred_are_released_within_a_quarter_of_a_second_and_get_the_same_bytes(studio: Studio) -> None:
    async def wait() -> tuple[bytes, float]:
        return await studio.stream.playlist("live", 4, 3), time.monotonic()

    tasks = [asyncio.create_task(wait()) for _ in range(400)]
    await turns(3)
    assert studio.stream.waiting == 400
    told = time.monotonic()
    studio.part()
    answers = await asyncio.gather(*tasks)
    assert max(at for _, at in answers) - told < 0.25
    assert len({id(text) for text, _ in answers}) == 1


async def test_media_gets_its_turn_while_many_are_woken(studio: Studio) -> None:
    tasks = [asyncio.create_task(studio.stream.playlist("live", 4, 3)) for _ in range(10 * WAKE_BATCH)]
    await turns(3)
    studio.part()
    done = []
    while studio.stream.waiting:
        before = studio.stream.waiting
        await asyncio.sleep(0)
        done.append(before - studio.stream.waiting)
    assert max(done) <= WAKE_BATCH
    await asyncio.gather(*tasks)


async def test_what_left_the_memory_comes_from_the_disk() -> None:
    studio = Studio()
    studio.begin()
    studio.run(20)
    file = studio.folder.path / "e001.mp4"
    assert await studio.stream.segment("e001", 3) == [Span(file, 1000 + 3 * 400, 400)]
    assert await studio.stream.segment("e001", 18) == [
        f"e001.{seq}.".encode().ljust(50, b".") for seq in range(144, 152)
    ]
    with pytest.raises(NoSuchPart):
        await studio.stream.segment("e001", 19)  # in progress
    with pytest.raises(NoSuchPart):
        await studio.stream.part("e001", 0)
    assert studio.stream.held_bytes <= 9 * 400
    assert read((await studio.stream.playlist("live")).decode()).sequence == 13


async def test_what_was_never_on_the_disk_is_served_for_a_while_and_is_a_gap_then() -> None:
    studio = Studio()
    studio.begin()
    studio.run(2)
    studio.run(2, stored=False)
    studio.end()
    studio.begin()
    studio.run(9)
    assert len(await studio.stream.segment("e001", 2)) == 8
    assert not any(one.gap for one in read((await studio.stream.playlist("dvr")).decode()).segments)
    studio.run(12)
    playlist = read((await studio.stream.playlist("dvr")).decode())
    assert [one.msn for one in playlist.segments if one.gap] == [3, 4]
    with pytest.raises(NoSuchPart):
        await studio.stream.segment("e001", 2)


async def test_memory_is_bounded_in_bytes_too() -> None:
    studio = Studio(memory_bytes=50_000)
    studio.begin()
    studio.run(9, size=5000)
    assert studio.stream.held_bytes <= 50_000 + 8 * 5000
    assert await studio.stream.part("e001", 16) == Span(studio.folder.path / "e001.mp4", 1000 + 16 * 5000, 5000)


async def test_a_part_costs_the_loop_little_and_so_does_a_playlist_of_hours() -> None:
    """Ratios in processor time of this thread, so that a busy machine does not decide."""
    studio = Studio()
    studio.begin()
    short = await _cost(studio)
    studio.run(2700)
    long = await _cost(studio)
    assert long < 12 * short + 0.002


async def _cost(studio: Studio) -> float:
    """Return the processor time of one part and of a delta of the dvr playlist; the best of many."""
    best = 1.0
    for _ in range(10):
        begun = time.thread_time()
        studio.run(1)
        await studio.stream.playlist("dvr", skip=True)
        best = min(best, time.thread_time() - begun)
    return best
