"""The size of a picture from its sequence parameter set (ITU-T H.264 section 7.3.2.1.1): nothing is decoded for it."""

from __future__ import annotations

from typing import Final

from recorder.errors import BoxError

HIGH_PROFILES: Final = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
MAX_MACROBLOCKS: Final = 1024  # in one direction: 16,384 pixels, more than level 6.2 allows
MAX_ZEROS: Final = 32


class Bits:
    """Reads a NAL unit bit by bit, without its emulation prevention bytes."""

    def __init__(self, nal: bytes) -> None:
        data = nal[1:].replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next `count` bits; raise `BoxError` when they are not there."""
        self._left -= count
        if self._left < 0:
            raise BoxError("a sequence parameter set is cut off")
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """Return an unsigned Exp-Golomb code (section 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > MAX_ZEROS:
                raise BoxError("a sequence parameter set holds no such number")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Return a signed Exp-Golomb code (section 9.1.1)."""
        code = self.golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return width and height of the pictures shown, in pixels; raise `BoxError` for what is no parameter set."""
    bits = Bits(sps)
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.golomb()  # seq_parameter_set_id
    chroma, separate = _chroma(bits) if profile in HIGH_PROFILES else (1, 0)
    bits.golomb()  # log2_max_frame_num_minus4
    _order_count(bits)
    bits.golomb()  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.golomb() + 1, bits.golomb() + 1
    if columns > MAX_MACROBLOCKS or rows > MAX_MACROBLOCKS:
        raise BoxError(f"a sequence parameter set claims pictures of {16 * columns} by {16 * rows}")
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)  # mb_adaptive_frame_field_flag
    bits.take(1)  # direct_8x8_inference_flag
    left, right, top, bottom = [bits.golomb() for _ in range(4)] if bits.take(1) else (0, 0, 0, 0)
    colour = 0 if separate else chroma
    unit_x = 2 if colour in (1, 2) else 1
    unit_y = (2 if colour == 1 else 1) * (2 - frames_only)
    width = 16 * columns - unit_x * (left + right)
    height = 16 * rows * (2 - frames_only) - unit_y * (top + bottom)
    if width <= 0 or height <= 0:
        raise BoxError("a sequence parameter set crops its pictures to nothing")
    return width, height


def _chroma(bits: Bits) -> tuple[int, int]:
    """Return chroma_format_idc and separate_colour_plane_flag; skip what follows them in the high profiles."""
    chroma = bits.golomb()
    separate = bits.take(1) if chroma == 3 else 0
    bits.golomb()  # bit_depth_luma_minus8
    bits.golomb()  # bit_depth_chroma_minus8
    bits.take(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.take(1):
        for place in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if place < 6 else 64)
    return chroma, separate


def _skip_scaling_list(bits: Bits, size: int) -> None:
    """Section 7.3.2.1.1.1."""
    last = 8
    for _ in range(size):
        scale = (last + bits.signed()) % 256
        if scale == 0:
            return
        last = scale


def _order_count(bits: Bits) -> None:
    kind = bits.golomb()  # pic_order_cnt_type
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 256)):
            bits.signed()
