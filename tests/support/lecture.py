"""Synthetic media of a lecture: RTP packets that look like a studio's, made without an encoder.

The SPS and PPS are those of a real 1280x720 constrained-baseline stream; slices are deterministic filler whose first bytes carry the
frame number, so that a test can tell every frame, but no decoder can show them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SPS = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
PPS = bytes.fromhex("68ce0fc8")
MTU_PAYLOAD = 1_050


def rtp_packet(
    payload: bytes,
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
) -> bytes:
    """An RTP packet; `extensions` are one-byte header extensions (RFC 8285) by id."""
    first, block = 0x80, b""
    if extensions:
        body = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in extensions.items())
        body += bytes(-len(body) % 4)
        first, block = 0x90, struct.pack("!HH", 0xBEDE, len(body) // 4) + body
    header = struct.pack("!BBHII", first, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return header + block + payload


def access_unit(number: int, *, keyframe: bool, size: int) -> list[bytes]:
    """The RTP payloads of frame `number`: STAP-A with SPS and PPS before an IDR slice, slices in FU-A (RFC 6184)."""
    nal = (
        bytes([0x65 if keyframe else 0x41])
        + struct.pack("!I", number)
        + bytes((number + i) % 251 + 1 for i in range(size))
    )
    payloads = []
    if keyframe:
        payloads.append(b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in (SPS, PPS)))
    if len(nal) <= MTU_PAYLOAD:
        return [*payloads, nal]
    pieces = [nal[1:][start : start + MTU_PAYLOAD] for start in range(0, len(nal) - 1, MTU_PAYLOAD)]
    for index, piece in enumerate(pieces):
        flags = (index == 0) << 7 | (index == len(pieces) - 1) << 6
        payloads.append(bytes([nal[0] & 0xE0 | 28, flags | nal[0] & 0x1F]) + piece)
    return payloads


def opus_40ms(number: int, size: int = 100) -> bytes:
    """An Opus payload of two 20 ms CELT frames (RFC 6716 section 3.1: configuration 31, code 1)."""
    return b"\xf9" + struct.pack("!I", number) + bytes((number + i) % 251 for i in range((size - 5) // 2 * 2))


@dataclass
class Stream:
    """One RTP source: keeps sequence numbers and timestamps going."""

    ssrc: int
    payload_type: int
    sequence: int = 1_000
    timestamp: int = 90_000
    packets: int = 0
    octets: int = 0

    def packet(self, payload: bytes, *, marker: bool, extensions: dict[int, bytes] | None = None) -> bytes:
        """The next packet."""
        made = rtp_packet(
            payload,
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            marker=marker,
            extensions=extensions,
        )
        self.sequence += 1
        self.packets += 1
        self.octets += len(payload)
        return made


@dataclass
class Lecture:
    """A studio's two sources. 30 frames a second, a group of pictures every `gop` frames, sound every 40 ms."""

    video: Stream
    audio: Stream
    gop: int = 60
    frame_bytes: int = 6_000
    key_bytes: int = 30_000
    frame: int = 0
    sound: int = 0
    keyframe_wished: bool = False

    def next_frame(self, extensions: dict[int, bytes] | None = None) -> list[bytes]:
        """The packets of the next frame; the marker is on the last."""
        keyframe = self.frame % self.gop == 0 or self.keyframe_wished
        self.keyframe_wished = False
        payloads = access_unit(self.frame, keyframe=keyframe, size=self.key_bytes if keyframe else self.frame_bytes)
        last = len(payloads) - 1
        packets = [
            self.video.packet(payload, marker=index == last, extensions=extensions)
            for index, payload in enumerate(payloads)
        ]
        self.frame += 1
        self.video.timestamp += 3_000
        return packets

    def next_sound(self, extensions: dict[int, bytes] | None = None) -> bytes:
        """The next 40 ms of sound."""
        packet = self.audio.packet(opus_40ms(self.sound), marker=self.sound == 0, extensions=extensions)
        self.sound += 1
        self.audio.timestamp += 1_920
        return packet

    def seconds(self, duration: float) -> Iterator[list[bytes]]:
        """Everything of `duration` seconds, in trains, in the order in which a studio sends."""
        sent = 0
        for index in range(round(duration * 30)):
            yield self.next_frame()
            while sent * 40 * 30 < (index + 1) * 1_000:
                yield [self.next_sound()]
                sent += 1


# -- RTCP ---------------------------------------------------------------------------------------------------------


def sender_report(stream: Stream, ntp: float, sender: int | None = None) -> bytes:
    """RFC 3550 section 6.4.1; `ntp` is seconds since 1900."""
    words = (stream.timestamp & 0xFFFFFFFF, stream.packets & 0xFFFFFFFF, stream.octets & 0xFFFFFFFF)
    return struct.pack("!BBHIQIII", 0x80, 200, 6, sender or stream.ssrc, int(ntp * (1 << 32)), *words)


@dataclass(frozen=True)
class Block:
    """A report block of RFC 3550 section 6.4.1."""

    ssrc: int
    highest: int
    lost: int = 0
    fraction: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay: int = 0

    def __bytes__(self) -> bytes:
        loss = self.fraction << 24 | self.lost & 0xFFFFFF
        return struct.pack("!IIIIII", self.ssrc, loss, self.highest, self.jitter, self.last_sr, self.delay)


def receiver_report(sender: int, *blocks: Block) -> bytes:
    """RFC 3550 section 6.4.2."""
    return struct.pack("!BBHI", 0x80 | len(blocks), 201, 1 + 6 * len(blocks), sender) + b"".join(map(bytes, blocks))


def nack(sender: int, media: int, sequences: list[int]) -> bytes:
    """RFC 4585 section 6.2.1, one entry for each sequence number."""
    entries = b"".join(struct.pack("!HH", sequence & 0xFFFF, 0) for sequence in sequences)
    return struct.pack("!BBHII", 0x81, 205, 2 + len(sequences), sender, media) + entries


def pli(sender: int, media: int) -> bytes:
    """RFC 4585 section 6.3.1."""
    return struct.pack("!BBHII", 0x81, 206, 2, sender, media)


def remb(sender: int, bitrate: int, *ssrcs: int) -> bytes:
    """draft-alvestrand-rmcat-remb-03."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    body = struct.pack("!II4sI", sender, 0, b"REMB", len(ssrcs) << 24 | exponent << 18 | mantissa)
    body += b"".join(struct.pack("!I", ssrc) for ssrc in ssrcs)
    return struct.pack("!BBH", 0x8F, 206, len(body) // 4) + body
