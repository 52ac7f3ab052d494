"""100,000 malformed offers and 100,000 malformed fragments: each is answered or refused with the right error, and quickly."""

from __future__ import annotations

import time

import pytest

from broadcaster.errors import FragmentError, OfferError
from broadcaster.transport.parameters import Candidate, Credentials, Fingerprint, LocalParameters, SendStreams
from broadcaster.transport.sdp import Direction, parse_fragment, parse_offer
from config.settings import load
from tests.fuzz.mutations import MUTATIONS, corpus, inputs
from tests.support.offers import OfferWords, write_offer
from tests.support.timing import fastest

LIMITS = load().sdp
LOCAL = LocalParameters(Credentials("localufrag", "p" * 32), Fingerprint("sha-256", "00:11"), "server")
STREAMS = SendStreams("lec", "lec", 501, 502, 503)
FRAGMENT = (
    b"a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
    b"a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
SLOWEST_SECONDS = 0.05


def _offers(direction: Direction) -> list[bytes]:
    styles = ("obs", "obs", "obs", "ffmpeg", "chromium")  # the short ones more often: more mutations a second
    return [write_offer(OfferWords(kind=direction, style=style)).encode() for style in styles]


def _try(text: str, direction: Direction) -> bool:
    """Whether the offer was answered."""
    try:
        offer = parse_offer(text, LIMITS, direction)
    except OfferError:
        return False
    answer = offer.answer(LOCAL, [Candidate("192.0.2.1", 8189)], STREAMS if direction == "watch" else None)
    assert all(line[1:2] == "=" and line.isprintable() for line in answer.splitlines())
    return True


@pytest.mark.parametrize("direction", ["publish", "watch"])
def test_offers(direction: Direction) -> None:
    seeds = [*_offers(direction), *corpus("sdp")]
    answered = 0
    for number, data in inputs(seeds, MUTATIONS // 2, lines=True):
        text = data.decode("utf-8", "surrogateescape")
        begun = time.thread_time()
        answered += _try(text, direction)
        if time.thread_time() - begun >= SLOWEST_SECONDS:
            assert fastest(lambda text=text: _try(text, direction)) < SLOWEST_SECONDS, f"input {number} is slow"
    assert answered > 100, "mutations that are still offers reach the answer"


def test_fragments() -> None:
    seeds = [FRAGMENT, *corpus("sdp")[:10]]
    read = 0
    for _, data in inputs(seeds, MUTATIONS, lines=True):
        try:
            parse_fragment(data.decode("utf-8", "surrogateescape"), LIMITS)
        except FragmentError:
            continue
        read += 1
    assert read > 100
