"""Writes the initialisation of a reel: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 section 8.2, 14496-15, 14496-14).

**The same parameters give the same bytes**: no creation time, no random number.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE
from recorder.boxes import box, full_box
from recorder.grid import Cut
from recorder.moof import SOUND_TRACK, VIDEO_TRACK
from recorder.moov import MOVIE_TIMESCALE, UNITY_MATRIX
from recorder.sps import picture_size

BRANDS: Final = (b"iso6", b"isom", b"avc1", b"mp41")
UNDETERMINED: Final = 0x55C4  # the language `und`
AAC_LC: Final = "mp4a.40.2"


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What a player must know before the first picture: both parameter sets, the size in pixels."""

    sps: bytes
    pps: bytes
    width: int
    height: int

    @classmethod
    def of(cls, sps: bytes, pps: bytes) -> PictureFormat:
        """Read the size from the parameter set; raise `BoxError` when it cannot be read."""
        return cls(sps, pps, *picture_size(sps))


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """What a player must know before the first sound: the AudioSpecificConfig (ISO/IEC 14496-3), bits a second."""

    config: bytes
    bitrate: int


def codecs(picture: PictureFormat | None) -> str:
    """Return the codecs in the form of RFC 6381."""
    return AAC_LC if picture is None else f"avc1.{picture.sps[1:4].hex()},{AAC_LC}"


def build_init(picture: PictureFormat | None, sound: SoundFormat, cut: Cut) -> bytes:
    """Return `ftyp` and `moov` of a reel with sound and, unless `picture` is None, a picture."""
    tracks = [_video(picture)] if picture else []
    ids = [VIDEO_TRACK, SOUND_TRACK] if picture else [SOUND_TRACK]
    header = full_box(
        "mvhd", 0, 0, struct.pack(">IIII", 0, 0, MOVIE_TIMESCALE, 0), struct.pack(">IH10x", 0x10000, 0x100),
        UNITY_MATRIX, bytes(24), struct.pack(">I", SOUND_TRACK + 1),
    )  # fmt: skip
    extends = (full_box("trex", 0, 0, struct.pack(">5I", one, 1, 0, 0, 0)) for one in ids)
    moov = box("moov", header, *tracks, _sound(sound), box("mvex", *extends), cut.mark())
    return box("ftyp", BRANDS[0], bytes(4), *BRANDS) + moov


def _track(number: int, size: tuple[int, int], volume: int, timescale: int, handler: bytes, *minf: bytes) -> bytes:
    width, height = size
    tkhd = full_box(
        "tkhd", 0, 3, struct.pack(">IIIII8xHHHH", 0, 0, number, 0, 0, 0, 0, volume, 0),
        UNITY_MATRIX, struct.pack(">II", width << 16, height << 16),
    )  # fmt: skip
    mdhd = full_box("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, UNDETERMINED, 0))
    hdlr = full_box("hdlr", 0, 0, struct.pack(">I4s12x", 0, handler), b"\0")
    return box("trak", tkhd, box("mdia", mdhd, hdlr, box("minf", *minf)))


def _tables(entry: bytes) -> bytes:
    """The data reference to this file and a sample table that holds a description and no sample."""
    none = struct.pack(">I", 0)
    dinf = box("dinf", full_box("dref", 0, 0, struct.pack(">I", 1), full_box("url ", 0, 1)))
    return dinf + box(
        "stbl",
        full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box("stts", 0, 0, none),
        full_box("stsc", 0, 0, none),
        full_box("stsz", 0, 0, none, none),
        full_box("stco", 0, 0, none),
    )


def _video(one: PictureFormat) -> bytes:
    """ISO/IEC 14496-15 section 5.4.2. The parameter sets stay in the samples too, as they were sent."""
    avcc = box(
        "avcC", b"\1", one.sps[1:4], b"\xff\xe1", struct.pack(">H", len(one.sps)), one.sps,
        b"\1", struct.pack(">H", len(one.pps)), one.pps, _high(one.sps),
    )  # fmt: skip
    entry = box(
        "avc1", struct.pack(">6xH16xHHIIIH32xHh", 1, one.width, one.height, 0x480000, 0x480000, 0, 1, 24, -1), avcc
    )
    vmhd = full_box("vmhd", 0, 1, bytes(8))
    size = (one.width, one.height)
    return _track(VIDEO_TRACK, size, 0, VIDEO_CLOCK_RATE, b"vide", vmhd, _tables(entry))


def _high(sps: bytes) -> bytes:
    """What profiles above main add (section 5.3.3.1.2): 4:2:0 in eight bits, all that WebRTC sends."""
    return b"\xfd\xf8\xf8\0" if sps[1] in (100, 110, 122, 144) else b""


def _sound(one: SoundFormat) -> bytes:
    """ISO/IEC 14496-14 section 6.7."""
    specific = _descriptor(5, one.config)
    decoder = _descriptor(4, struct.pack(">BB3xII", 0x40, 0x15, one.bitrate, one.bitrate), specific)
    esds = full_box("esds", 0, 0, _descriptor(3, struct.pack(">HB", SOUND_TRACK, 0), decoder, _descriptor(6, b"\2")))
    entry = box("mp4a", struct.pack(">6xH8xHHIHH", 1, 2, 16, 0, AUDIO_CLOCK_RATE, 0), esds)
    return _track(
        SOUND_TRACK, (0, 0), 0x100, AUDIO_CLOCK_RATE, b"soun", full_box("smhd", 0, 0, bytes(4)), _tables(entry)
    )


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """ISO/IEC 14496-1 section 8.3.3; all of ours are shorter than 128 bytes."""
    body = b"".join(parts)
    return bytes((tag, len(body))) + body
