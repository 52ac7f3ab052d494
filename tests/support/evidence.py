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
from signaling.attendance.policy import Policy
from signaling.attendance.report import Report, build
from signaling.attendance.stays import Presence
from signaling.ledger.events import Subject
from signaling.ledger.facts import (
    Answered,
    Challenged,
    Confirmed,
    Corrected,
    Fact,
    Fault,
    Joined,
    Left,
    MediaDelivered,
    RefusedReports,
    Rendered,
    ReplayDelivered,
)
from signaling.ledger.packing import pack, unpack
from tests.support.chains import Written

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


LECTURE = Subject("lecture-1", "broadcast-1")
LENGTH = timedelta(minutes=15)
END = BEGIN + LENGTH


def facts_of(made: MadeLecture, seed: int) -> list[Written]:
    """Return the lecture as facts of the ledger, with reports, checks, head-counts, replays, faults and corrections around it."""
    rng = random.Random(seed)
    node_of = {screen: row.node for row in made.windows for screen, _, _ in row.deliveries}
    found = [_delivered(row) for row in made.windows]
    for stay in made.stays:
        found += _came_and_went(stay)
    at = END + timedelta(minutes=1)
    told: list[tuple[str, Fact]] = [*_reports(made, rng, node_of), *_checks(made, rng, node_of)]
    told += [("node-1", fact) for fact in (*_headcounts(made, rng), *_faults(made, rng), *_corrections(made, rng))]
    told += [("node-1", fact) for fact in _replays(made, rng)]
    told += _refusals(made, random.Random(f"refused {seed}"), node_of)
    return found + [Written(node, "boot-2", at, LECTURE, fact) for node, fact in told]


def _delivered(row: MadeWindow) -> Written:
    at = BEGIN + timedelta(seconds=(row.number - FIRST + 1) * 10)
    fact = MediaDelivered(row.number, row.part, row.published, row.flowing_ms, row.deliveries)
    return Written(row.node, row.boot, at, LECTURE, fact)


def _came_and_went(stay: MadeStay) -> Iterator[Written]:
    who = (stay.session, stay.screen, stay.class_id)
    if stay.joined_at is not None:
        yield Written(stay.node, stay.boot, stay.joined_at, LECTURE, Joined(*who, stay.joined_at, stay.boot))
    if stay.left_at is not None:
        yield Written(stay.node, stay.boot, stay.left_at, LECTURE, Left(*who, stay.left_at, "closed_by_peer"))


def _reports(made: MadeLecture, rng: random.Random, node_of: Mapping[str, str]) -> Iterator[tuple[str, Fact]]:
    habits = {screen: rng.choice((3, 3, 3, 3, 1, 2, 3 | 16, 3 | 4, 3 | 8)) for screen in made.class_of}
    talkative = {screen for screen in made.class_of if rng.random() < 0.7}
    for minute in range(FIRST // 6, FIRST // 6 + 15):
        for node in ("node-1", "node-2"):
            reports = [
                (screen, rng.choice((60_000, 58_000, 40_000, 20_000)), habits[screen])
                for screen in sorted(talkative)
                if node_of.get(screen, "node-1") == node and rng.random() < 0.95
            ]
            if reports:
                yield node, Rendered(minute, tuple(reports))


def _refusals(made: MadeLecture, rng: random.Random, node_of: Mapping[str, str]) -> Iterator[tuple[str, Fact]]:
    forgers = [screen for screen in sorted(made.class_of) if rng.random() < 0.2]
    for minute in range(FIRST // 6, FIRST // 6 + 15):
        for node in ("node-1", "node-2"):
            rows = [
                (screen, reason, rng.randint(1, 40))
                for screen in forgers
                for reason in ("bad_signature", "replayed_counter", "fast_forward", "unproven")
                if node_of.get(screen, "node-1") == node and rng.random() < 0.1
            ]
            if rows:
                yield node, RefusedReports(minute, tuple(rows), (("stale_nonce", rng.randint(1, 9)),))


def _checks(made: MadeLecture, rng: random.Random, node_of: Mapping[str, str]) -> Iterator[tuple[str, Fact]]:
    for number in (1, 2, 3):
        at = BEGIN + timedelta(minutes=5 * number - 3)
        for node in ("node-1", "node-2"):
            asked = tuple(s for s in sorted(made.class_of) if node_of.get(s) == node and rng.random() < 0.9)
            check = f"check-{number}"
            yield node, Challenged(check, number, at, at + timedelta(seconds=90), asked)
            for screen in asked:
                if rng.random() < 0.8:
                    delay = rng.choice((250, 1200, rng.randrange(400, 120_000)))
                    answered = at + timedelta(milliseconds=delay)
                    yield node, Answered(check, screen, answered, delay, rng.random() < 0.9, number)


def _headcounts(made: MadeLecture, rng: random.Random) -> Iterator[Fact]:
    for target in made.targets:
        for counter in range(rng.choice((0, 1, 1, 1, 2))):
            at = BEGIN + timedelta(minutes=rng.choice((3, 6, 12, 30, 24 * 60, 3 * 24 * 60)), seconds=counter)
            present = rng.randint(0, target.pupils + 2)
            guests = max(0, present - target.pupils)
            yield Confirmed(
                target.class_id, "", target.pupils, present, guests, rng.choice(("room", "u1")), at, counter
            )


def _faults(made: MadeLecture, rng: random.Random) -> Iterator[Fact]:
    scopes = [made.targets[0].class_id, made.targets[-1].school_code, "522302", "522300"]
    for number, scope in enumerate(rng.sample(scopes, rng.randrange(3))):
        begin = BEGIN + timedelta(seconds=rng.randrange(800))
        cause = rng.choice(("server", "power", "network", "exam", "disaster", "closed"))
        for counter in range(rng.choice((1, 2))):
            end = begin + timedelta(seconds=rng.randrange(30, 900)) if counter or rng.random() < 0.8 else None
            yield Fault(f"fault-{number}", cause, scope, begin, end, "u1", "", END, counter)


def _corrections(made: MadeLecture, rng: random.Random) -> Iterator[Fact]:
    for number, target in enumerate(rng.sample(made.targets, 2)):
        name, new = rng.choice((("present", "11"), ("expected", "40"), ("result", "excused"), ("result", "qualified")))
        yield Corrected(
            f"correction-{number}", target.class_id, name, "", new, "typing", "u1", "u2", END + timedelta(days=2), None
        )


def _replays(made: MadeLecture, rng: random.Random) -> Iterator[Fact]:
    starts = {screen: FIRST + rng.choice((500, 9_000, 130_000)) for screen in made.class_of if rng.random() < 0.3}
    for screen, start in sorted(starts.items()):
        pace = rng.choice((10_000, 10_000, 12_000, 30_000))
        skip = rng.randrange(0, 600) * 1000
        for number in range(rng.randrange(10, 80)):
            begin = FIRST * 10_000 + skip + number * pace
            yield ReplayDelivered(start + number, ((screen, begin, begin + pace),), rng.randrange(1_000_000))


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
