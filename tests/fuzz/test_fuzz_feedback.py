"""Damaged feedback of a terminal through everything that acts on it: it costs nobody else anything."""

from __future__ import annotations

from contextlib import suppress

from broadcaster.forward.nack import FIRST_BUDGET_OCTETS, Retransmitter
from broadcaster.forward.reports import Acknowledgements
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import Nack, ReceiverReport, RtcpError, SenderReport, compound, parse_compound
from broadcaster.rtp.rtcp import ReportBlock as Block
from tests.fuzz.mutations import corpus, inputs
from tests.support.forwarding import VIDEO_SSRC, Lecturer, Wire, drain, fanout_on, terminal

MUTATIONS = 20_000
NTP = 3_900_000_000.0


def seeds() -> list[bytes]:
    """Compounds that name the terminal's own stream, beside all others."""
    block = Block(VIDEO_SSRC, 0, 3, 130, 5, 77, 99)
    return [
        compound(ReceiverReport(1, (block,)), Nack(1, VIDEO_SSRC, (101, 104, 150))),
        compound(SenderReport(1, 2, 3, 4, 5, (block,)), Nack(1, VIDEO_SSRC, tuple(range(100, 200)))),
        *corpus("rtcp"),
    ]


def test_feedback_is_worth_no_more_than_what_was_sent() -> None:
    wire, lecturer = Wire(), Lecturer()
    fanout = fanout_on(wire)
    row = fanout.join(terminal(0))
    fanout.join(terminal(1))
    acknowledged = Acknowledgements(row.streams)
    answers = Retransmitter(fanout.plan, lecturer.ring, seal=wire.seal, send=wire.send, drop=wire.drops, share=0.25)
    for number in range(50):
        fanout.offer(lecturer.frame(key=number == 0))
        drain(fanout)
    advance = 0
    for number, data in inputs(seeds(), MUTATIONS):
        with suppress(RtcpError):
            for packet in parse_compound(data):
                if isinstance(packet, Nack):
                    answers.answer(0, packet, acknowledged.rtt, number)
                for block in getattr(packet, "blocks", ()):
                    acknowledged.report(block, row.streams, NTP + number, number)
        sample = acknowledged.take(row.streams)
        assert min(sample) >= 0
        advance += sample.advance
    sent = row.streams[Kind.VIDEO]
    assert 0 < advance <= sent.packets
    assert 0 < sum(len(packet.payload) for packet in wire.rtx(0)) <= FIRST_BUDGET_OCTETS + sent.octets // 4
    assert wire.rtx(1) == []
