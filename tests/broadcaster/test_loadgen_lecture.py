"""The synthetic lecture is what it claims to be, and the simulated clients' SDP is what this server reads and writes."""

from __future__ import annotations

import pytest

from broadcaster.loadgen import lecture
from broadcaster.loadgen.offers import AnswerError, Section, read_answer, write_offer
from broadcaster.media import Kind
from broadcaster.rtp.h264 import PictureTracker, pieces
from broadcaster.rtp.opus import duration
from broadcaster.rtp.packet import RtpPacket
from broadcaster.transport.parameters import Candidate, Credentials, Fingerprint, LocalParameters, SendStreams
from broadcaster.transport.sdp import parse_offer
from config.settings import load

LIMITS = load().sdp
OURS, PRINT = Credentials("cliF", "c" * 24), Fingerprint("sha-256", ":".join(["AB"] * 32))
LOCAL = LocalParameters(Credentials("srvF", "s" * 24), PRINT, "server")
CANDIDATES = [Candidate("192.0.2.1", 8189), Candidate("2001:db8::1", 8189, 1)]
STREAMS = SendStreams("lec", "lec", 501, 502, 503)


@pytest.mark.parametrize(("keyframe", "count"), [(True, 60), (False, 6)])
def test_frames_have_the_packets_and_bytes_of_the_reference(keyframe: bool, count: int) -> None:
    source = lecture.Source(Kind.VIDEO, 7, 96)
    packets = [source.packet(payload, marker=False) for payload in lecture.frame_payloads(keyframe=keyframe)]
    assert [len(packet) for packet in packets] == [1_062] * count
    assert [RtpPacket.parse(packet).sequence for packet in packets] == list(range(1_000, 1_000 + count))


def test_a_keyframe_is_one_for_the_server() -> None:
    tracker, number, found = PictureTracker(), 0, []
    for frame, keyframe in enumerate((False, True, False)):
        for payload in lecture.frame_payloads(keyframe=keyframe):
            number += 1
            found.append((keyframe, tracker.classify(number, frame, payload)))
    assert [contents.begins for _, contents in found].index(True) == 6
    assert sum(contents.begins for _, contents in found) == 1
    assert all(contents.keyframe == keyframe for keyframe, contents in found)
    kinds = [piece.type for payload in lecture.frame_payloads(keyframe=True) for piece in pieces(payload)]
    assert kinds == [7, 8, 6] + [5] * 59


def test_sound_is_40_ms_of_opus_in_100_bytes() -> None:
    assert duration(lecture.sound_payload()) == 1_920
    assert len(lecture.Source(Kind.AUDIO, 8, 111).packet(lecture.sound_payload(), marker=False)) == 100


def test_every_packet_carries_the_time_of_its_sending_and_foreign_ones_none() -> None:
    payloads = [
        *lecture.frame_payloads(keyframe=True),
        *lecture.frame_payloads(keyframe=False),
        lecture.sound_payload(),
    ]
    stamped = [lecture.stamp(payload, 12.345678) for payload in payloads]
    assert {lecture.sent_at(payload) for payload in stamped} == {12.345678}
    assert [len(payload) for payload in stamped] == [len(payload) for payload in payloads]
    assert lecture.sent_at(b"\x41 somebody else's slice") is None
    assert lecture.sent_at(payloads[-1][:10]) is None
    assert lecture.stamp(b"foreign", 1.0) == b"foreign"


@pytest.mark.parametrize("ssrcs", [None, (7001, 7002)])
def test_the_server_reads_the_offer_and_the_client_its_answer(ssrcs: tuple[int, int] | None) -> None:
    direction = "watch" if ssrcs is None else "publish"
    offer = parse_offer(write_offer(OURS, PRINT, ssrcs), LIMITS, direction)  # type: ignore[arg-type]
    assert (offer.remote.credentials, offer.remote.fingerprints) == (OURS, (PRINT,))
    answer = read_answer(offer.answer(LOCAL, CANDIDATES, STREAMS if ssrcs is None else None))
    assert answer.credentials == LOCAL.credentials
    assert answer.fingerprint == PRINT
    assert answer.candidates == (("192.0.2.1", 8189), ("2001:db8::1", 8189))
    video = answer.sections[Kind.VIDEO]
    assert (video.payload_type, video.rtx_payload_type) == (108, 109)
    if ssrcs is None:
        assert answer.sections[Kind.AUDIO] == Section(111, 0, 501, 0, 2)
        assert video == Section(108, 109, 502, 503, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("a=candidate", "a=x"), "no candidate"),
        (("a=setup:passive", "a=setup:active"), "DTLS server"),
        (("a=ice-pwd", "a=x"), "ice-pwd"),
    ],
)
def test_an_answer_that_a_browser_would_not_take_is_refused(change: tuple[str, str], said: str) -> None:
    answer = parse_offer(write_offer(OURS, PRINT), LIMITS, "watch").answer(LOCAL, CANDIDATES, STREAMS)
    with pytest.raises(AnswerError, match=said):
        read_answer(answer.replace(*change))
