"""Janus gets the same lecture, and an answer as a browser would write it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from broadcaster.media import Kind
from broadcaster.rtp.packet import RtpPacket
from tests.bench import janus
from tests.bench.janus_viewer import JanusViewer, offered_address
from tests.bench.meter import Reading
from tests.bench.score import GOP_SECONDS, PACKETS, score

OFFER = """\
v=0
s=Mountpoint 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=sendonly
a=mid:a
a=ice-ufrag:uuuu
a=ice-pwd:pppppppppppppppppppppp
a=fingerprint:sha-256 AB:CD
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2015363327 192.0.2.7 58561 typ host
m=video 9 UDP/TLS/RTP/SAVPF 108 109
a=mid:v
a=rtcp-mux
a=rtpmap:108 H264/90000
a=rtcp-fb:108 nack
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=ssrc:2609554256 cname:janus
""".replace("\n", "\r\n")


def test_the_lecture_for_janus_goes_on_over_two_groups_of_pictures() -> None:
    sequences = dict.fromkeys(Kind, 65_000)
    steps = enumerate(itertools.chain(score(), score()))
    packets = [RtpPacket.parse(data) for frame, step in steps for data in janus.plain(step, sequences, frame)]
    assert len(packets) == 2 * PACKETS
    for kind in Kind:
        numbers = [packet.sequence for packet in packets if packet.ssrc == 7 + kind]
        assert numbers == [(65_000 + place) & 0xFFFF for place in range(len(numbers))]
    assert sum(packet.marker for packet in packets) == 2 * GOP_SECONDS * 30


async def test_the_answer_accepts_what_was_offered_and_takes_the_active_role() -> None:
    viewer = JanusViewer()
    try:
        answer = viewer.answer_to(OFFER)
    finally:
        viewer.vanish()
    assert viewer.remote == ("192.0.2.7", 58561)
    assert viewer.word("setup") == "passive", "as if an answer had left the active role to this side"
    lines = answer.split("\r\n")
    assert "a=group:BUNDLE a v" in lines
    assert lines.index("a=mid:a") < lines.index("m=video 9 UDP/TLS/RTP/SAVPF 108 109") < lines.index("a=mid:v")
    assert {"a=rtcp-fb:108 nack", "a=rtpmap:108 H264/90000", "a=setup:active", "a=recvonly"} <= set(lines)
    assert not [line for line in lines if line.startswith("a=ssrc") or "uuuu" in line]


def test_viewers_on_this_machine_use_the_address_that_janus_offers() -> None:
    assert offered_address(OFFER) == "192.0.2.7"
    with pytest.raises(RuntimeError, match="beside loopback"):
        offered_address("v=0\r\n")


def test_a_core_in_full_use_for_a_hundred_viewers_is_ten_milliseconds_each() -> None:
    made = janus.figures(
        Reading(at=2.0, cpu=2.0, loop=0.0, waited=0.0, softirqd=0.0, busy=2.0, stolen=0.0), 43_700, 100
    )
    assert made["us"] == pytest.approx(10_000)
    assert made["delivered"] == pytest.approx(1.0)
    assert made["others_percent"] == 0


def test_the_settings_name_every_port(tmp_path: Path) -> None:
    janus.write_settings(tmp_path, "192.0.2.7", (18001, 18002, 18003), janus.LEAN)
    text = "".join(path.read_text() for path in sorted(tmp_path.iterdir()))
    for words in ("port = 18001", "audioport = 18002", "videoport = 18003", "event_loops = 1", 'ip = "192.0.2.7"'):
        assert words in text
