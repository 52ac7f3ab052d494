"""A publisher's packets in C: stored, marked and refused exactly as in Python, byte for byte."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import broadcaster.forward
from broadcaster.drops import DropReason
from broadcaster.forward.cache import MAX_PAYLOAD
from broadcaster.forward.layout import SLOT_BYTES
from broadcaster.forward.native_ring import NativeRing
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.extensions import ONE_BYTE, TWO_BYTE, build, encode_abs_send_time
from broadcaster.rtp.packet import RtpPacket
from tests.support.intake_twins import AUDIO, RTX, TIME_ID, VIDEO, RtpTwins
from tests.support.native import NATIVE, needs_native

pytestmark = needs_native
SSRC = {AUDIO: 7, VIDEO: 8, RTX: 9}
SPS, PPS, IDR, SLICE = b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80", b"\x65\x88" + b"k" * 40, b"\x41\x9a" + b"s" * 40
FU_A = [b"\x7c" + bytes((first,)) + b"f" * 30 for first in (0x85, 0x05, 0x45, 0x81, 0x41, 0x87)]
STAP_A = b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in (SPS, PPS, IDR))
DAMAGED = [
    b"\x7c",
    b"\x78",
    b"\x78\0",
    b"\x78\0\x05\x67",
    b"\x78\0\0\x67",
    STAP_A[:-1],
    b"\0",
    b"\x79a",
    b"\x7d\x85",
    b"\x1f",
]
PAYLOADS = [b"", SPS, PPS, IDR, SLICE, STAP_A, *FU_A, *DAMAGED, b"\x41" * MAX_PAYLOAD, b"\x41" * (MAX_PAYLOAD + 1)]


def video(sequence: int, timestamp: int = 0, payload: bytes = SLICE, **fields: object) -> bytes:
    return bytes(RtpPacket(VIDEO, sequence, timestamp, SSRC[VIDEO], payload, **fields))


def retransmission(sequence: int, timestamp: int = 0, payload: bytes = SLICE) -> bytes:
    return bytes(RtpPacket(RTX, 1, timestamp, SSRC[RTX], sequence.to_bytes(2, "big") + payload))


def test_the_reasons_stand_where_c_expects_them() -> None:
    header = (Path(broadcaster.forward.__file__).parent / "_native.h").read_text("utf-8")
    body = re.search(r"enum drop \{(.*?)\};", header, re.DOTALL)
    assert body is not None
    names = re.findall(r"\bDROP_(\w+)", body[1])
    assert names == [reason.name for reason in DropReason]


def test_every_refusal_has_its_reason() -> None:
    twins = RtpTwins(NATIVE, slots=4)
    assert twins.receive(b"", 0.0) is DropReason.RTP_MALFORMED
    assert twins.receive(retransmission(5), 0.0) is None, "its stream is not known yet"
    assert twins.receive(video(100), 0.0) == 0
    assert twins.receive(video(100), 0.0) is DropReason.DUPLICATE
    assert twins.receive(video(101, payload=b"\x41" * (MAX_PAYLOAD + 1)), 0.0) is DropReason.OVERSIZE
    assert twins.receive(video(102, payload=b"\x78\0"), 0.0) is DropReason.RTP_MALFORMED
    assert twins.receive(bytes(RtpPacket(96, 1, 1, 8, SLICE)), 0.0) is DropReason.UNKNOWN_PAYLOAD_TYPE
    assert twins.receive(bytes(RtpPacket(VIDEO, 1, 1, 99, SLICE)), 0.0) is DropReason.UNKNOWN_SSRC
    assert twins.receive(bytes(RtpPacket(RTX, 1, 1, 9, b"x")), 0.0) is DropReason.RTP_MALFORMED
    assert twins.receive(bytes(RtpPacket(RTX, 1, 1, 9, b"", padding=200)), 0.0) is None, "a probe"
    for number in range(103, 108):
        twins.receive(video(number), 0.0)
    assert twins.receive(video(99), 0.0) is DropReason.TOO_OLD
    twins.compare_all()


def test_a_retransmission_fills_the_gap() -> None:
    twins = RtpTwins(NATIVE)
    twins.receive(video(65_534, 900, SPS), 0.0)
    twins.receive(video(0, 900, FU_A[2]), 0.0)
    assert twins.receive(retransmission(65_535, 900, FU_A[0]), 0.0) == 2
    stored = twins.native_ring.read(2)
    assert stored is not None
    assert (stored.repaired, stored.packet.keyframe, stored.packet.payload) == (True, True, FU_A[0])
    assert [packet.index for packet in twins.native_ring.gop()] == [0, 2, 1]
    twins.compare_all()


def test_a_packet_of_padding_only_is_stored() -> None:
    twins = RtpTwins(NATIVE)
    assert twins.receive(video(1, payload=b"", padding=255), 0.0) == 0


@pytest.mark.parametrize("profile", [ONE_BYTE, TWO_BYTE, TWO_BYTE | 5, 0xBEDF, 0])
@pytest.mark.parametrize(
    "block",
    [
        b"",
        bytes((TIME_ID << 4 | 2,)) + b"abc",
        b"\0\0\0" + bytes((TIME_ID << 4 | 2,)) + b"abc\0",
        bytes((TIME_ID << 4 | 3,)) + b"abcd\0\0\0",
        b"\x02" + b"x\xf2ab" + bytes((TIME_ID << 4 | 2,)) + b"abc",
        bytes((TIME_ID << 4 | 2,)) + b"abc" + bytes((TIME_ID << 4 | 2,)) + b"def",
        bytes((0x1F, TIME_ID << 4 | 2)) + b"ab",
        b"\xe0x" + bytes((TIME_ID << 4 | 2,)) + b"abc",
        b"\xf0x" + bytes((TIME_ID << 4 | 2,)) + b"abc",
        bytes((TIME_ID, 3)) + b"abc\0\0\0",
        bytes((TIME_ID, 0, TIME_ID, 3)) + b"abc\0",
        bytes((9, 2, 1, 1, TIME_ID, 3)) + b"abc\0\0\0",
        bytes((9, 255, 1, 1)),
        bytes((1, 1, 1, TIME_ID)),
        bytes((1, 1, 1, TIME_ID, 3, 1, 2, 0)),
    ],
)
def test_the_send_time_is_found_where_rfc_8285_has_it(profile: int, block: bytes) -> None:
    RtpTwins(NATIVE).receive(video(1, profile=profile, extensions=block + bytes(-len(block) % 4)), 0.0)


@pytest.mark.parametrize("first", [b"\x80", b"\x8f", b"\x90", b"\xb0", b"\xa0", b"\x9f", b"\xbf", b"\x40"])
def test_every_cut_is_refused_alike(first: bytes) -> None:
    whole = first + video(1)[1:12] + bytes(100)
    for length in (*range(1, 30), 60, 76, 80):
        for last in (0, 1, 5, 255):
            RtpTwins(NATIVE).receive(whole[: length - 1] + bytes((last,)), 0.0)


elements = st.lists(
    st.tuples(
        st.sampled_from([1, TIME_ID, 14, 15, 200]), st.sampled_from([b"", b"x", encode_abs_send_time(3.7), b"12345"])
    ),
    max_size=3,
)
numbers = st.integers(-40, 40)
packets = st.tuples(
    st.sampled_from([AUDIO, VIDEO, VIDEO, VIDEO, RTX, RTX, 96]),
    numbers,
    st.integers(-3, 3),
    st.sampled_from(PAYLOADS),
    st.booleans(),
    st.one_of(st.none(), elements),
    st.sampled_from([0, 0, 0, 1, 4, 255]),
    st.integers(0, 3),
    st.integers(0, 40),
    st.floats(0, 3),
)


@given(
    st.lists(packets, max_size=60), st.integers(0, 0xFFFF), st.sampled_from([0, 5000, 0xFFFFFF00]), st.integers(1, 40)
)
def test_both_twins_store_the_same(script: list[tuple], sequence: int, timestamp: int, slots: int) -> None:
    twins, now = RtpTwins(NATIVE, slots=slots, seconds=5.0), 10.0
    for payload_type, ahead, frames, payload, marker, items, padding, csrcs, stranger, wait in script:
        now += wait
        number, time = sequence + ahead & 0xFFFF, timestamp + frames * 3000 & 0xFFFFFFFF
        sequence, timestamp = (number, time) if ahead % 3 == 0 else (sequence, timestamp)
        profile, block = (None, b"") if items is None else build(items)
        body = number.to_bytes(2, "big") + payload if payload_type == RTX else payload
        ssrc = 99 if not stranger else SSRC.get(payload_type, 1)
        twins.receive(
            bytes(RtpPacket(payload_type, number, time, ssrc, body, marker, (1,) * csrcs, profile, block, padding)), now
        )
    twins.compare_all()


@given(st.lists(st.tuples(st.integers(0, 63), st.binary(max_size=40)), max_size=30))
def test_both_twins_unwrap_the_same_leaps(leaps: list[tuple[int, bytes]]) -> None:
    """Steps of a 64th of both circles: numbers that hash alike, halves of circles, turns in both directions."""
    twins = RtpTwins(NATIVE, slots=16)
    for leap, payload in leaps:
        twins.receive(video(leap << 10, leap << 26, b"\x41" + payload), 0.0)
    twins.compare_all()


def test_what_was_overwritten_is_not_read() -> None:
    ring = NativeRing(NATIVE, 8.0, 4 * SLOT_BYTES)
    packets = [
        MediaPacket(index, Kind.VIDEO, 70_000 + index, 5, index % 2 == 0, False, False, 1.0, b"p" * index)
        for index in range(10)
    ]
    for packet in packets:
        ring.put(packet)
    assert ring.read(5) is None
    assert ring.read(10) is None
    assert [ring.read(index).packet for index in range(6, 10)] == packets[6:]
    assert ring.find(Kind.VIDEO, 70_005) is None
    assert ring.find(Kind.VIDEO, 70_007) == packets[7]
    assert ring.newest(Kind.VIDEO) == 70_009


def test_a_ring_of_packets_that_were_put_anywhere() -> None:
    ring = NativeRing(NATIVE, 8.0, 64 * SLOT_BYTES)
    assert ring.read(0) is None
    far = MediaPacket(1 << 40, Kind.AUDIO, 90_000, 5, False, False, False, 1.0, b"far")
    ring.put(far)
    assert ring.since(0, Kind.AUDIO) == [far]
    stored = ring.store(
        Kind.AUDIO, 90_001, 6, b"next", marker=False, keyframe=False, starts_keyframe=False, arrival=100.0
    )
    assert stored.index == (1 << 40) + 1
    assert ring.since(0, Kind.AUDIO) == [stored]


def test_whoever_reads_while_a_thread_writes_never_sees_half_a_packet() -> None:
    """Two slots, so that nearly every read is overtaken; the payload says which packet it belongs to."""
    ring = NativeRing(NATIVE, 1000.0, 2 * SLOT_BYTES)
    lib = NATIVE.lib
    last = 60_000
    payloads = [bytes((number,)) * MAX_PAYLOAD for number in range(256)]

    def write() -> None:
        for number in range(last):
            lib.ring_store(ring.pointer, 1, number, number * 3, payloads[number & 255], MAX_PAYLOAD, 0, 1.0, 7, 0)

    writer = threading.Thread(target=write)
    writer.start()
    whole = 0
    while writer.is_alive():
        newest = max(ring.next_index - 1, 0)
        several, _ = ring.read_from(newest - 1)
        for stored in (*several, ring.read(newest)):
            if stored is not None:
                index = stored.packet.index
                assert (stored.packet.sequence, stored.packet.timestamp) == (index, index * 3)
                assert stored.packet.payload == payloads[index & 255]
                whole += 1
        assert (found := ring.find(Kind.VIDEO, newest)) is None or found.sequence == newest
    writer.join()
    assert ring.next_index == last
    assert whole
