"""Offers that are known by their outline: read as if they were parsed whole, whatever is in them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broadcaster.errors import OfferError
from broadcaster.transport.outline import outline
from broadcaster.transport.sdp import Direction, Offer, parse_offer, parse_whole
from config.settings import load
from tests.fuzz.mutations import corpus, mutate, mutate_lines
from tests.support.offers import OfferWords, Style, write_offer

LIMITS = load().sdp
SAMPLES = sorted((Path(__file__).parents[3] / "shared" / "samples").glob("*-offer.sdp"))
STYLES: tuple[Style, ...] = ("chromium", "obs", "ffmpeg")
DIRECTIONS: tuple[Direction, ...] = ("publish", "watch")
WATCH = write_offer(OfferWords(kind="watch", candidates=("1 1 udp 2122194687 192.0.2.1 4000 typ host",)))
PRINT = "sha-256 " + ":".join(["Ab"] * 32)
MUTATIONS = 3_000


def told(text: str, direction: Direction, *, whole: bool) -> Offer | str:
    """The offer, or the words with which it is refused."""
    try:
        return (parse_whole if whole else parse_offer)(text, LIMITS, direction)
    except OfferError as error:
        return f"{type(error).__name__}: {error}"


def agree(text: str) -> None:
    for direction in DIRECTIONS:
        for _ in range(2):  # the second time it is known
            assert told(text, direction, whole=False) == told(text, direction, whole=True)


def seeds() -> Iterator[str]:
    for path in SAMPLES:
        yield path.read_bytes().decode()
    for style in STYLES:
        for direction in DIRECTIONS:
            yield write_offer(OfferWords(kind=direction, style=style, candidates=("1 1 udp 1 ::1 4000 typ host",)))


@pytest.mark.parametrize("text", list(seeds()))
def test_an_offer_reads_the_same_by_its_outline(text: str) -> None:
    assert outline(text, LIMITS) is not None
    agree(text)


def test_offers_of_two_screens_have_one_outline_and_values_of_their_own() -> None:
    words = OfferWords(kind="watch", candidates=("1 1 udp 1 192.0.2.1 4000 typ host",))
    other = replace(words, ufrag="abcd", pwd="q" * 30, fingerprint="sha-256 " + ":".join(["0f"] * 32), candidates=())
    texts = [
        write_offer(words),
        write_offer(other).replace("4611731400430051336", "1").replace("=audio 9", "=audio 50001"),
    ]
    one, two = (outline(text, LIMITS) for text in texts)
    assert one is not None
    assert two is not None
    assert one.text == two.text
    first, second = (parse_offer(text, LIMITS, "watch") for text in texts)
    assert (second.remote.credentials.ufrag, second.remote.credentials.pwd) == ("abcd", "q" * 30)
    assert second.remote.fingerprints[0].value == ":".join(["0F"] * 32)
    assert first.remote.credentials.ufrag == words.ufrag
    assert second.sections is first.sections, "the sections are parsed and kept once"


def edits() -> Iterator[str]:
    """Offers in which the values stand as the parser would hardly expect them."""
    ufrag, pwd = "a=ice-ufrag:cliF\r\n", "a=ice-pwd:cliPasswordOfTwentyFour0\r\n"
    yield WATCH.replace(ufrag, "a=ice-ufrag:otherF\r\n", 1)  # two sections of different minds: the first one's count
    yield WATCH.replace(ufrag, ufrag + "a=ice-ufrag:otherF\r\n")
    yield WATCH.replace(ufrag, "a=ice-ufrag:ab\r\n")
    yield WATCH.replace(ufrag, "a=ice-ufrag:cliF \r\n")
    yield WATCH.replace(ufrag, "")
    yield WATCH.replace(ufrag, "a=ice-ufrag\r\n")
    yield WATCH.replace(pwd, "a=ice-pwd:short\r\n")
    yield WATCH.replace(ufrag, "").replace("t=0 0\r\n", "t=0 0\r\n" + ufrag)
    yield WATCH.replace("sha-256", "sha-1")
    yield WATCH.replace("sha-256", "SHA-256")
    yield WATCH.replace(
        "a=setup", f"a=fingerprint:{PRINT}\r\na=fingerprint:{PRINT.upper().replace('SHA', 'sha')}\r\na=setup"
    )
    yield WATCH.replace("a=setup", "a=fingerprint:sha-512 " + ":".join(["12"] * 64) + "\r\na=setup")
    yield WATCH.replace("m=audio 9 ", "m=audio 0 ")
    yield WATCH.replace("m=audio 9 ", "m=audio 70000 ")
    yield WATCH.replace("m=audio 9 ", "m=audio 123456 ")
    yield WATCH.replace("m=video 9 UDP", "m=video 9 udp")
    yield WATCH.replace("\r\n", "\n")
    yield WATCH.replace("\r\n", "\r")
    yield WATCH.replace("a=mid:0\r\n", "a=mid:0\ra=ice-ufrag:bare\n")
    yield WATCH.removesuffix("\r\n")
    yield WATCH.replace("a=mid:0", "a=mid:0\r\na=x:\u00e4")
    yield WATCH.replace("a=mid:0", "a=mid:u000\r\na=ssrc:1 cname:x\r\na=rtcp:9\r\nc=x")
    yield WATCH + "a=ice-ufrag:u001\r\na=ice-pwd:p" + "0" * 21 + "\r\n"
    yield WATCH + "a=ice-ufrag:u001"
    yield WATCH.replace("t=0 0", "t=0 0\r\nc=IN IP4 nonsense\r\na=candidate:x\r\na=ssrc:x\r\nb=x")
    yield WATCH.replace(
        "a=mid:0", "a=mid:0\r\n" + "\r\n".join(f"a=fingerprint:sha-256 {n:02X}" + ":00" * 31 for n in range(70))
    )


@pytest.mark.parametrize("text", list(edits()))
def test_unusual_offers_read_the_same(text: str) -> None:
    agree(text)


@pytest.mark.parametrize(
    "text",
    [
        WATCH + "a=ssrc:1 cname:x\r\n" * LIMITS.max_lines,
        WATCH + "a=rtpmap:1 x/8000\r\n" * (LIMITS.max_rtpmaps + 1),
        WATCH + "m=audio 9 RTP/AVP 0\r\n" * (LIMITS.max_media + 1),
        WATCH + "a=candidate:" + "1" * LIMITS.max_bytes + "\r\n",
    ],
)
def test_the_caps_hold_for_a_known_outline_too(text: str) -> None:
    parse_offer(WATCH, LIMITS, "watch")
    with pytest.raises(OfferError, match=r"limit is|more than"):
        parse_offer(text, LIMITS, "watch")
    agree(text)


def test_tighter_limits_are_not_those_that_an_outline_was_parsed_with() -> None:
    parse_offer(WATCH, LIMITS, "watch")
    with pytest.raises(OfferError, match="the limit is 1"):
        parse_offer(WATCH, LIMITS.model_copy(update={"max_media": 1}), "watch")


def test_damaged_offers_read_the_same() -> None:
    heads = [*(text.encode() for text in seeds()), *corpus("sdp")]
    known = 0
    for number in range(MUTATIONS):
        chance = random.Random(number)
        change = mutate_lines if number % 2 else mutate
        text = change(heads[number % len(heads)], chance).decode("utf-8", "surrogateescape")
        direction = DIRECTIONS[number // 2 % 2]
        assert told(text, direction, whole=False) == told(text, direction, whole=True), f"mutation {number}"
        known += outline(text, LIMITS) is not None
    assert known > MUTATIONS // 4, "enough of them have an outline"


def test_a_stand_in_is_never_longer_than_what_it_stands_for() -> None:
    shortest = OfferWords(kind="watch", ufrag="abcd", pwd="p" * 22)
    text = write_offer(shortest)
    common = outline(text, LIMITS)
    assert common is not None
    assert len(common.text) <= len(text)
    assert re.search(r"ice-ufrag:u\d{3}\r\n", common.text)
