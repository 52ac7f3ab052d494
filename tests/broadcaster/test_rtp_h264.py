"""What H.264 payloads tell without being decoded."""

from __future__ import annotations

import pytest

from broadcaster.rtp.h264 import IDR, PPS, SLICE, SPS, Contents, H264Error, PictureTracker, inspect, pieces

SPS_NAL, PPS_NAL, IDR_NAL, SLICE_NAL = b"\x67\x42\xe0\x1f", b"\x68\xce", b"\x65\x88\x80", b"\x61\xe0"


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def fragment(kind: int, first: bool = False, last: bool = False) -> bytes:
    return bytes((0x7C, first << 7 | last << 6 | kind)) + b"data"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (SPS_NAL, Contents(True, True)),
        (PPS_NAL, Contents(False, False)),
        (IDR_NAL, Contents(True, True)),
        (SLICE_NAL, Contents(False, False)),
        (stap(SPS_NAL, PPS_NAL), Contents(True, True)),
        (stap(b"\x06\x05", SLICE_NAL), Contents(False, False)),
        (fragment(IDR, first=True), Contents(True, True)),
        (fragment(IDR), Contents(True, False)),
        (fragment(IDR, last=True), Contents(True, False)),
        (fragment(SLICE, first=True), Contents(False, False)),
    ],
)
def test_where_decoding_may_begin(payload: bytes, expected: Contents) -> None:
    assert inspect(payload) == expected


def test_the_units_of_an_aggregate() -> None:
    assert [(piece.type, piece.body) for piece in pieces(stap(SPS_NAL, PPS_NAL))] == [
        (SPS, SPS_NAL[1:]),
        (PPS, PPS_NAL[1:]),
    ]


def test_a_fragment_restores_the_header_of_its_unit() -> None:
    (piece,) = pieces(fragment(IDR, first=True))
    assert (piece.header, piece.first, piece.last, piece.body) == (0x65, True, False, b"data")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "H.264 payload is empty"),
        (b"\x78", "H.264 STAP-A holds no NAL unit"),
        (b"\x78\x00\x05\x67", "H.264 STAP-A of 4 bytes has no room for a NAL unit of 5 at 3"),
        (b"\x78\x00\x00\x67", "H.264 STAP-A of 4 bytes has no room for a NAL unit of 0 at 3"),
        (b"\x78\x00", "H.264 STAP-A of 2 bytes has no room for a NAL unit of 0 at 3"),
        (b"\x7c", "H.264 FU-A of 1 byte has no FU header"),
        (b"\x7d\x85", "H.264 payload type 29 is not of packetization mode 1"),
        (b"\x00", "H.264 payload type 0 is not of packetization mode 1"),
    ],
)
def test_damage_is_diagnosed(payload: bytes, message: str) -> None:
    with pytest.raises(H264Error) as refusal:
        inspect(payload)
    assert str(refusal.value) == message
    with pytest.raises(H264Error) as refusal:
        list(pieces(payload))
    assert str(refusal.value) == message


def test_one_packet_of_a_picture_starts_it() -> None:
    tracker = PictureTracker()
    units = [stap(SPS_NAL, PPS_NAL), fragment(IDR, first=True), fragment(IDR), fragment(IDR, last=True)]
    found = [tracker.classify(10 + number, 3000, unit) for number, unit in enumerate(units)]
    assert [contents.begins for contents in found] == [True, False, False, False]
    assert all(contents.keyframe for contents in found)


def test_the_picture_after_it_is_ordinary_again() -> None:
    tracker = PictureTracker()
    tracker.classify(10, 3000, IDR_NAL)
    assert tracker.classify(11, 6000, SLICE_NAL) == Contents(False, False)
    assert tracker.classify(12, 9000, IDR_NAL) == Contents(True, True)


def test_parameter_sets_that_come_late_do_not_start_the_picture_again() -> None:
    tracker = PictureTracker()
    assert tracker.classify(11, 3000, fragment(IDR, first=True)).begins
    assert tracker.classify(10, 3000, SPS_NAL) == Contents(True, False)


def test_a_late_picture_does_not_start_after_a_newer_one() -> None:
    tracker = PictureTracker()
    tracker.classify(20, 9000, IDR_NAL)
    assert tracker.classify(10, 3000, IDR_NAL) == Contents(True, False)
