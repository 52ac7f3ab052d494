"""Order, completeness, the IDR gate, filled sound."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import av
import pytest

from broadcaster.media import MediaPacket
from broadcaster.rtp import opus
from recorder.assemble import SILENCE, AccessUnit, SoundAssembler, SoundFrame, VideoAssembler, concealment
from tests.support.media import clip, sound_packets, video_packets

WAIT = 0.5


def shuffled(
    packets: Sequence[MediaPacket], seed: int, loss: float, jitter: float, repaired: bool
) -> list[MediaPacket]:
    """Lose, delay and retransmit: a lost packet that is repaired comes 120 ms later."""
    chance = random.Random(seed)
    arrived = []
    for packet in packets:
        arrival = packet.arrival + chance.random() * jitter
        if chance.random() < loss:
            if not repaired:
                continue
            arrival = packet.arrival + 0.12
        arrived.append(replace(packet, arrival=arrival))
    return sorted(arrived, key=lambda packet: packet.arrival)


def assemble(packets: Sequence[MediaPacket]) -> tuple[list[AccessUnit], VideoAssembler]:
    assembler = VideoAssembler(WAIT)
    units: list[AccessUnit] = []
    for packet in packets:
        assembler.receive(packet)
        units += assembler.take(packet.arrival)
    units += assembler.take(packets[-1].arrival + WAIT)
    return units, assembler


def undecodable(units: Sequence[AccessUnit]) -> int:
    """Decode the units and return how many did not give a clean picture."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"err_detect": "explode"}
    frames = []
    for unit in units:
        frames += decoder.decode(av.Packet(unit.annex_b()))
    frames += decoder.decode(None)
    return len(units) - sum(not frame.is_corrupt for frame in frames)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
def test_reordering_and_repaired_loss_cost_nothing(loss: float, seed: int) -> None:
    sent = clip(6.0).pictures
    units, assembler = assemble(shuffled(video_packets(sent), seed, loss, 0.06, repaired=True))
    first = units[0].timestamp
    expected = [picture.nals for picture in sent if picture.timestamp + 90_000 >= first]
    assert [unit.nals for unit in units] == expected
    assert len(units) >= len(sent) - 30  # a first packet that overtakes costs the first group of pictures
    assert assembler.drops["lost"] == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("loss", [0.01, 0.05])
def test_after_a_loss_only_complete_decodable_units_leave(loss: float, seed: int) -> None:
    sent = clip(12.0).pictures
    packets = shuffled(video_packets(sent), seed, loss, 0.03, repaired=False)
    units, assembler = assemble(packets)
    by_time = {picture.timestamp + 90_000: picture for picture in sent}
    assert units
    assert assembler.drops["lost"] > 0
    assert assembler.take_wish() is not None or len(units) < len(sent)
    assert all(unit.nals == by_time[unit.timestamp].nals for unit in units)
    times = [picture.timestamp + 90_000 for picture in sent]
    for before, after in itertools.pairwise(units):
        consecutive = times.index(after.timestamp) == times.index(before.timestamp) + 1
        assert consecutive or after.key
    assert undecodable(units) == 0


def test_a_gap_is_waited_for_and_then_an_idr_picture_is_wished_for() -> None:
    packets = video_packets(clip(6.0).pictures)
    missing = next(place for place, packet in enumerate(packets) if not packet.keyframe and packet.arrival > 1.0)
    assembler = VideoAssembler(WAIT)
    for packet in packets[:missing]:
        assembler.receive(packet)
    assembler.take(packets[missing - 1].arrival)
    after = packets[missing + 1]
    assembler.receive(after)
    assert assembler.take(after.arrival + WAIT - 0.001) == []
    assert assembler.take_wish() is None
    assert assembler.reorder.next_timer() == pytest.approx(after.arrival + WAIT)
    assembler.take(after.arrival + WAIT)
    assert assembler.take_wish() == "loss"
    assert assembler.take_wish() is None


def test_the_gate_opens_with_an_idr_picture_only() -> None:
    pictures = clip(6.0).pictures
    units, _ = assemble(video_packets(pictures[7:]))
    assert units[0].key
    assert units[0].nals == pictures[30].nals


def test_a_payload_that_is_no_h264_closes_the_gate() -> None:
    packets = video_packets(clip(2.0).pictures)
    broken = next(place for place, packet in enumerate(packets) if packet.arrival > 0.9)
    packets[broken] = replace(packets[broken], payload=b"\x1e\x00\x00")
    units, assembler = assemble(packets)
    assert units[-1].timestamp < packets[broken].timestamp
    assert assembler.drops["malformed"] == 1
    assert assembler.take_wish() is not None


def test_empty_packets_of_a_probing_sender_change_nothing() -> None:
    pictures = clip(2.0).pictures
    packets = video_packets(pictures)
    padded: list[MediaPacket] = []
    for packet in packets:
        padded.append(replace(packet, sequence=1000 + len(padded)))
        if packet.marker:
            padded.append(replace(packet, sequence=1000 + len(padded), payload=b"", marker=False))
    units, _ = assemble(padded)
    assert [unit.nals for unit in units] == [picture.nals for picture in pictures]


def test_a_sender_without_markers_is_cut_at_the_timestamp() -> None:
    pictures = clip(2.0).pictures
    units, _ = assemble([replace(packet, marker=False) for packet in video_packets(pictures)])
    assert [unit.nals for unit in units] == [picture.nals for picture in pictures[:-1]]


def sounds(packets: Sequence[MediaPacket]) -> list[SoundFrame]:
    assembler = SoundAssembler(WAIT)
    frames: list[SoundFrame] = []
    for packet in packets:
        assembler.receive(packet)
        frames += assembler.take(packet.arrival)
    return frames + assembler.take(packets[-1].arrival + WAIT)


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.3])
def test_sound_has_no_holes(loss: float) -> None:
    packets = shuffled(sound_packets(clip(12.0).sounds), 7, loss, 0.1, repaired=False)
    frames = sounds(packets)
    ends = [frame.timestamp + frame.duration for frame in frames]
    assert [frame.timestamp for frame in frames[1:]] == ends[:-1]
    assert any(frame.filler for frame in frames)


def test_a_short_hole_is_concealed_and_a_longer_one_is_silent() -> None:
    packets = sound_packets(clip(2.0).sounds)
    frames = [frame for frame in sounds([*packets[:10], *packets[15:]]) if frame.filler]
    assert [frame.payload for frame in frames[:5]] == [concealment(packets[9].payload[0])] * 5
    assert [frame.payload for frame in frames[5:]] == [SILENCE] * 5
    assert {opus.duration(frame.payload) for frame in frames} == {960}


@pytest.mark.parametrize("toc", range(256))
def test_concealment_is_twenty_milliseconds_of_the_same_mode(toc: int) -> None:
    made = concealment(toc)
    assert opus.duration(made) == 960
    assert made[0] & 0x04 == toc & 0x04
    assert (made[0] >> 7) == (toc >> 7)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_first_packet_of_all_may_be_overtaken(first: int) -> None:
    """Nothing tells the recorder with which number a source begins."""
    sent = clip(2.0)
    packets = [*video_packets(sent.pictures)]
    packets[first] = replace(packets[first], arrival=packets[first].arrival + 0.08)
    units, assembler = assemble(sorted(packets, key=lambda packet: packet.arrival))
    assert [unit.nals for unit in units] == [picture.nals for picture in sent.pictures]
    assert not assembler.drops["late_or_twice"]


def test_the_first_sound_packet_may_be_overtaken() -> None:
    packets = sound_packets(clip(2.0).sounds)
    assembler = SoundAssembler(WAIT)
    assembler.receive(packets[1])
    assert assembler.take(0.05) == []
    assembler.receive(packets[0])
    assert [frame.timestamp for frame in assembler.take(packets[1].arrival + 0.1)] == [
        packet.timestamp for packet in packets[:2]
    ]
