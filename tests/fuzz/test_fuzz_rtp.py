"""100,000 damaged inputs for every reader of what comes decrypted: RTP, RTCP, H.264, Opus.

A reader either reads or raises its own ValueError; what it reads it can write, and what it writes it reads alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from broadcaster.rtp.extensions import decode_abs_send_time, decode_text, elements
from broadcaster.rtp.h264 import H264Error, PictureTracker, inspect, pieces
from broadcaster.rtp.opus import MAX_SAMPLES, OpusError, duration
from broadcaster.rtp.packet import RtpError, RtpPacket, original_of
from broadcaster.rtp.rtcp import MAX_COMPOUND, Nack, RtcpError, compound, parse_compound
from tests.fuzz.mutations import MUTATIONS, corpus, inputs
from tests.support.timing import fastest

WORST_SECONDS = 0.02


def attack(folder: str, read: Callable[[bytes], None], refusal: type[ValueError]) -> tuple[int, int]:
    """Feed every seed and mutation to `read`; return how many were read and how many refused with `refusal`.

    Anything else that is raised fails the test with the number of the mutation; so does a read of more than 20 ms of
    processor time.
    """
    taken = refused = 0
    for number, data in inputs(corpus(folder), MUTATIONS):
        began = time.thread_time()
        try:
            read(data)
            taken += 1
        except refusal:
            refused += 1
        except Exception as failure:
            raise AssertionError(f"mutation {number} of {folder}: {data.hex()}") from failure
        if time.thread_time() - began >= WORST_SECONDS:
            assert fastest(lambda data=data: read(data), refusal) < WORST_SECONDS, (number, data.hex())
    return taken, refused


def read_rtp(data: bytes) -> None:
    packet = RtpPacket.parse(data)
    assert RtpPacket.parse(bytes(packet)) == packet
    for identifier in (1, 2, 4, 14, 200):
        value = packet.extension(identifier) or b""
        decode_abs_send_time(value)
        decode_text(value)
    if packet.profile is not None:
        assert sum(len(value) for _, value in elements(packet.profile, packet.extensions)) <= len(packet.extensions)
    original = original_of(packet, 1, 2)
    assert original is None or len(original.payload) == len(packet.payload) - 2


def read_rtcp(data: bytes) -> None:
    packets = parse_compound(data)
    written = compound(*packets)
    if len(written) <= MAX_COMPOUND:
        again = parse_compound(written)
        assert [_comparable(packet) for packet in again] == [_comparable(packet) for packet in packets]


def _comparable(packet: object) -> object:
    """A request may name a packet twice or out of order, which is written in another way; an odd tail of Unknown is cut."""
    return set(packet.lost) if isinstance(packet, Nack) else type(packet)


def read_h264(data: bytes) -> None:
    contents = inspect(data)
    found = list(pieces(data))
    assert contents.keyframe == any(piece.type in (5, 7) for piece in found)
    assert sum(len(piece.body) for piece in found) < len(data)
    PictureTracker().classify(1, 1, data)


def read_opus(data: bytes) -> None:
    assert 0 < duration(data) <= MAX_SAMPLES


@pytest.mark.parametrize(
    ("folder", "read", "refusal"),
    [
        ("rtp", read_rtp, RtpError),
        ("rtcp", read_rtcp, RtcpError),
        ("h264", read_h264, H264Error),
        ("opus", read_opus, OpusError),
    ],
)
def test_nothing_but_the_parsers_own_error_leaves_it(
    folder: str, read: Callable[[bytes], None], refusal: type[ValueError]
) -> None:
    taken, refused = attack(folder, read, refusal)
    assert taken > MUTATIONS // 50, "the mutations hardly reach behind the first check"
    assert refused > MUTATIONS // 50, "the mutations damage nothing"
