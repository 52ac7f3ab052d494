"""Receipts, names and deliveries: the small parts of HLS alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.auth.tokens import BadToken, WatchTokens
from signaling.library.delivery import BURST_SECONDS, LONGEST_STEP_SECONDS, Deliveries, Place
from signaling.library.pieces import Asked, Index, Init, PartName, Playlist, ReelFile, SegmentName, parse_path
from signaling.library.receipts import BadReceipt, Receipt, Receipts
from signaling.live.broadcasts import SYSTEM
from signaling.live.states import Event
from tests.support.live import house

NOW = 1_800_000_000.5
TOKENS = WatchTokens(bytes(range(32)))
RECEIPTS = Receipts.of(TOKENS, 10)


def test_a_receipt_says_who_was_served_what_and_when() -> None:
    text = RECEIPTS.sign("person:user-1", "lecture-1", NOW)
    assert RECEIPTS.verify(text) == Receipt("person:user-1", "lecture-1", 1_800_000_000, 1_800_000_011)


def test_a_receipt_of_another_key_or_with_any_letter_changed_is_forged() -> None:
    text = RECEIPTS.sign("screen-1", "lecture-1", NOW)
    with pytest.raises(BadReceipt, match="not signed by this server"):
        Receipts.of(WatchTokens(bytes(32)), 10).verify(text)
    for place, letter in enumerate(text):
        changed = text[:place] + ("1" if letter != "1" else "2") + text[place + 1 :]
        with pytest.raises(BadReceipt):
            RECEIPTS.verify(changed)


@pytest.mark.parametrize("text", ["", "-", "a/b/1-2/x", "a/b/1-2/" + "A" * 24 + "\n", "a/b/c/1-2/" + "A" * 24])
def test_what_is_no_receipt_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadReceipt, match=r"not a receipt|not signed"):
        RECEIPTS.verify(text)


def test_receipts_and_tokens_are_not_each_other() -> None:
    token = TOKENS.issue("screen-1", "lecture-1", now=NOW, seconds=60)
    with pytest.raises(BadReceipt):
        RECEIPTS.verify(token)
    with pytest.raises(BadToken):
        TOKENS.check(RECEIPTS.sign("screen-1", "lecture-1", NOW), now=NOW)
    forger = WatchTokens(TOKENS.derived_key("receipts of hls requests, 1"))
    with pytest.raises(BadToken):
        TOKENS.check(forger.issue("screen-1", "lecture-1", now=NOW, seconds=60), now=NOW)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/hls/lec/index.m3u8", Asked("lec", None, Index())),
        ("/hls/lec/rec/index.m3u8", Asked("lec", "rec", Index())),
        ("/hls/lec/rec/dvr.m3u8", Asked("lec", "rec", Playlist("dvr"))),
        ("/hls/lec/rec/e001.init.mp4", Asked("lec", "rec", Init("e001"))),
        ("/hls/lec/rec/e001.s17.m4s", Asked("lec", "rec", SegmentName("e001", 17))),
        ("/hls/lec/rec/e001.p35.m4s", Asked("lec", "rec", PartName("e001", 35))),
        ("/hls/lec/rec/e1000.mp4", Asked("lec", "rec", ReelFile("e1000"))),
        ("/hls/lec/live.m3u8", None),
        ("/hls/lec/rec/x/live.m3u8", None),
        ("/hls/../rec/live.m3u8", None),
        ("/hls/lec/../live.m3u8", None),
        ("/hls/lec/rec/e01.mp4", None),
        ("/hls/lec/rec/e001.p1.mp4", None),
        ("//hls/lec/rec/e001.mp4", None),
        ("/hls/lec/rec/e001.mp4\n", None),
        ("", None),
    ],
)
def test_a_path_asks_for_something_or_for_nothing(path: str, asked: Asked | None) -> None:
    assert parse_path(path) == asked


def halves(earlier: Place, later: Place) -> float:
    """Segments of four seconds, parts of half a second."""
    return 4 * (later[0] - earlier[0]) + (later[1] - earlier[1]) / 2


def test_only_steps_in_order_are_delivery() -> None:
    deliveries = Deliveries()

    def asked(msn: int, part: int, now: float) -> float:
        return deliveries.asked("lec", "s", (msn, part), now, halves)

    assert asked(4, 0, 0.0) == 0
    assert asked(4, 1, 0.5) == 0.5
    assert asked(4, 1, 0.6) == 0
    assert asked(3, 0, 0.7) == 0
    assert asked(4, 0, 4.7) == 4
    assert asked(9, 0, 4.8 + LONGEST_STEP_SECONDS) == 0
    assert deliveries.ages("lec", 14.7) == {"s": 10.0}
    assert deliveries.ages("another", 14.7) == {}


def test_nobody_is_given_a_lecture_faster_than_it_runs() -> None:
    deliveries = Deliveries()
    deliveries.asked("lec", "s", (1, 0), 0.0, halves)
    assert deliveries.asked("lec", "s", (60, 0), 1.0, halves) == 1.0 + BURST_SECONDS
    assert deliveries.take("lec") == {"s": 1.0 + BURST_SECONDS}
    assert deliveries.take("lec") == {}, "taken once"
    assert deliveries.take("another") == {}


async def test_screens_that_follow_over_hls_are_viewers_on_the_board(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        screen_id = home.screens[0][0]
        ages = {screen_id: 3.0}
        audience = home.live.audience
        audience.hls = lambda lecture_id: ages if lecture_id == home.lecture_id else {}
        await home.live.transition(home.lecture_id, Event.OPEN, SYSTEM)
        await home.live.transition(home.lecture_id, Event.START, SYSTEM)
        assert home.live.viewers(home.lecture_id) == {screen_id}
        row = audience.rows(home.lecture_id, await audience.places(home.lecture_id))[screen_id]
        assert (row["state"], row["path"]) == ("receiving", "hls")
        assert row["since"] is not None
        ages[screen_id] = 11.0
        assert home.live.viewers(home.lecture_id) == set()
        row = audience.rows(home.lecture_id, await audience.places(home.lecture_id))[screen_id]
        assert (row["state"], row["path"]) == ("lost", None)
