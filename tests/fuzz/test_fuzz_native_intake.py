"""Damaged packets through both twins of what comes in: they store, count and refuse alike, and hold the same in the end."""

from __future__ import annotations

import random

import pytest

from broadcaster.forward.layout import FLAG_ACTIVE, Row, State, Stream
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import Nack, ReceiverReport, SenderReport, compound
from broadcaster.rtp.rtcp import ReportBlock as Block
from tests.fuzz.mutations import corpus, inputs
from tests.support.intake_twins import AUDIO, RTX, VIDEO, ReportTwins, RtpTwins
from tests.support.native import NATIVE, needs_native

pytestmark = needs_native
MUTATIONS = 30_000
NTP = 3_900_000_000.0
SSRCS = {AUDIO: 7, VIDEO: 8, RTX: 9}


def addressed(data: bytes, number: int) -> bytes:
    """Return `data` as a packet of a stream that is listened to, near the newest; some are left as they came."""
    chance = random.Random(number)
    payload_type = chance.choice((AUDIO, VIDEO, VIDEO, RTX, None))
    if payload_type is None or len(data) < 12:
        return data
    second = bytes((data[1] & 0x80 | payload_type,))
    sequence = (number // 3 + chance.randrange(8) & 0xFFFF).to_bytes(2, "big")
    timestamp = (number // 9 * 3000 & 0xFFFFFFFF).to_bytes(4, "big")
    original = sequence if payload_type == RTX else b""
    return data[:1] + second + sequence + timestamp + SSRCS[payload_type].to_bytes(4, "big") + original + data[12:]


@pytest.mark.parametrize("folder", ["rtp", "h264"])
def test_rtp(folder: str) -> None:
    head = b"\x80" + bytes(11)
    seeds = [seed if folder == "rtp" else head + seed for seed in corpus(folder)]
    twins, outcomes = RtpTwins(NATIVE, slots=48), set()
    for number, data in inputs(seeds, MUTATIONS):
        outcome = twins.receive(addressed(data, number), number / 100 + 1)
        outcomes.add(outcome if isinstance(outcome, str) else type(outcome))
        if number % 500 == 0:
            twins.compare_all()
    assert len(outcomes) >= 4, outcomes


def test_feedback() -> None:
    streams = tuple([Stream(ssrc, state=State.LIVE, next_sequence=0xFFFFFF00) for ssrc in (4, 5)])
    row = Row(ReportTwins.SLOT, generation=3, flags=FLAG_ACTIVE, streams=streams)
    twins = ReportTwins(NATIVE, row)
    taken = 0
    block = Block(5, 0, 3, 130, 5, 77, 99)
    own = [
        compound(ReceiverReport(1, (block,)), Nack(1, 5, (101, 104, 150))),
        compound(
            SenderReport(1, 2, 3, 4, 5, (block, Block(4, 9, -1, 20, 1, 2, 3))), Nack(1, 5, tuple(range(100, 200)))
        ),
    ]
    for number, data in inputs([*own, *corpus("rtcp")], MUTATIONS):
        video = streams[Kind.VIDEO]
        video.next_sequence, video.packets = video.next_sequence + 1 & 0xFFFFFFFF, video.packets + 1
        taken += twins.feedback(data, NTP + number, number + 1000.0)
    assert MUTATIONS // 20 < taken < MUTATIONS
