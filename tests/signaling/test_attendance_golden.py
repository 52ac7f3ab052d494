"""What version 1 of the policy gave stays what it gives, to the letter: documents, tables and notes of lectures with everything wrong in one.

The files were written when version 1 was the only one. They are never written again.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from signaling.attendance.api import note
from signaling.attendance.book import Book
from signaling.attendance.document import document
from signaling.attendance.evidence import report_of
from signaling.attendance.exports import checksum, to_csv
from signaling.attendance.frame import Frame
from signaling.attendance.policy import load_policy
from signaling.attendance.report import LectureReport
from signaling.attendance.tables import TABLES
from tests.support.evidence import BEGIN, REGIONS, lecture, tell

GOLDEN = Path(__file__).parent / "golden"
ZONE = timezone(timedelta(hours=8))


def printed(seed: int, rng: random.Random | None) -> bytes:
    made = lecture(seed)
    book = Book(load_policy(1), 10)
    tell(made, book, rng)
    running = seed == 4
    frame = Frame(made.targets, REGIONS, made.terminals)
    report = report_of(book, frame, BEGIN, running=running)
    ended = None if running else BEGIN + timedelta(minutes=15)
    state, as_of = "live" if running else "ended", BEGIN + timedelta(hours=1)
    whole = LectureReport("lecture-1", "识毒与防毒", state, BEGIN, ended, as_of, ("522300", "黔西南州"), report)
    parts = [json.dumps(document(whole), ensure_ascii=False, indent=1).encode()]
    for number in ("01", "02", "03"):
        table = TABLES[number](report, whole.unit, ZONE)
        lines = note(whole, table, "制表人", ZONE).lines
        parts += [checksum(table).encode(), to_csv(table), "\n".join(map("\t".join, lines)).encode()]
    return b"\n".join(parts) + b"\n"


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("shuffled", [False, True])
def test_version_1_gives_what_it_always_gave(seed: int, shuffled: bool) -> None:
    golden = (GOLDEN / f"attendance_policy_1_seed_{seed}.txt").read_bytes()
    assert printed(seed, random.Random(seed) if shuffled else None) == golden
