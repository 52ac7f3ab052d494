"""The kernel filter that thins out media, run by the kernel on real sockets."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from broadcaster.loadgen import sockets
from broadcaster.loadgen.sockets import KEEP_AUDIO, KEEP_VIDEO

AUDIO, VIDEO = 111, 102
UDP_SEGMENT = 103


def rtp(payload_type: int, sequence: int, *, marker: bool = False, size: int = 100) -> bytes:
    return struct.pack("!BBHII", 0x90, marker << 7 | payload_type, sequence, 0, 7).ljust(size, b"x")


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(sender, filtered receiver)."""
    host = "127.0.0.1" if request.param is socket.AF_INET else "::1"
    with (
        sockets.open_socket(request.param, sampled=False) as receiver,
        socket.socket(request.param, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind((host, 0))
        sender.connect(receiver.getsockname())
        assert sockets.thin_out(receiver, AUDIO)
        yield sender, receiver


def waiting(receiver: socket.socket) -> list[bytes]:
    """Everything that passed; loopback delivers before `send` returns."""
    found = []
    while select.select([receiver], [], [], 0.05)[0]:
        found.append(receiver.recv(2048))
    return found


@pytest.mark.parametrize(
    "datagram",
    [
        b"\x00\x01" + bytes(18), b"\x01\x01" + bytes(18), b"\x16\xfe\xfd" + bytes(20), b"\x17\xfe\xfd" + bytes(20), b"\x7f",
        struct.pack("!BBHI", 0x80, 200, 1, 7), struct.pack("!BBHI", 0x81, 206, 1, 7), struct.pack("!BBHI", 0x80, 223, 1, 7), b"\xff" * 20,
    ],
)  # fmt: skip
def test_everything_but_media_passes(ends: tuple[socket.socket, socket.socket], datagram: bytes) -> None:
    sender, receiver = ends
    sender.send(datagram)
    assert waiting(receiver) == [datagram]


@pytest.mark.parametrize("marker", [False, True])
@pytest.mark.parametrize(
    ("payload_type", "keep"), [(VIDEO, KEEP_VIDEO), (AUDIO, KEEP_AUDIO), (63, KEEP_VIDEO), (97, KEEP_VIDEO)]
)
def test_one_packet_in_so_many_passes_and_the_rest_is_counted(
    ends: tuple[socket.socket, socket.socket], payload_type: int, keep: int, marker: bool
) -> None:
    sender, receiver = ends
    numbers = [number & 0xFFFF for number in range(0xFFFF - 100, 0xFFFF + 156)]
    for number in numbers:
        sender.send(rtp(payload_type, number, marker=marker))
    passed = [struct.unpack_from("!H", datagram, 2)[0] for datagram in waiting(receiver)]
    assert passed == [number for number in numbers if number % keep == 0]
    assert sockets.dropped(receiver) == len(numbers) - len(passed)


def test_packets_of_one_train_are_told_apart(ends: tuple[socket.socket, socket.socket]) -> None:
    """The kernel cuts a train that it did not have to send apart before it asks the filter."""
    sender, receiver = ends
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 500)
    sender.send(b"".join(rtp(VIDEO, number, size=500) for number in range(60, 67)))
    assert [struct.unpack_from("!H", datagram, 2)[0] for datagram in waiting(receiver)] == [64]
    assert sockets.dropped(receiver) == 6


def test_a_datagram_too_short_to_judge_is_dropped_not_kept(ends: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = ends
    sender.send(b"\x80")
    sender.send(b"\x80\x66\x00")
    assert waiting(receiver) == []


def test_a_sampled_socket_says_when_a_datagram_arrived() -> None:
    with (
        sockets.open_socket(socket.AF_INET, sampled=True) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        before = time.time()
        sender.sendto(b"x", receiver.getsockname())
        select.select([receiver], [], [], 5)
        _, ancillary, _, _ = receiver.recvmsg(100, sockets.ANCILLARY_BYTES)
        after = time.time()  # the kernel may hand a datagram over after it has taken it
    stamped = sockets.arrival(ancillary)
    assert stamped is not None
    assert before <= stamped <= after
    assert sockets.arrival([]) is None


def test_too_many_descriptors_are_refused_with_advice() -> None:
    with pytest.raises(sockets.TooFewDescriptors, match="ulimit -n 1000000256"):
        sockets.allow_descriptors(1_000_000_000)
