"""What a viewer really sees: the H.264 that came over the wire, put together and decoded (RFC 6184)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import groupby

import av

from tests.support import counter as counters
from tests.support.peer import Peer
from tests.support.stage import payloads


def video_ssrc(viewer: Peer) -> int:
    """Return the source of the pictures that a WHEP answer announces: sound, picture, retransmissions."""
    return viewer.answered_ssrcs()[1]


def shown(viewer: Peer) -> list[int | None]:
    """Return the counter of every picture that decodes from what the viewer received, None where it cannot be read."""
    decoder = av.CodecContext.create("h264", "r")
    found: list[int | None] = []
    for unit in access_units(viewer):
        for frame in decoder.decode(av.Packet(unit)):
            found.append(counters.decode(frame.to_ndarray(format="gray")))
    for frame in decoder.decode(None):
        found.append(counters.decode(frame.to_ndarray(format="gray")))
    return found


def access_units(viewer: Peer) -> Iterator[bytes]:
    """Yield the pictures of a viewer in the byte stream format; packets that came twice or late are put in order."""
    ssrc = video_ssrc(viewer)
    packets = {}
    wanted = [packet for packet in viewer.rtp if packet[8:12] == struct.pack("!I", ssrc)]
    for packet, payload in zip(wanted, payloads(viewer, ssrc), strict=True):
        sequence, timestamp = struct.unpack_from("!HI", packet, 2)
        packets[sequence] = timestamp, payload  # below 2^16 packets in any test
    for _, unit in groupby((packets[sequence] for sequence in sorted(packets)), key=lambda entry: entry[0]):
        if body := b"".join(_nals(payload for _, payload in unit)):
            yield body


def _nals(parts: Iterable[bytes]) -> Iterator[bytes]:
    for payload in parts:
        kind = payload[0] & 0x1F if payload else 0
        if kind == 24:
            yield from _aggregated(payload[1:])
        elif kind == 28:
            if payload[1] & 0x80:
                yield b"\0\0\0\1" + bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            yield payload[2:]
        elif kind:
            yield b"\0\0\0\1" + payload


def _aggregated(units: bytes) -> Iterator[bytes]:
    while units:
        size = int.from_bytes(units[:2], "big")
        yield b"\0\0\0\1" + units[2 : 2 + size]
        units = units[2 + size :]
