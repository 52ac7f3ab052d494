"""A lecture of the whole prefecture as facts, in the portions in which they come: 15,600 screens, 45 minutes.

| what | how it comes |
|---|---|
| joined | a rush: a hundred a second, fifty a commit |
| media_delivered | a window of ten seconds each; receiver reports lag by 0.2 to 1.3 s, a tenth loses packets, one in a hundred comes and goes |
| rendered | a minute each; six in ten report it whole, the others up to 1.5 s less |
| refused | one screen in a hundred forges all the time, for two reasons a minute, hundreds of times or once |
| challenged, answered | three checks; 85 of a hundred answer, most within 20 s, a hundred a commit |
| confirmed | every class within ten minutes, thirteen a commit; seven in ten from the room |
| left | all at the end, a hundred a commit |
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from sqlalchemy import insert

from signaling.db.base import uuid7
from signaling.db.engine import Database
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.ledger.facts import (
    Answered,
    Challenged,
    Confirmed,
    Fact,
    Flags,
    Joined,
    Left,
    MediaDelivered,
    RefusedReports,
    Rendered,
)
from signaling.ledger.kinds import Reason
from signaling.presence.refusals import Unwritten
from tests.support.roll import START, at

SCREENS: Final = 15_600
WINDOWS: Final = 270
MINUTES: Final = 45
CHECKS: Final = 3
PUBLISHED: Final = 1_750  # packets of ten seconds
FIRST: Final = int(START.timestamp()) // 10
IMPORTED: Final = 1_750_000_000_000  # when ids were made, a millisecond each

Portion = list[Fact]


def ids(count: int, since: int) -> list[str]:
    """Return ids as an import makes them."""
    return [uuid7(since + number) for number in range(count)]


async def directory(db: Database, count: int = SCREENS) -> tuple[list[str], list[str]]:
    """Add classes with a screen each, ids as they are in earnest; return the ids of screens and classes."""
    classes, screens = ids(count, IMPORTED), ids(count, IMPORTED + 86_400_000)
    async with db.writing() as session:
        await session.execute(insert(Region).values(code="522300", name="黔西南州", level="prefecture", sort=0))
        await session.execute(insert(School).values(code="2152230101", region_code="522300", name="小学", kind="21"))
        rows = [
            {"id": one, "school_code": "2152230101", "code": f"2024-21-{n:05}", "name": "班", "entry_year": 2024}
            | {"stage": "21", "number": n, "pupils": 45}
            for n, one in enumerate(classes)
        ]
        await session.execute(insert(SchoolClass), rows)
        await session.execute(insert(Screen), [{"id": s, "class_id": c} for s, c in zip(screens, classes, strict=True)])
    return screens, classes


def windows(rng: np.random.Generator, screens: Sequence[str], count: int) -> Iterator[MediaDelivered]:
    """Yield what screens acknowledge: receiver reports lag by 0.2 to 1.3 s, a tenth loses packets, one in a hundred comes and goes."""
    lag = np.zeros(len(screens), dtype=np.int64)
    there = np.ones(len(screens), dtype=bool)
    for number in range(count):
        now = rng.integers(35, 230, len(screens))
        advance = np.maximum(0, PUBLISHED + lag - now)
        lag = now
        lost = np.where(rng.random(len(screens)) < 0.1, rng.integers(1, 60, len(screens)), 0)
        flip = rng.random(len(screens)) < 0.01
        advance = np.where(flip, advance * rng.random(len(screens)), advance).astype(np.int64)
        there ^= flip & (rng.random(len(screens)) < 0.2)
        rows = zip(screens, advance.tolist(), lost.tolist(), there.tolist(), strict=True)
        seen = tuple((screen, packets, loss) for screen, packets, loss, here in rows if here)
        yield MediaDelivered(FIRST + number, 0, PUBLISHED, 10_000, seen)


class Lecture:
    """The facts; `rng` decides, so that a seed is a lecture."""

    def __init__(self, screens: list[str], classes: list[str], seed: int = 7) -> None:
        self.screens = screens
        self._classes = classes
        self._rng = np.random.default_rng(seed)
        self._sessions = [secrets.token_urlsafe(16) for _ in screens]

    def joined(self) -> Iterator[Portion]:
        """All come, in any order."""
        order = self._rng.permutation(len(self.screens)).tolist()
        facts: list[Fact] = [
            Joined(self._sessions[n], self.screens[n], None, at(-160 + place / 100), "0123456789abcdef")
            for place, n in enumerate(order)
        ]
        return _portions(facts, 50)

    def left(self) -> Iterator[Portion]:
        """All go."""
        order = self._rng.permutation(len(self.screens)).tolist()
        facts: list[Fact] = [
            Left(self._sessions[n], self.screens[n], None, at(2_700 + place / 2_000), "closed_by_peer")
            for place, n in enumerate(order)
        ]
        return _portions(facts, 100)

    def delivered(self, count: int = WINDOWS) -> Iterator[Portion]:
        """Windows, each a portion."""
        for window in windows(self._rng, self.screens, count):
            yield [window]

    def rendered(self, count: int = MINUTES) -> Iterator[Portion]:
        """Minutes, each a portion."""
        usual = int(Flags.VISIBLE | Flags.AUDIBLE)
        for minute in range(count):
            whole = self._rng.random(len(self.screens)) < 0.6
            shown = np.where(whole, 60_000, 60_000 - self._rng.integers(1, 1_500, len(self.screens)))
            odd = self._rng.random(len(self.screens))
            flags = np.where(odd < 0.02, usual | int(Flags.UNSIGNED), np.where(odd < 0.04, int(Flags.MUTED) | 1, usual))
            rows = tuple(zip(self.screens, shown.tolist(), flags.tolist(), strict=True))
            yield [Rendered(int(START.timestamp()) // 60 + minute, rows)]

    def refused(self, count: int = MINUTES) -> Iterator[Portion]:
        """Minutes, each a portion."""
        forgers = [
            self.screens[n] for n in sorted(self._rng.permutation(len(self.screens))[: len(self.screens) // 100])
        ]
        for minute in range(count):
            times = self._rng.integers(1, 400, (len(forgers), 2)).tolist()
            rows = [
                (screen, reason, often)
                for screen, both in zip(forgers, times, strict=True)
                for reason, often in zip(("bad_signature", "fast_forward"), both, strict=True)
            ]
            totals = Counter[str]()
            for _, reason, often in rows:
                totals[reason] += often
            yield [RefusedReports(int(START.timestamp()) // 60 + minute, tuple(rows), tuple(totals.items()))]

    def flooded(self, most: int) -> Iterator[Portion]:
        """Minutes in which every screen forges, as presence keeps them: `most` rows name screens."""
        held = Unwritten(most, 20.0)
        for minute in range(MINUTES):
            for screen in self.screens:
                held.count(minute, screen, Reason.BAD_SIGNATURE)
            yield [held.cut(minute)]

    def checks(self, count: int = CHECKS) -> Iterator[Portion]:
        """Each check, then its answers."""
        for number in range(1, count + 1):
            begin = at(number * 800)
            check = uuid7(IMPORTED + number)
            yield [Challenged(check, number, begin, begin + timedelta(seconds=90), tuple(self.screens))]
            delays = np.minimum(89_000, self._rng.lognormal(8.9, 0.6, len(self.screens))).astype(int).tolist()
            some = [n for n in range(len(self.screens)) if self._rng.random() < 0.85]
            some.sort(key=delays.__getitem__)
            facts: list[Fact] = [
                Answered(
                    check,
                    self.screens[n],
                    begin + timedelta(milliseconds=delays[n] + 40),
                    delays[n],
                    n % 50 > 0,
                    number,
                )
                for n in some
            ]
            yield from _portions(facts, 100)

    def confirmed(self) -> Iterator[Portion]:
        """Every class."""
        order = self._rng.permutation(len(self._classes)).tolist()
        facts: list[Fact] = [
            Confirmed(self._classes[n], "", 45, 45 - n % 4, 0, self._by(n), at(1_800 + place / 26), 1)
            for place, n in enumerate(order)
        ]
        return _portions(facts, 13)

    def _by(self, number: int) -> str:
        return "room" if number % 10 < 7 else uuid7(IMPORTED + number // 10)


def _portions(facts: list[Fact], size: int) -> Iterator[Portion]:
    return (facts[start : start + size] for start in range(0, len(facts), size))
