"""Which version of the policy holds for a lecture: the one that was in force when it opened, for its checks and for every settling."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from signaling.attendance.policy import UnknownPolicy
from signaling.db.engine import Database
from signaling.lectures.models import Lecture
from signaling.ledger import reading
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Header
from signaling.ledger.facts import Confirmed, Corrected, Kind, Ruled
from signaling.ledger.roster import Roster
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.support.attending import END, FIRST, SECOND, A, Attending, C
from tests.support.policies import own_policy
from tests.support.roll import EVERYTHING, LECTURE, at, changed, database, populate

SCHOOLS = [(FIRST, "522301", "第一小学", 2), (SECOND, "522302", "中学", 1)]


def confirmed(class_id: str, present: int, when: datetime) -> Confirmed:
    return Confirmed(class_id, "", 45, present, 0, "room", when, 1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, SCHOOLS)
    yield made
    await made.close()


@pytest.fixture
def third(tmp_path: Path) -> dict[str, object]:
    """Return the settings of a prefecture whose own third version is in force: other checks, and a confirmation within two hours."""
    numbers = {"every_minutes": 5, "closes_after_hours": 2, "audiences": ["pupils", "teachers"]}
    file = own_policy(tmp_path, 3, **numbers)
    return {"policy": 3, "policies_file": str(file)}


async def ruled(server: Attending) -> list[int]:
    found = [told.fact async for told in server.ledger.facts(LECTURE, {Kind.RULED})]
    return [fact.version for fact in found if isinstance(fact, Ruled)]


async def versions(server: Attending) -> set[int]:
    return {one.policy_version for one in (await server.settled()).values()}


async def test_a_lecture_goes_by_the_version_of_its_opening_whatever_comes_in_force_later(
    db: Database, tmp_path: Path, third: dict[str, object]
) -> None:
    before = Attending(db, tmp_path)
    await before.attendance.handle(changed(Event.OPEN, State.SCHEDULED, -600))
    after = Attending(db, tmp_path, before.clock, boot="boot-2", changes=third)
    await after.ledger.start()
    rules = await after.attendance.reports.policies.credit(LECTURE)
    assert rules is not None
    assert (rules.checks.every_minutes, rules.confirmation.closes_after_hours) == (15, 24)
    await after.lecture(A, C)
    after.clock.now = END + timedelta(hours=3)
    await after.tell(confirmed(A, 43, after.clock.now))  # in time by the second version alone
    assert await after.round() == [LECTURE]
    assert await versions(after) == {2}
    assert (await after.settled())[FIRST].tally.present == 43
    made = await after.report()
    assert made.report.policy.version == 2
    other = await after.attendance.report(LECTURE, EVERYTHING, "522300", policy=3)
    assert other is not None
    assert other.report.policy.version == 3
    assert await ruled(after) == [2]
    await after.ledger.stop()


async def test_a_correction_a_month_later_is_judged_as_the_lecture_was(
    db: Database, tmp_path: Path, third: dict[str, object]
) -> None:
    before = Attending(db, tmp_path)
    await before.lecture(A, C)
    before.clock.now = END + timedelta(minutes=5)
    await before.round()
    after = Attending(db, tmp_path, before.clock, boot="boot-2", changes=third)
    after.clock.now += timedelta(days=30)
    await after.ledger.start()
    await after.tell(Corrected("k1", A, "result", "partial", "excused", "exam", "u1", "u2", after.clock.now, None))
    assert await after.round() == [LECTURE]
    assert await versions(after) == {2}
    await after.ledger.stop()


async def test_what_opens_under_a_new_version_is_judged_by_it(
    db: Database, tmp_path: Path, third: dict[str, object]
) -> None:
    server = Attending(db, tmp_path, changes=third)
    await server.attendance.handle(changed(Event.OPEN, State.SCHEDULED, -600))
    await server.lecture(A, C)
    server.clock.now = END + timedelta(minutes=5)
    await server.round()
    assert await versions(server) == {3}
    assert await ruled(server) == [3]


async def test_a_lecture_settled_before_openings_were_written_down_keeps_its_version(
    db: Database, tmp_path: Path, third: dict[str, object]
) -> None:
    old = Attending(db, tmp_path, changes={"policy": 1})
    old.attendance._ruled = nothing  # type: ignore[method-assign,assignment]  # as it was before
    await old.lecture(A, C)
    old.clock.now = END + timedelta(minutes=5)
    await old.round()
    assert await ruled(old) == []
    assert await versions(old) == {1}
    new = Attending(db, tmp_path, old.clock, boot="boot-2", changes=third)
    await new.ledger.start()
    await new.tell(confirmed(A, 43, at(400)))
    await new.round()
    assert await versions(new) == {1}
    await new.ledger.stop()


async def nothing(event: object) -> list[Ruled]:
    return []


async def test_a_version_that_is_gone_is_named_and_costs_no_class_its_evidence(
    db: Database, tmp_path: Path, third: dict[str, object]
) -> None:
    before = Attending(db, tmp_path, changes=third)
    await before.attendance.handle(changed(Event.OPEN, State.SCHEDULED, -600))
    await before.lecture(A, C)
    after = Attending(db, tmp_path, before.clock, boot="boot-2")
    await after.ledger.start()
    with pytest.raises(UnknownPolicy, match=re.escape("there is no policy of version 3")):
        await after.report()
    assert await after.round() == [], "it is left, and keeps no other from being settled"
    rules = await after.attendance.reports.policies.credit(LECTURE)
    assert rules is not None
    assert rules.checks.every_minutes == 15
    await after.ledger.stop()


async def test_an_opening_that_cannot_be_read_keeps_no_class_from_being_asked(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Attending(db, tmp_path)
    await server.attendance.handle(changed(Event.OPEN, State.SCHEDULED, -600))
    whole = reading.decode

    def torn(header: Header, body: bytes, roster: Roster) -> Any:
        return whole(header, body[:-1] if header.kind == Kind.RULED else body, roster)

    monkeypatch.setattr(reading, "decode", torn)
    rules = await server.attendance.reports.policies.credit(LECTURE)
    assert rules is not None
    assert rules.checks.every_minutes == 15
    with pytest.raises(DamagedEntry, match="ruled"):
        await server.attendance.reports.policies.of(LECTURE)


@pytest.mark.parametrize(
    ("minutes", "audience", "marked", "version", "covered"),
    [
        (10, "pupils", True, 2, True),
        (9.99, "pupils", True, 2, False),
        (45, "pupils", False, 2, False),
        (45, "parents", True, 2, True),
        (45, "parents", True, 3, False),
        (9.99, "parents", True, 1, True),
        (45, "pupils", False, 1, False),
        (9.99, "parents", True, 9, True),
    ],
)
async def test_which_lectures_count_for_a_term_says_the_version_that_they_were_settled_by(
    db: Database,
    tmp_path: Path,
    third: dict[str, object],
    minutes: float,
    audience: str,
    marked: bool,
    version: int,
    covered: bool,
) -> None:
    """The third version wants nothing of parents; the first does not speak of it, the ninth is gone."""
    async with db.writing() as session:
        await session.execute(update(Broadcast).values(on_air_seconds=60 * minutes))
        await session.execute(update(Lecture).values(audience_kind=audience, counts=marked))
    policies = Attending(db, tmp_path, changes=third).attendance.reports.policies
    assert await policies.covers(LECTURE, version) is covered
    assert await policies.covers("never held", version)
