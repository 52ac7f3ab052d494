"""What screens were sent of a finished recording: whole segments, in the time of the broadcast, by real requests and in the pure core."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from signaling.attendance.replay import Replays
from signaling.auth.tokens import MONITOR, PERSON
from signaling.ledger.ranges import length, union
from signaling.library.replaying import (
    MINUTES,
    RANGES,
    RECORDINGS,
    Replaying,
    Stretch,
    Viewing,
    Watched,
    place_of,
    stretches,
)
from tests.support.databases import once
from tests.support.hls_stage import HlsStage

pytestmark = once

Client = TestClient[Any, Any]
WATCHED = Watched("lecture", "broadcast")
VOD = """#EXTM3U
#EXT-X-MAP:URI="e001.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.250Z
#EXTINF:4.00000,
#EXT-X-BYTERANGE:100@50
e001.mp4
#EXTINF:2.50000,
#EXT-X-BYTERANGE:70@150
e001.mp4
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="e003.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:10:00.000Z
#EXTINF:4.00000,
#EXT-X-BYTERANGE:10@5
e003.mp4
#EXT-X-ENDLIST
"""
BEGIN = 1_767_323_045_250


def test_the_playlist_says_which_time_of_the_broadcast_is_where() -> None:
    assert stretches(VOD) == {
        "e001": (Stretch(50, 100, BEGIN, BEGIN + 4000), Stretch(150, 70, BEGIN + 4000, BEGIN + 6500)),
        "e003": (Stretch(5, 10, BEGIN + 354_750, BEGIN + 358_750),),
    }


def test_a_time_of_the_broadcast_has_its_place_in_the_recording() -> None:
    places = [place_of(stretches(VOD), BEGIN + after) for after in (-9000, 0, 4500, 6500, 300_000, 355_750, 900_000)]
    assert places == [0.0, 0.0, 4.5, 6.5, 6.5, 7.5, 10.5]  # between the reels nothing was recorded


def test_a_reel_without_a_date_proves_nothing() -> None:
    assert stretches(re.sub(r"#EXT-X-PROGRAM.*250Z\n", "", VOD)).keys() == {"e003"}


@pytest.mark.parametrize(
    ("first", "end", "found"),
    [
        (50, 150, [(0, 4)]),
        (0, 1000, [(0, 10)]),
        (51, 150, []),
        (50, 149, []),
        (60, 220, [(4, 10)]),
        (150, 150, []),
    ],
)
def test_a_segment_counts_when_all_of_its_bytes_were_in_one_answer(
    first: int, end: int, found: list[tuple[int, int]]
) -> None:
    gathered = Replaying()
    gathered.sent(Viewing(WATCHED, "a", (Stretch(50, 100, 0, 4), Stretch(150, 70, 4, 10))), first, end)
    assert gathered.take() == ({WATCHED: tuple(("a", *one) for one in found)} if found else {})
    assert gathered.take() == {}


def test_what_is_kept_of_a_screen_is_bounded() -> None:
    gathered = Replaying()
    reel = tuple(Stretch(n, 1, 10 * n, 10 * n + 5) for n in range(RANGES + 3))
    gathered.sent(Viewing(WATCHED, "a", reel), 0, RANGES + 3)
    assert (len(gathered.take()[WATCHED]), gathered.refused) == (RANGES, 3)


def test_each_recording_is_told_what_a_screen_was_sent_of_others_meanwhile() -> None:
    gathered, other, reel = Replaying(), Watched("another", "broadcast"), (Stretch(0, 1, 1000, 9000),)
    gathered.sent(Viewing(WATCHED, "a", reel), 0, 1)
    assert gathered.take() == {WATCHED: (("a", 1000, 9000),)}
    for _ in range(2):
        gathered.sent(Viewing(other, "a", reel), 0, 1)
        gathered.take()
    gathered.sent(Viewing(WATCHED, "a", reel), 0, 1)
    gathered.sent(Viewing(WATCHED, "b", reel), 0, 1)
    assert gathered.take() == {WATCHED: (("a", 0, 16_000), ("a", 1000, 9000), ("b", 1000, 9000))}
    gathered.sent(Viewing(WATCHED, "a", reel), 0, 1)
    gathered.sent(Viewing(other, "a", reel), 0, 1)
    both = gathered.take()
    assert both == {WATCHED: (("a", 0, 8000), ("a", 1000, 9000)), other: (("a", 0, 16_000), ("a", 1000, 9000))}


def test_more_recordings_than_a_screen_may_have_open_are_not_counted() -> None:
    gathered, reel = Replaying(), (Stretch(0, 1, 1000, 9000),)
    for number in range(RECORDINGS + 1):
        gathered.sent(Viewing(Watched(str(number), ""), "a", reel), 0, 1)
    assert (len(gathered.take()), gathered.refused) == (RECORDINGS, 1)
    for _ in range(MINUTES):
        gathered.take()
    gathered.sent(Viewing(WATCHED, "a", reel), 0, 1)
    assert gathered.take() == {WATCHED: (("a", 1000, 9000),)}


LECTURES = st.lists(st.tuples(st.integers(0, 3), st.integers(2, 6), st.integers(0, 1)), min_size=20, max_size=80)
"""Answers of a screen: which of four recordings, how many of its segments go on from the last one, windows since the answer before."""


@given(LECTURES)
def test_however_a_screen_changes_between_lectures_all_of_them_share_one_pace(
    answers: list[tuple[int, int, int]],
) -> None:
    reel = tuple(Stretch(100 * n, 100, 1000 + 4000 * n, 1000 + 4000 * (n + 1)) for n in range(1600))
    gathered, window, places = Replaying(), 0, Counter[int]()
    replays = {n: Replays(10, Fraction(5, 4), 60) for n in range(4)}
    for lecture, count, pause in answers:
        for _ in range(pause):
            _close_all(gathered, replays, window)
            window += 1
        first = places[lecture]
        places[lecture] += count
        gathered.sent(Viewing(Watched(str(lecture), ""), "a", reel), 100 * first, 100 * (first + count))
    _close_all(gathered, replays, window)
    credited = [one.credited("a", 0, window + 1) for one in replays.values()]
    time = sum(length(every) for one in credited for every in one.ranges.values())
    assert time <= len(replays) * 60_000 + 12_500 * (window + 1)


def _close_all(gathered: Replaying, replays: Mapping[int, Replays], number: int) -> None:
    for (lecture, _), told in gathered.take().items():
        for screen, begin, end in told:
            replays[int(lecture)].take(screen, number, begin, end)


ANSWERS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40)), max_size=60)
"""Answers of a screen: first segment, number of segments, seconds since the answer before."""


@given(ANSWERS)
def test_nobody_is_credited_what_was_not_sent_nor_more_than_the_clock_allows(
    answers: list[tuple[int, int, int]],
) -> None:
    """However a screen asks: what counts is part of what it was sent, and at no time more than store and pace give."""
    reel = tuple(Stretch(100 * n, 100, 4000 * n, 4000 * (n + 1)) for n in range(40))
    replays, gathered = Replays(10, Fraction(5, 4), 60), Replaying()
    now, sent, windows = 0, set[int](), set[int]()
    for first, count, pause in answers:
        if (now + pause) // 10 != now // 10:
            _close(gathered, replays, now // 10)
        now += pause
        gathered.sent(Viewing(WATCHED, "a", reel), 100 * first, 100 * (first + count))
        sent |= set(range(first, first + count))
        windows.add(now // 10)
    _close(gathered, replays, now // 10)
    credited = replays.credited("a", 0, now + 1)
    time = union(one for ranges in credited.ranges.values() for one in ranges)
    seen = {n for begin, end in time for n in range(begin // 4000, end // 4000)}
    assert seen <= sent
    length = max(windows, default=0) - min(windows, default=0) + 1
    assert sum(end - begin for begin, end in time) <= 60_000 + 12_500 * length


@given(ANSWERS)
def test_the_order_and_the_repetition_of_answers_within_a_window_change_nothing(
    answers: list[tuple[int, int, int]],
) -> None:
    reel = tuple(Stretch(100 * n, 100, 4000 * n, 4000 * (n + 1)) for n in range(40))
    once_told, twice_told = Replaying(), Replaying()
    for gathered, told in ((once_told, answers), (twice_told, [*reversed(answers), *answers])):
        for first, count, _ in told:
            gathered.sent(Viewing(WATCHED, "a", reel), 100 * first, 100 * (first + count))
    assert once_told.take() == twice_told.take()


def _close(gathered: Replaying, replays: Replays, number: int) -> None:
    for screen, begin, end in gathered.take().get(WATCHED, ()):
        replays.take(screen, number, begin, end)


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def stage(tmp_path: Path) -> HlsStage:
    made = HlsStage(tmp_path)
    made.play(9.0)
    made.end(approved=True)
    return made


@pytest.fixture
async def client(stage: HlsStage) -> AsyncIterator[Client]:
    async with stage.client() as made:
        yield made


async def segments(client: Client, stage: HlsStage) -> list[Stretch]:
    """Return the segments of the only reel, as its playlist tells them."""
    async with client.get(stage.url("vod.m3u8"), headers=stage.bearer()) as answer:
        return list(stretches(await answer.text())["e001"])


async def fetch(
    client: Client,
    stage: HlsStage,
    name: str,
    span: tuple[int, int] | None,
    subject: str = "screen-1",
    method: str = "GET",
) -> int:
    """Ask for bytes (the last one included) and return the status."""
    headers = stage.bearer(subject) | ({"Range": f"bytes={span[0]}-{span[1]}"} if span else {})
    async with client.request(method, stage.url(name), headers=headers) as answer:
        await answer.read()
        return answer.status


def taken(stage: HlsStage) -> list[tuple[str, int, int]]:
    """Return what was counted since the call before."""
    return list(stage.replaying.take().get(Watched(stage.lecture_id, "broadcast"), ()))


async def test_segments_that_a_screen_was_sent_whole_are_told_once_in_the_time_of_the_broadcast(
    stage: HlsStage, client: Client
) -> None:
    first, second, *_ = await segments(client, stage)
    span = first.offset, first.offset + first.size - 1
    for _ in range(2):
        assert await fetch(client, stage, "e001.mp4", span) == 206
    assert taken(stage) == [("screen-1", first.begin_ms, first.end_ms)]
    await asyncio.gather(
        fetch(client, stage, "e001.mp4", span),
        fetch(client, stage, "e001.mp4", (second.offset, second.offset + second.size - 1)),
        fetch(client, stage, "e001.s1.m4s", None),
    )
    assert taken(stage) == [("screen-1", first.begin_ms, second.end_ms)]


async def test_halves_heads_playlists_and_strangers_count_nothing(stage: HlsStage, client: Client) -> None:
    first = (await segments(client, stage))[0]
    end = first.offset + first.size - 1
    assert await fetch(client, stage, "e001.mp4", (first.offset, end - 1)) == 206
    assert await fetch(client, stage, "e001.mp4", (first.offset + 1, end)) == 206
    assert await fetch(client, stage, "e001.mp4", (first.offset, end), method="HEAD") == 206
    assert await fetch(client, stage, "e001.s0.m4s", None, method="HEAD") == 200
    assert await fetch(client, stage, "e001.init.mp4", None) == 200
    for subject in (MONITOR, PERSON + "u"):
        assert await fetch(client, stage, "e001.mp4", (first.offset, end), subject) in (206, 403)
        assert await fetch(client, stage, "e001.s0.m4s", None, subject) in (200, 403)
    foreign = {"Authorization": f"Bearer {stage.token('screen-1', 'another-lecture')}"}
    async with client.get(stage.url("e001.mp4"), headers=foreign) as answer:
        assert answer.status == 403
    assert stage.replaying.take() == {}


async def test_a_screen_that_hangs_up_in_the_middle_was_not_sent_it(stage: HlsStage, client: Client) -> None:
    """The file is made so long that the connection cannot hold it: what the server could not hand over is not told."""
    path = stage.deck.folder.path / "e001.mp4"
    with path.open("r+b") as file:
        file.truncate(64 << 20)
    async with client.get(stage.url("e001.mp4"), headers=stage.bearer()) as answer:
        await answer.content.readexactly(1000)
        answer.close()
    assert await fetch(client, stage, "vod.m3u8", None) == 200  # the server goes on
    assert stage.replaying.take() == {}
