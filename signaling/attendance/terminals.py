"""Export 11: what each terminal of a lecture got, over which way, and what it is. Pure.

1. **What was not measured is empty, never zero**: a terminal without delivery has no interruption, one without UDP no loss, none counts its
   stalls.
2. A terminal is folded as if it were a class of its own (`TerminalBook`): its interruption is what 02 means by one.
3. What came while a screen had no session, nor had one in the window before (receipts are late), came over HLS.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from signaling.attendance.book import Book
from signaling.attendance.fold import Window
from signaling.attendance.policy import Policy
from signaling.attendance.report import ClassRow, Report
from signaling.attendance.tables import Cell, Column, Kind, Table, minutes
from signaling.ledger import facts

FACTS: Final = frozenset({facts.Kind.JOINED, facts.Kind.LEFT, facts.Kind.MEDIA_DELIVERED})
"""The kinds of facts that are told."""
UDP, HLS = "UDP", "HLS"

Span = tuple[float, float]
"""First window in which a screen had a session, and the last in which its receipts may be."""


@dataclass(frozen=True, slots=True)
class Device:
    """What the inventory knows of a screen; `engine` is what its browser says that it is. `paired`: it is not revoked."""

    screen_id: str
    class_id: str
    number: int
    agent: str
    engine: str
    paired: bool


@dataclass(slots=True)
class Received:
    """What a screen acknowledged over UDP, in packets, and the ways on which it got anything."""

    packets: int = 0
    lost: int = 0
    ways: set[str] = field(default_factory=set)
    interrupted_ms: int | None = None

    def take(self, count: _Count) -> None:
        """Add what came by one node."""
        self.packets += count.packets
        self.lost += min(count.lost, count.packets)
        if count.hls:
            self.ways.add(HLS)


class TerminalBook(Book):
    """A book in which every screen is a class of its own."""

    def __init__(self, policy: Policy, window_seconds: int) -> None:
        super().__init__(policy, window_seconds)
        self.home: dict[str, str | None] = {}  # the class in which a screen stood first
        self._placed: dict[str, tuple[str, int]] = {}
        self._screens: dict[tuple[str, int], str] = {}
        self._rows: dict[tuple[str, int, str, int], Window] = {}

    def number(self, node: str, slot: int, screen_id: str, class_id: str | None) -> None:
        """Take a screen's number and class."""
        super().number(node, slot, screen_id, screen_id)
        self._screens[node, slot] = screen_id
        if (node, slot) <= self._placed.get(screen_id, (node, slot)):
            self._placed[screen_id], self.home[screen_id] = (node, slot), class_id

    def window(self, row: Window) -> None:
        """Take what a node delivered in a window."""
        super().window(row)
        self._rows[row.key] = row

    def received(self) -> dict[str, Received]:
        """Return what every screen got that was there. Raises `DamagedEntry`."""
        spans = self._spans()
        counts: dict[str, dict[int, _Count]] = defaultdict(dict)
        for (node, slot), screen in self._screens.items():
            counts[node][slot] = _Count(screen, spans.get(screen, []))
        for row in self._rows.values():
            _add(row, counts[row.node])
        found: dict[str, Received] = defaultdict(Received)
        for screen in spans:
            found[screen].ways.add(UDP)
        for one in (one for of_node in counts.values() for one in of_node.values()):
            if one.packets or one.hls:
                found[one.screen].take(one)
        for screen, delivery in self.folded().classes.items():
            found[screen].interrupted_ms = delivery.interrupted_ms
        return dict(found)

    def _spans(self) -> dict[str, list[Span]]:
        """Return the windows of each screen's sessions; a beginning or an end that is missing is open."""
        found: dict[str, list[Span]] = defaultdict(list)
        for one in self.stays.seen():
            first = float("-inf") if one.joined_at is None else one.joined_at.timestamp() // self.window_seconds
            last = float("inf") if one.left_at is None else one.left_at.timestamp() // self.window_seconds
            found[one.screen_id].append((first, last + 1))  # receipts are late
        return found


@dataclass(slots=True)
class _Count:
    """What a screen acknowledged on one node. `first` and `last` are those of its longest span, which nearly every row lies in."""

    screen: str
    spans: Sequence[Span]
    packets: int = 0
    lost: int = 0
    hls: bool = False
    first: float = 1
    last: float = 0

    def __post_init__(self) -> None:
        if self.spans:
            self.first, self.last = max(self.spans, key=lambda span: span[1] - span[0])


def _add(row: Window, counts: Mapping[int, _Count]) -> None:
    """Add a row; a prefecture's lecture has four million numbers to add."""
    published, number, columns = row.published, row.number, row.columns
    for slot, deficit, lost in zip(columns.slots, columns.deficits, columns.losses, strict=True):
        one = counts.get(slot)
        if one is None or deficit >= published:
            continue
        if one.first <= number <= one.last or any(first <= number <= last for first, last in one.spans):
            one.packets += published - deficit
            one.lost += lost
        else:
            one.hls = True


COLUMNS: Final = (
    Column("学校标识码", Kind.TEXT, 12),
    Column("学校", Kind.TEXT, 26),
    Column("班级代码", Kind.TEXT, 14),
    Column("班级", Kind.TEXT, 16),
    Column("终端", width=8),
    Column("系统", Kind.TEXT, 14),
    Column("浏览器", Kind.TEXT, 14),
    Column("丢包", Kind.PERCENT),
    Column("卡顿次数"),
    Column("中断分钟", Kind.DECIMAL),
    Column("回退方式", Kind.TEXT, 12),
)


def terminal_table(
    report: Report, devices: Iterable[Device], received: Mapping[str, Received], home: Mapping[str, str | None]
) -> Table:
    """Return 11: the terminals of expected classes that were there or are paired; `home` says where each stood during the lecture."""
    by_class: dict[str, list[Device]] = defaultdict(list)
    for one in devices:
        if one.paired or one.screen_id in received:
            by_class[home.get(one.screen_id) or one.class_id].append(one)
    rows = [
        _cells(row, one, received.get(one.screen_id, NOTHING))
        for row in report.classes
        for one in sorted(by_class.get(row.target.class_id, ()), key=lambda device: (device.number, device.screen_id))
    ]
    return Table("11", "设备与网络故障表", COLUMNS, rows)


NOTHING: Final = Received()


def _cells(row: ClassRow, device: Device, got: Received) -> tuple[Cell, ...]:
    target = row.target
    return (
        target.school_code,
        target.school_name,
        target.code,
        target.name,
        device.number,
        system(device.agent),
        device.engine or None,
        round(got.lost / got.packets, 4) if got.packets else None,
        None,  # no screen counts its stalls
        None if got.interrupted_ms is None else minutes(got.interrupted_ms),
        "、".join(way for way in (UDP, HLS) if way in got.ways) or None,
    )


SYSTEMS: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"Windows NT 6\.1", "Windows 7"),
        (r"Windows NT 6\.[23]", "Windows 8"),
        (r"Windows NT 10\.0", "Windows 10/11"),
        (r"Windows", "Windows"),
        (r"OpenHarmony|HarmonyOS", "HarmonyOS"),
        (r"Android (\d+)", r"Android \1"),
        (r"iPhone|iPad", "iOS"),
        (r"Macintosh", "macOS"),
        (r"CrOS", "ChromeOS"),
        (r"Linux", "Linux"),
    )
)
"""What a User-Agent says of the system, first match first; Windows 11 calls itself 10."""


def system(agent: str) -> str | None:
    """Return the system that a User-Agent names, None when it names none that is known."""
    for pattern, name in SYSTEMS:
        found = pattern.search(agent)
        if found is not None:
            return found.expand(name)
    return None
