"""The first byte of an Opus packet (RFC 6716 section 3.1): how much sound the packet holds."""

from __future__ import annotations

from typing import Final

from broadcaster.media import AUDIO_CLOCK_RATE

MAX_SAMPLES: Final = AUDIO_CLOCK_RATE * 120 // 1000
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


class OpusError(ValueError):
    """Bytes that are no Opus packet."""


def _frame_samples(configuration: int) -> int:
    """Return the samples at 48 kHz of one frame, by table 2 of RFC 6716."""
    if configuration < 12:
        return _SILK[configuration & 3]
    if configuration < 16:
        return _HYBRID[configuration & 1]
    return _CELT[configuration & 3]


def _frames(payload: bytes) -> int:
    code = payload[0] & 3
    if code < 3:
        return 1 if code == 0 else 2
    if len(payload) < 2:
        raise OpusError("Opus packet of 1 byte has no frame count")
    return payload[1] & 0x3F


def duration(payload: bytes) -> int:
    """Return the duration of one packet in samples at 48 kHz, at most 120 ms; raise OpusError when it is not Opus."""
    if not payload:
        raise OpusError("Opus packet is empty")
    samples = _frames(payload) * _frame_samples(payload[0] >> 3)
    if not 0 < samples <= MAX_SAMPLES:
        raise OpusError(f"Opus packet of {samples} samples is outside 1..{MAX_SAMPLES}")
    return samples
