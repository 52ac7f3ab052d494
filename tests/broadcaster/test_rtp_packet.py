"""The RTP packet: what is read, what is refused and with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.rtp.packet import RtpError, RtpPacket, original_of, padding

HEADER = bytes.fromhex("806f 0102 00000a0b 11223344")


def test_the_fields_of_an_ordinary_packet() -> None:
    packet = RtpPacket.parse(bytes.fromhex("80ef 0102 00000a0b 11223344") + b"sound")
    assert (packet.payload_type, packet.marker, packet.sequence) == (111, True, 0x0102)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (0x0A0B, 0x11223344, b"sound")
    assert packet.size == 17


def test_contributing_sources_extension_and_padding_are_no_payload() -> None:
    data = bytes.fromhex("b260 0001 00000002 00000003 0000000a 0000000b bede0001 10aa0000") + b"picture\x00\x00\x03"
    packet = RtpPacket.parse(data)
    assert packet.csrcs == (10, 11)
    assert packet.extension(1) == b"\xaa"
    assert packet.extension(2) is None
    assert (packet.payload, packet.padding) == (b"picture", 3)
    assert bytes(packet) == data


def test_a_packet_may_be_all_padding() -> None:
    packet = RtpPacket.parse(b"\xa0" + HEADER[1:] + padding(255))
    assert (packet.payload, packet.padding) == (b"", 255)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "RTP packet of 0 bytes is shorter than the header of 12"),
        (HEADER[:11], "RTP packet of 11 bytes is shorter than the header of 12"),
        (b"\x40" + HEADER[1:], "RTP version is 1, not 2"),
        (b"\x8f" + HEADER[1:] + bytes(59), "RTP packet of 71 bytes has no room for 15 contributing sources"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00", "RTP packet of 15 bytes ends inside the extension header"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x02" + bytes(7), "RTP packet of 23 bytes has no room for 2 words of extension"),
        (b"\xa0" + HEADER[1:] + b"\x00", "RTP padding of 0 bytes does not fit the 1 after the header"),
        (b"\xa0" + HEADER[1:] + b"\x05", "RTP padding of 5 bytes does not fit the 1 after the header"),
    ],
)  # fmt: skip
def test_lengths_that_point_outside_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(RtpError) as refusal:
        RtpPacket.parse(data)
    assert str(refusal.value) == message


def test_padding_of_a_packet_without_body_is_refused() -> None:
    with pytest.raises(RtpError, match="does not fit the 0 after the header"):
        RtpPacket.parse(b"\xa0" + HEADER[1:])


@given(
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 65535),
    timestamp=st.integers(0, 2**32 - 1),
    ssrc=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=60),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 2**32 - 1), max_size=15).map(tuple),
    extensions=st.one_of(st.none(), st.tuples(st.integers(0, 65535), st.binary(max_size=5).map(lambda b: b * 4))),
    pad=st.integers(0, 255),
)
def test_reading_inverts_writing(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool,
    csrcs: tuple[int, ...],
    extensions: tuple[int, bytes] | None,
    pad: int,
) -> None:
    profile, block = extensions if extensions else (None, b"")
    packet = RtpPacket(payload_type, sequence, timestamp, ssrc, payload, marker, csrcs, profile, block, pad)
    assert RtpPacket.parse(bytes(packet)) == packet


def test_a_retransmission_carries_the_original_number_first() -> None:
    sent_again = RtpPacket(109, 7, 90_000, 2, b"\xff\xfepicture", marker=True)
    original = original_of(sent_again, ssrc=1, payload_type=108)
    assert original is not None
    assert (original.payload_type, original.sequence, original.ssrc) == (108, 0xFFFE, 1)
    assert (original.timestamp, original.payload, original.marker) == (90_000, b"picture", True)


def test_a_retransmission_without_payload_is_a_probe() -> None:
    assert original_of(RtpPacket(109, 7, 0, 2, b"", padding=200), ssrc=1, payload_type=108) is None


def test_a_retransmission_with_half_a_number_is_refused() -> None:
    with pytest.raises(RtpError, match="retransmission of 1 byte has no original sequence number"):
        original_of(RtpPacket(109, 7, 0, 2, b"x"), ssrc=1, payload_type=108)
