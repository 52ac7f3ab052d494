"""The results that coverage takes from settled decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from signaling.attendance.decisions_service import DecisionsService
from signaling.attendance.judgement import Decision
from signaling.attendance.policy import Result
from signaling.attendance.report import Tally
from signaling.attendance.settled import DamagedDecisions, SettledClass, SettledSchool, brief, pack
from signaling.coverage.results import ClassResult
from signaling.coverage.settled_results import SettledResults
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from tests.support.databases import migrated
from tests.support.results import every_lecture

AT = datetime(2026, 10, 12, 5, tzinfo=UTC)
EVERYTHING = Scope(None)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await migrated(tmp_path / "decisions.sqlite3")
    yield made
    await made.close()


def settled(class_id: str, result: Result, present: int | None, *, pending: bool = False) -> SettledClass:
    decision = Decision(result, "", ("理由",), Fraction(4, 5), 2, "E3", 40, present, pending=pending)
    return SettledClass(class_id, decision, (29_000_000, 29_000_001, 29_000_003))


def school(lecture: str, code: str, region: str, *classes: SettledClass) -> SettledSchool:
    return SettledSchool(lecture, code, region, 2, Tally(schools=1, classes=len(classes)), pack(classes))


async def write(service: DecisionsService, lecture: str, *schools: SettledSchool) -> None:
    about = {"policy_version": 2, "cause": "ended", "stamp": "s", "as_of": AT, "frame": b"f"}
    await service.write(lecture, schools, **about)  # type: ignore[arg-type]


async def test_the_newest_decisions_are_read_and_kept_until_one_is_superseded(db: Database) -> None:
    service = DecisionsService(db)
    results = SettledResults(service, every_lecture)
    assert await results.decisions(["l1"], EVERYTHING) == []
    first = school("l1", "s1", "r1", settled("c1", Result.QUALIFIED, None), settled("c2", Result.ABSENT, None))
    await write(service, "l1", first, school("l1", "s2", "r2", settled("c3", Result.EXCUSED, None)))
    read = await results.decisions(["l1"], EVERYTHING)
    assert [(one.school_code, [row.result for row in one.classes]) for one in read] == [
        ("s1", ["unconfirmed", "absent"]),
        ("s2", ["excused"]),
    ]
    assert [one.school_code for one in await results.decisions(["l1"], Scope(frozenset({"r2"})))] == ["s2"]
    assert (await results.minutes("l1"))["c1"] == (29_000_000, 29_000_001, 29_000_003)
    before = await results.stamps(["l1"])
    await write(service, "l1", school("l1", "s1", "r1", settled("c1", Result.QUALIFIED, 38)))
    assert await results.stamps(["l1"]) != before
    read = await results.decisions(["l1"], EVERYTHING)
    assert read[0].classes == [ClassResult("c1", "qualified", 40, 38)]
    assert await results.minutes("elsewhere") == {}


async def test_as_of_an_earlier_time_later_decisions_are_left_out(db: Database) -> None:
    at = AT
    service = DecisionsService(db, lambda: at)
    await write(service, "l1", school("l1", "s1", "r1", settled("c1", Result.ABSENT, None)))
    at = AT + timedelta(hours=1)
    await write(service, "l1", school("l1", "s1", "r1", settled("c1", Result.QUALIFIED, 38)))
    results = SettledResults(service, every_lecture)
    told = [
        [row.result for one in await results.decisions(["l1"], EVERYTHING, until) for row in one.classes]
        for until in (AT - timedelta(seconds=1), AT, at, None)
    ]
    assert told == [[], ["absent"], ["qualified"], ["qualified"]]
    assert await results.minutes("l1", AT - timedelta(seconds=1)) == {}
    assert "c1" in await results.minutes("l1", AT)


async def test_what_still_waits_for_a_number_is_not_credited_yet(db: Database) -> None:
    service = DecisionsService(db)
    waiting = settled("c1", Result.UNCONFIRMED, None, pending=True)
    await write(service, "l1", school("l1", "s1", "r1", waiting, settled("c2", Result.UNCONFIRMED, None)))
    read = await SettledResults(service, every_lecture).decisions(["l1"], EVERYTHING)
    assert [row.result for row in read[0].classes] == ["pending", "unconfirmed"]


async def never(lecture_id: str, version: int) -> bool:
    return False


async def test_a_lecture_that_its_policy_does_not_count_has_no_results_until_another_decision_counts(
    db: Database,
) -> None:
    service, asked = DecisionsService(db), list[tuple[str, int]]()

    async def covers(lecture_id: str, version: int) -> bool:
        asked.append((lecture_id, version))
        return len(asked) > 1

    results = SettledResults(service, covers)
    await write(service, "l1", school("l1", "s1", "r1", settled("c1", Result.QUALIFIED, 40)))
    assert await results.decisions(["l1"], EVERYTHING) == await results.decisions(["l1"], EVERYTHING) == []
    assert asked == [("l1", 2)], "it is asked once for what is kept"
    none_yet = SettledResults(service, never)
    assert await none_yet.decisions(["l1"], EVERYTHING, datetime.now(UTC)) == []
    await write(service, "l1", school("l1", "s1", "r1", settled("c1", Result.QUALIFIED, 41)))
    assert len(await results.decisions(["l1"], EVERYTHING)) == 1


@pytest.mark.parametrize("packed", [b"", b"\x02x", b"\x01x", pack([])[:-1]])
def test_damaged_decisions_are_told(packed: bytes) -> None:
    with pytest.raises(DamagedDecisions):
        brief(packed)
