"""A frame counter that can be read back from a picture after it was scaled and coded.

The picture is a grid of 16 x 9 cells. The two top rows are 32 bits, dark or bright, the highest bit first: 24 bits of counter and
a CRC-8 of them. At 720p a cell is 80 x 80 pixels, far more than what coding at 1.2 Mb/s blurs. The rows below show a moving bar
and a gradient, so that there is something to code. `DECODER_JS` reads the same code in a browser.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS, CODE_ROWS = 16, 9, 2
COUNTER_BITS = 24
DARK, BRIGHT = 32, 220

Luma = NDArray[np.uint8]


def crc8(value: int) -> int:
    """Return the CRC-8 (polynomial 0x07, start 0xA5) of a 24-bit number."""
    crc = 0xA5
    for byte in value.to_bytes(3, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def code(counter: int) -> int:
    """Return the 32 bits that stand for `counter` modulo 2^24."""
    counter %= 1 << COUNTER_BITS
    return counter << 8 | crc8(counter)


def _edges(length: int, cells: int) -> list[int]:
    return [round(cell * length / cells) for cell in range(cells + 1)]


def draw(counter: int, width: int, height: int) -> Luma:
    """Return the luma plane (height x width) of the picture with this counter."""
    x, y = _edges(width, COLUMNS), _edges(height, ROWS)
    gradient = np.linspace(60, 180, width, dtype=np.float32)
    luma = np.broadcast_to(gradient, (height, width)).astype(np.uint8)
    bar = counter * 7 % width
    luma[y[3] : y[5], bar : bar + max(2, width // 40)] = BRIGHT
    bits = code(counter)
    for place in range(COLUMNS * CODE_ROWS):
        row, column = divmod(place, COLUMNS)
        bright = bits >> (COLUMNS * CODE_ROWS - 1 - place) & 1
        luma[y[row] : y[row + 1], x[column] : x[column + 1]] = BRIGHT if bright else DARK
    return luma


def decode(luma: NDArray[Any]) -> int | None:
    """Return the counter in a luma plane (or a grey picture) of any size, or None when its checksum is wrong."""
    height, width = luma.shape[:2]
    x, y = _edges(width, COLUMNS), _edges(height, ROWS)
    bits = 0
    for place in range(COLUMNS * CODE_ROWS):
        row, column = divmod(place, COLUMNS)
        dx, dy = (x[column + 1] - x[column]) // 4, (y[row + 1] - y[row]) // 4
        cell = luma[y[row] + dy : y[row + 1] - dy, x[column] + dx : x[column + 1] - dx]
        bits = bits << 1 | int(cell.mean() > (DARK + BRIGHT) / 2)
    counter = bits >> 8
    return counter if crc8(counter) == bits & 0xFF else None


DECODER_JS = """
(pixels, width, height) => {  // RGBA bytes as of getImageData -> counter or null
  const edge = (length, cells, at) => Math.round(at * length / cells);
  let bits = [];
  for (let place = 0; place < 32; place++) {
    const row = Math.floor(place / 16), column = place % 16;
    const x0 = edge(width, 16, column), x1 = edge(width, 16, column + 1);
    const y0 = edge(height, 9, row), y1 = edge(height, 9, row + 1);
    const dx = (x1 - x0) >> 2, dy = (y1 - y0) >> 2;
    let sum = 0, count = 0;
    for (let y = y0 + dy; y < y1 - dy; y += 2)
      for (let x = x0 + dx; x < x1 - dx; x += 2) { sum += pixels[4 * (y * width + x) + 1]; count++; }
    bits.push(sum / count > 126 ? 1 : 0);
  }
  const number = (from, to) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
  const counter = number(0, 24);
  let crc = 0xA5;
  for (const byte of [counter >> 16 & 255, counter >> 8 & 255, counter & 255]) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 0x80 ? (crc << 1 ^ 0x07) & 0xFF : crc << 1;
  }
  return crc === number(24, 32) ? counter : null;
}
"""
