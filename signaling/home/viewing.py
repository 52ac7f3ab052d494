"""What of a lecture was delivered to households, as windows of the broadcast's own time. Pure: `now` is monotonic seconds.

1. **Only media that left the server whole counts**, with the time that it was on the air: parts and segments of the running stream,
   segments of the finished recording. Nothing that a browser says is evidence.
2. **Not faster than the clock.** A household has an account: time in which it is heard of pays in, a second of media costs a second. What
   was fetched ahead waits until it is paid for; of silence `QUIET_SECONDS` are paid at most, and no more than `AHEAD_SECONDS` are saved up.
3. Live and replay are one: a window that was delivered twice counts once. A window of ten seconds is seen when eight of them were delivered.
4. **Adding a fact twice changes nothing, order does not matter**: facts are bits of windows, and are joined by OR.
5. Bounded: `most` households at a time (`full` says so), `WAITING` ranges each; what does not fit is counted in `refused`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

from signaling.home.tokens import Household

WINDOW_MS: Final = 10_000
BLOCK: Final = 60
"""Windows of a block: ten minutes, the bits of one fact."""
AHEAD_SECONDS: Final = 30.0
FIRST_SECONDS: Final = 8.0
"""With what an account begins: the longest segment."""
QUIET_SECONDS: Final = 45.0
"""Longer than two requests of a page that is open are apart."""
GONE_SECONDS: Final = 150.0
WAITING: Final = 64
_TENTHS: Final = 100
_ENOUGH: Final = 80
_MINUTE_WINDOWS: Final = 6

Range = tuple[int, int]
"""Begin and end, excluded: Unix milliseconds of the broadcast's time."""
Blocks = Mapping[int, int]
"""Seen windows: block -> bits, bit 0 the first of the block's windows. Windows are Unix milliseconds // `WINDOW_MS`."""


class Seen(NamedTuple):
    """A fact: windows of a block that were delivered to a household."""

    household: Household
    block: int
    bits: int


@dataclass(slots=True)
class _Viewer:
    heard: float
    balance: float = FIRST_SECONDS
    waiting: deque[Range] = field(default_factory=deque)
    tenths: dict[int, int] = field(default_factory=dict)  # of windows that are seen in part
    seen: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    fresh: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    since: float | None = None  # since when something is fresh

    def hear(self, now: float) -> None:
        """Pay in the time since one heard last, and pay for what waits."""
        passed = max(0.0, now - self.heard)
        self.balance = min(AHEAD_SECONDS, self.balance + min(passed, QUIET_SECONDS))
        self.heard = max(self.heard, now)
        while self.waiting:
            begin, end = self.waiting[0]
            cost = (end - begin) / 1000
            if cost > self.balance:
                return
            self.balance -= cost
            self.waiting.popleft()
            self._take(begin, end, now)

    def _take(self, begin: int, end: int, now: float) -> None:
        for window in range(begin // WINDOW_MS, -(-end // WINDOW_MS)):
            block, place = divmod(window, BLOCK)
            if self.seen[block] >> place & 1:
                continue
            got = self.tenths.pop(window, 0) | _mask(begin - window * WINDOW_MS, end - window * WINDOW_MS)
            if got.bit_count() < _ENOUGH:
                self.tenths[window] = got
                continue
            self.seen[block] |= 1 << place
            self.fresh[block] |= 1 << place
            self.since = now if self.since is None else self.since


class Audience:
    """The households that watch now. `most` at a time, `write_seconds` after which what is new of one is given away."""

    def __init__(self, most: int, write_seconds: float) -> None:
        self._most = most
        self._write_seconds = write_seconds
        self._viewers: dict[Household, _Viewer] = {}
        self._lectures: dict[str, int] = defaultdict(int)
        self.refused = 0

    def __len__(self) -> int:
        return len(self._viewers)

    def watching(self, lecture_id: str) -> int:
        """Return how many households of a lecture were heard of in the last minutes."""
        return self._lectures.get(lecture_id, 0)

    def full(self, household: Household, of_lecture: int) -> bool:
        """Whether there is no room for a household: on this server, or among `of_lecture` of its lecture."""
        if household in self._viewers:
            return False
        return len(self._viewers) >= self._most or self.watching(household.lecture_id) >= of_lecture

    def hear(self, household: Household, now: float) -> None:
        """Take notice that a household is there. Without room nothing happens."""
        viewer = self._viewer(household, now)
        if viewer is not None:
            viewer.hear(now)

    def sent(self, household: Household, ranges: Iterable[Range], now: float) -> None:
        """Take notice that media was sent whole."""
        viewer = self._viewer(household, now)
        for begin, end in ranges:
            if viewer is None or len(viewer.waiting) >= WAITING or end - begin > AHEAD_SECONDS * 1000:
                self.refused += 1
            elif begin < end and (begin, end) not in viewer.waiting:
                viewer.waiting.append((begin, end))
        if viewer is not None:
            viewer.hear(now)

    def take(self, now: float, *, everything: bool = False) -> list[Seen]:
        """Return what is to be written down now, and forget who is gone."""
        facts = []
        for household, viewer in list(self._viewers.items()):
            quiet = now - viewer.heard >= QUIET_SECONDS
            due = viewer.since is not None and now - viewer.since >= self._write_seconds
            if viewer.since is not None and (everything or quiet or due):
                facts += [Seen(household, block, bits) for block, bits in sorted(viewer.fresh.items()) if bits]
                viewer.fresh.clear()
                viewer.since = None
            if now - viewer.heard >= GONE_SECONDS:
                self._forget(household)
        return facts

    def _viewer(self, household: Household, now: float) -> _Viewer | None:
        viewer = self._viewers.get(household)
        if viewer is None and len(self._viewers) < self._most:
            viewer = self._viewers[household] = _Viewer(now)
            self._lectures[household.lecture_id] += 1
        return viewer

    def _forget(self, household: Household) -> None:
        del self._viewers[household]
        self._lectures[household.lecture_id] -= 1
        if not self._lectures[household.lecture_id]:
            del self._lectures[household.lecture_id]


def joined(facts: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the union of facts (block, bits)."""
    made: dict[int, int] = {}
    for block, bits in facts:
        made[block] = made.get(block, 0) | bits
    return made


def seen_ms(blocks: Blocks, on_air: Mapping[int, int]) -> int:
    """Return how much of a lecture was seen; `on_air` are the milliseconds on the air by UTC minute."""
    total = 0
    for minute, ms in on_air.items():
        block, place = divmod(minute * _MINUTE_WINDOWS, BLOCK)
        windows = blocks.get(block, 0) >> place & (1 << _MINUTE_WINDOWS) - 1
        total += min(ms, windows.bit_count() * WINDOW_MS)
    return total


def counts(blocks: Blocks, on_air: Mapping[int, int], ratio: Fraction) -> bool:
    """Whether a household has seen its share of a lecture; nobody has of one that was never on the air."""
    whole = sum(on_air.values())
    return whole > 0 and seen_ms(blocks, on_air) * ratio.denominator >= whole * ratio.numerator


def _mask(begin_ms: int, end_ms: int) -> int:
    """Return the tenths of a second of a window that lie in a range, as bits; ends are rounded, so that neighbours leave no gap."""
    first, last = max(0, (begin_ms + 50) // 100), min(_TENTHS, (end_ms + 50) // 100)
    return (1 << last) - (1 << first) if first < last else 0
