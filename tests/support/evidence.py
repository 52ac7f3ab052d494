"""Lectures with everything that goes wrong in one, made from a seed: nodes, crashes, pauses, losses, rejoins, late receipts.

What is made is plain values; how the ledger keeps them is the business of whoever feeds them in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from signaling.attendance.book import Book
from signaling.attendance.fold import Folded, Window
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.gather import by_delivery
from signaling.attendance.packing import pack, unpack
from signaling.attendance.policy import Policy
from signaling.attendance.report import Report, build
from signaling.attendance.stays import Presence

BEGIN = datetime(2026, 9, 14, 2, 0, tzinfo=UTC)
FIRST = int(BEGIN.timestamp()) // 10
RATE = 175  # packets a second
REGIONS = (
    RegionName("522301", "522301", "兴义市"),
    RegionName("522302", "522302", "兴仁市"),
    RegionName("5223Y1", "5223Y1", "义龙新区"),
)


@dataclass(frozen=True, slots=True)
class MadeWindow:
    """What a node published in a window, and (screen, advance, lost) of its screens."""

    node: str
    boot: str
    number: int
    part: int
    published: int
    flowing_ms: int
    deliveries: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class MadeStay:
    """A session of a screen; None where the fact is missing."""

    screen: str
    class_id: str
    session: str
    node: str
    boot: str
    joined_at: datetime | None
    left_at: datetime | None


@dataclass(slots=True)
class MadeLecture:
    """All that was seen of one lecture."""

    targets: list[Target] = field(default_factory=list)
    class_of: dict[str, str] = field(default_factory=dict)
    terminals: dict[str, int] = field(default_factory=dict)
    stays: list[MadeStay] = field(default_factory=list)
    windows: list[MadeWindow] = field(default_factory=list)


def lecture(seed: int, *, schools: int = 7, windows: int = 90) -> MadeLecture:
    """Return the lecture of a seed: always the same one."""
    rng = random.Random(seed)
    made = MadeLecture()
    for school in range(schools):
        _school(made, rng, school)
    screens = sorted(made.class_of)
    node_of = {screen: rng.choice(("node-1", "node-2")) for screen in screens}
    for node in ("node-1", "node-2"):
        _node(made, rng, node, [screen for screen in screens if node_of[screen] == node], windows)
    return made


def _school(made: MadeLecture, rng: random.Random, school: int) -> None:
    code, region = f"21522301{school:02}", REGIONS[school % 3].code
    for number in range(1, rng.randint(2, 5)):
        class_id = f"{code}-{number}"
        name = f"三年级（{number}）班"
        pupils = rng.randint(12, 60)
        made.targets.append(
            Target(class_id, f"2024-21-{number:02}", name, code, f"第{school}小学", "21", "121", region, pupils)
        )
        for terminal in range(1, rng.choice((2, 2, 2, 3))):
            screen = f"screen-{class_id}-{terminal}"
            made.class_of[screen] = class_id
            made.terminals[screen] = terminal


def _node(made: MadeLecture, rng: random.Random, node: str, screens: list[str], count: int) -> None:
    crash, pause = rng.randrange(20, count), rng.randrange(10, count - 8)
    there = {screen: _visits(rng, count) for screen in screens}
    for screen, visits in there.items():
        for number, (begin, end) in enumerate(visits):
            boot = "boot-1" if begin < crash else "boot-2"
            swallowed = begin < crash <= end  # the leaving fell together with the crash
            made.stays.append(
                MadeStay(
                    screen,
                    made.class_of[screen],
                    f"{screen}:{number}",
                    node,
                    boot,
                    None if rng.random() < 0.05 else BEGIN + timedelta(seconds=begin * 10 + rng.randrange(10)),
                    None if swallowed or end >= count else BEGIN + timedelta(seconds=end * 10 + rng.randrange(10)),
                )
            )
    weak = {screen for screen in screens if rng.random() < 0.2}
    for number in range(count):
        if pause <= number < pause + 7 or number == crash:
            continue
        boot = "boot-1" if number < crash else "boot-2"
        flowing = 10_000 if rng.random() < 0.8 else rng.randrange(2_000, 10_001)
        published = RATE * flowing // 1000
        seen = [screen for screen in screens if any(begin <= number <= end for begin, end in there[screen])]
        rows = [(screen, *_receipt(rng, published, screen in weak)) for screen in seen]
        for part, share in enumerate(_parts(rng, rows)):
            made.windows.append(
                MadeWindow(node, boot, FIRST + number, part, published // (part + 1), flowing // (part + 1), share)
            )


def _visits(rng: random.Random, count: int) -> list[tuple[int, int]]:
    kind = rng.random()
    if kind < 0.1:
        return []
    if kind < 0.6:
        return [(-rng.randrange(1, 9), count)]
    edges = sorted(rng.sample(range(count), 4))
    return [(edges[0], edges[1]), (edges[2], edges[3])]


def _receipt(rng: random.Random, published: int, weak: bool) -> tuple[int, int]:
    advance = max(0, published + rng.randint(-120, 100))
    if rng.random() < 0.1:
        advance = advance * rng.randrange(100) // 100
    lost = rng.randrange(0, published // 3 + 1) if weak and rng.random() < 0.5 else rng.choice((0, 0, 0, 3, 17))
    return advance, lost


def _parts(rng: random.Random, rows: list[tuple[str, int, int]]) -> Iterator[tuple[tuple[str, int, int], ...]]:
    yield tuple(rows)
    if rng.random() < 0.05:
        yield tuple(rows[: len(rows) // 2])


def tell(made: MadeLecture, book: Book, rng: random.Random | None = None) -> None:
    """Tell a book everything of a lecture; with `rng` in any order, some of it twice."""
    slots: dict[str, dict[str, int]] = {}
    steps: list[Callable[[], None]] = []
    for row in made.windows:
        known = slots.setdefault(row.node, {})
        for screen, _, _ in row.deliveries:
            if screen not in known:
                known[screen] = len(known)
                steps.append(partial(book.number, row.node, known[screen], screen, made.class_of[screen]))
        packed = pack(row.published, [(known[screen], advance, lost) for screen, advance, lost in row.deliveries])
        window = Window(
            row.node, row.number, row.boot, row.part, row.published, row.flowing_ms, partial(unpack, packed)
        )
        steps.append(partial(book.window, window))
    for stay in made.stays:
        who = (stay.session, stay.screen, stay.class_id)
        if stay.joined_at is not None:
            steps.append(partial(book.stays.joined, *who, stay.joined_at, (stay.node, stay.boot)))
        if stay.left_at is not None:
            steps.append(partial(book.stays.left, *who, stay.left_at, (stay.node, stay.boot)))
    if rng is not None:
        steps += rng.sample(steps, len(steps) // 5)
        rng.shuffle(steps)
    for number, step in enumerate(steps):
        step()
        if rng is not None and number % 37 == 0:
            book.folded()


def built(
    policy: Policy,
    regions: Sequence[RegionName],
    targets: Sequence[Target],
    folded: Folded,
    presence: Mapping[str, Presence],
) -> Report:
    """Return the report of a policy that judges delivery alone."""
    decisions = {one.class_id: by_delivery(policy, one, folded, presence.get(one.class_id), BEGIN) for one in targets}
    return build(policy, regions, targets, folded, presence, decisions)
