"""Draws cost against terminals from `var/bench.json`: `python -m tests.bench.picture [FROM [TO]]`.

Words are few, so that the picture reads the same in Chinese and English: n is terminals, the cost is CPU microseconds per terminal
and second of lecture, on a logarithmic axis. Solid is loopback, dashed is a cable between namespaces.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

SOURCE, TARGET = Path("var/bench.json"), Path("web/pictures/bench.svg")
WIDTH, HEIGHT = 860, 440
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 30, 60
LINES = (
    ("floor", "floor (GSO)", "#5b7083"),
    ("floor_plain", "floor (plain)", "#a9b4be"),
    ("native", "native", "#c8102e"),
)
POINTS = (("python_sizes", "Python", "#1f6f4a"), ("janus_sizes", "Janus", "#7a4fb5"))
DASHES = {"loopback": "", "veth": ' stroke-dasharray="7 5"'}
STEPS = (125, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000)

Point = tuple[int, float]
Series = tuple[str, str, str, list[Point]]


def series(document: Mapping[str, Any]) -> list[Series]:
    """Return (name, colour, dash, points) of everything that was measured."""
    found: list[Series] = []
    for network, variant in document["network"].items():
        for key, name, colour in LINES:
            points = [(int(size), each[key]) for size, each in variant["sizes"].items() if each.get(key)]
            found.append((name, colour, DASHES[network], points))
        peer = document.get("janus_sizes", {}).get(network, {})
        found.append(("Janus", POINTS[1][2], DASHES[network], _points(peer)))
    found.append(("Python", POINTS[0][2], "", _points(document.get("python_sizes", {}))))
    return [each for each in found if each[3]]


def _points(sizes: Mapping[str, Any]) -> list[Point]:
    return [(int(size), each["us"]) for size, each in sizes.items() if int(size) > 1 and "note" not in each]


class Axes:
    """From figures to places."""

    def __init__(self, drawn: list[Series]) -> None:
        points = [point for each in drawn for point in each[3]]
        self.most = max(size for size, _ in points)
        costs = [cost for _, cost in points]
        self.steps = [step for step in STEPS if min(costs) / 2 < step < max(costs) * 2]
        self.low, self.high = self.steps[0], self.steps[-1]

    def x(self, size: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * size / self.most

    def y(self, cost: float) -> float:
        share = math.log(cost / self.low) / math.log(self.high / self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def draw(document: Mapping[str, Any]) -> str:
    """Return the picture as SVG."""
    drawn = series(document)
    axes = Axes(drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_grid(axes),
        *(line for each in drawn for line in _line(axes, each)),
        *_names(axes, drawn),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid(axes: Axes) -> list[str]:
    lines = []
    for step in axes.steps:
        y = axes.y(step)
        lines.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e6e8"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{step:,}</text>')
    stride = next(stride for stride in (10, 25, 50, 100, 250, 500, 1000, 5000) if axes.most / stride <= 8)
    for size in range(0, axes.most + 1, stride):
        x = axes.x(size)
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{size:,}</text>')
    lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">n</text>')
    lines.append(f'<text x="{LEFT}" y="{TOP - 12}">CPU µs / (n · s)</text>')
    return lines


def _line(axes: Axes, each: Series) -> list[str]:
    _, colour, dash, points = each
    places = [(axes.x(size), axes.y(cost)) for size, cost in sorted(points)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>', *dots]


def _names(axes: Axes, drawn: list[Series]) -> list[str]:
    """Return each name once, beside the end of its first line, pushed apart where they would cover each other."""
    ends: dict[str, tuple[float, float, str]] = {}
    for name, colour, _, points in drawn:
        size, cost = max(points)
        ends.setdefault(name, (axes.x(size) + 10, axes.y(cost) + 5, colour))
    lines, lowest = [], {}
    for name, (x, y, colour) in sorted(ends.items(), key=lambda item: item[1][1]):
        column = round(x / 200)
        y = max(y, lowest.get(column, 0.0) + 17)
        lowest[column] = y
        lines.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-weight="600">{escape(name)}</text>')
    return lines


def main() -> None:
    """Draw."""
    source, target = [*map(Path, sys.argv[1:]), *(SOURCE, TARGET)[len(sys.argv) - 1 :]]
    target.write_text(draw(json.loads(source.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
