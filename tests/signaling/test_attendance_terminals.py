"""Export 11: loss, interruption and way of each terminal, from facts as the ledger stores them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from signaling.attendance.book import Book
from signaling.attendance.evidence import report_of
from signaling.attendance.frame import Frame, Target
from signaling.attendance.policy import load_policy
from signaling.attendance.report import Report
from signaling.attendance.telling import Teller
from signaling.attendance.terminals import COLUMNS, Device, TerminalBook, system, terminal_table
from signaling.ledger.events import Entry
from signaling.ledger.facts import Fact, Joined, Left, MediaDelivered
from signaling.ledger.reading import tell
from tests.support.chains import Chains, Written
from tests.support.evidence import BEGIN, FIRST, LECTURE, REGIONS

HEADS = [column.header for column in COLUMNS]
CLASS_OF = {"udp": "c1", "hls": "c1", "both": "c2", "idle": "c2", "gone": "c2", "away": "c9"}
TARGETS = [
    Target(f"c{n}", f"2024-21-{n:02}", f"三年级（{n}）班", "2152230101", "第一小学", "21", "121", "522301", 45)
    for n in (1, 2, 3)
]
CHROME = "Mozilla/5.0 (Windows NT 6.1; Win64) AppleWebKit/537.36 Chrome/109.0.0.0 Safari/537.36"


def entries() -> list[Entry]:
    """Twelve windows on the air: `udp` is there for nine of them and loses packets, `both` goes over to HLS, `away` is of no expected class."""
    at = [BEGIN + timedelta(seconds=10 * number) for number in range(13)]
    facts: list[Fact] = [
        Joined("s-udp", "udp", "c1", at[0], "boot"),
        Left("s-udp", "udp", "c1", at[9], "closed"),
        Joined("s-both", "both", "c2", at[0], "boot"),
        Left("s-both", "both", "c2", at[4], "consent_lost"),
        Joined("s-idle", "idle", "c2", at[0], "boot"),
        Joined("s-away", "away", "c9", at[0], "boot"),
    ]
    for number in range(12):
        rows = [("hls", 1000, 0), ("both", 1000, 0), ("away", 1000, 500)]
        rows += [("udp", 1000, 20)] if number < 9 else []
        facts.append(MediaDelivered(FIRST + number, 0, 1000, 10_000, tuple(rows)))
    return Chains(CLASS_OF).store(Written("node-1", "boot", BEGIN, LECTURE, fact) for fact in facts)


def device(screen: str, number: int, **more: Any) -> Device:
    made: dict[str, Any] = {"agent": CHROME, "engine": "Chromium 109", "paired": True} | more
    return Device(screen, CLASS_OF.get(screen, "c3"), number, **made)


DEVICES = [
    device("hls", 2, agent="", engine=""),
    device("udp", 1),
    device("both", 1, paired=False),
    device("idle", 2),
    device("gone", 3, paired=False),
    device("never", 1),
]


def report(version: int) -> Report:
    book = Book(load_policy(version), 10)
    Teller(book).tell(tell(entries()))
    return report_of(book, Frame(TARGETS, REGIONS), BEGIN, running=False)


@pytest.mark.parametrize("version", [1, 2])
def test_each_terminal_has_what_it_got_itself(version: int) -> None:
    book = TerminalBook(load_policy(version), 10)
    Teller(book).tell(tell(entries()))
    table = terminal_table(report(version), DEVICES, book.received(), book.home)
    rows = {(row["班级"], row["终端"]): row for row in (dict(zip(HEADS, cells, strict=True)) for cells in table.rows)}
    measured = {place: (row["丢包"], row["卡顿次数"], row["中断分钟"], row["回退方式"]) for place, row in rows.items()}
    assert measured == {
        ("三年级（1）班", 1): (0.02, None, 0.5, "UDP"),
        ("三年级（1）班", 2): (None, None, 0.0, "HLS"),
        ("三年级（2）班", 1): (0.0, None, 0.1, "UDP、HLS"),  # the window in which the session ended
        ("三年级（2）班", 2): (None, None, None, "UDP"),
        ("三年级（3）班", 1): (None, None, None, None),
    }
    known, unknown = rows["三年级（1）班", 1], rows["三年级（1）班", 2]
    assert (known["系统"], known["浏览器"]) == ("Windows 7", "Chromium 109")
    assert (unknown["系统"], unknown["浏览器"]) == (None, None)


def test_a_screen_that_moved_since_stands_where_it_was() -> None:
    book = TerminalBook(load_policy(1), 10)
    Teller(book).tell(tell(entries()))
    moved = Device("udp", "c3", 4, "", "", True)
    table = terminal_table(report(1), [moved], book.received(), book.home)
    assert [row[:5] for row in table.rows] == [("2152230101", "第一小学", "2024-21-01", "三年级（1）班", 4)]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Windows 7"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Windows 10/11"),
        ("Mozilla/5.0 (Linux; Android 9; SeewoPad)", "Android 9"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
        ("curl/8.0", None),
        ("", None),
    ],
)
def test_the_system_is_read_off_the_agent(agent: str, name: str | None) -> None:
    assert system(agent) == name
