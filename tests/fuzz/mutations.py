"""Mutations of seeds, the same ones for the same seed number: a failure names the number, and the number brings it back."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

MUTATIONS = int(os.environ.get("JIANGTANG_MUTATIONS", "25000"))
"""Of the seeds of a parser; ten times as many for a longer look."""
HERE = Path(__file__).parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x80",
    b"\x7f",
    b"-1",
    b"99999999999999999999",
    b"%s",
    b"\r\n",
    b" ",
    b":",
    b"=",
    b"/",
    b";",
)


def corpus(folder: str) -> list[bytes]:
    """The seeds of `crashes/<folder>`, and of the shared corpus where it is at hand."""
    places = (HERE / "crashes" / folder, CORPUS / folder)
    return [path.read_bytes() for place in places if place.is_dir() for path in sorted(place.iterdir())]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Return `data` after one to four changes: bits, bytes, cuts, repeats, words."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, kind = chance.randrange(len(changed) + 1), chance.randrange(6)
        span = slice(at, at + chance.choice((1, 2, 4, 8, 32)))
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(changed):
            changed[at] = chance.randrange(256)
        elif kind == 2:
            del changed[span]
        elif kind == 3:
            changed[at:at] = changed[span]
        elif kind == 4:
            changed[at:at] = chance.choice(INTERESTING)
        else:
            changed[span] = chance.choice(INTERESTING)
    return bytes(changed)


def mutate_lines(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with lines dropped, doubled, swapped or cut, then perhaps mutated."""
    lines = data.split(b"\n")
    for _ in range(chance.randint(1, 3)):
        at, other, kind = chance.randrange(len(lines)), chance.randrange(len(lines)), chance.randrange(4)
        if kind == 0:
            lines[at] = b""
        elif kind == 1:
            lines.insert(at, lines[other])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    joined = b"\n".join(lines)
    return mutate(joined, chance) if chance.random() < 0.5 else joined


def inputs(seeds: Sequence[bytes], count: int, *, lines: bool = False) -> Iterator[tuple[int, bytes]]:
    """Every seed as it is, then `count` mutations, each with the number that makes it again."""
    yield from enumerate(seeds, -len(seeds))
    for number in range(count):
        chance = random.Random(number)
        change = mutate_lines if lines and number % 2 else mutate
        yield number, change(seeds[number % len(seeds)], chance)
