"""The duration that the first byte of an Opus packet tells (RFC 6716 section 3.1)."""

from __future__ import annotations

import pytest

from broadcaster.rtp.opus import OpusError, duration


@pytest.mark.parametrize(
    ("configuration", "milliseconds"),
    [(0, 10), (1, 20), (2, 40), (3, 60), (11, 60), (12, 10), (13, 20), (15, 20), (16, 2.5), (17, 5), (18, 10), (31, 20)],
)  # fmt: skip
def test_one_frame_of_each_configuration(configuration: int, milliseconds: float) -> None:
    assert duration(bytes((configuration << 3,))) == milliseconds * 48


@pytest.mark.parametrize(("code", "frames"), [(0, 1), (1, 2), (2, 2)])
def test_frames_of_the_codes(code: int, frames: int) -> None:
    assert duration(bytes((31 << 3 | code, 0))) == frames * 960


def test_code_three_counts_its_frames() -> None:
    assert duration(bytes((31 << 3 | 3, 0xC0 | 2))) == 2 * 960


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "Opus packet is empty"),
        (b"\xfb", "Opus packet of 1 byte has no frame count"),
        (b"\xfb\x00", "Opus packet of 0 samples is outside 1..5760"),
        (b"\xfb\x07", "Opus packet of 6720 samples is outside 1..5760"),
    ],
)
def test_what_is_no_opus_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(OpusError) as refusal:
        duration(payload)
    assert str(refusal.value) == message
