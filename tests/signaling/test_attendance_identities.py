"""What holds for every lecture: sums close, rates are rates, neither order nor repetition nor the way of counting changes anything.

`JIANGTANG_EXAMPLES` says how many lectures are tried (default 12).
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signaling.attendance.book import Book
from signaling.attendance.evidence import report_of
from signaling.attendance.frame import Frame
from signaling.attendance.make_up import progress
from signaling.attendance.policy import Result, load_policies
from signaling.attendance.report import Report, Tally, add
from signaling.attendance.tables import TABLES
from signaling.attendance.telling import Teller
from signaling.ledger.events import Entry
from signaling.ledger.reading import Reader, tell
from tests.support.chains import Chains, Written
from tests.support.evidence import BEGIN, END, REGIONS, MadeLecture, facts_of, lecture
from tests.support.roll import ZONE

EXAMPLES = int(os.environ.get("JIANGTANG_EXAMPLES", "12"))
POLICIES = load_policies()
pytestmark = pytest.mark.timeout(120 + 10 * EXAMPLES)
tried = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 1_000_000)
versions = st.sampled_from(sorted(POLICIES))
ages = st.sampled_from([timedelta(minutes=-7), timedelta(hours=1), timedelta(days=1), timedelta(days=20)])


def frame(made: MadeLecture, seed: int, as_of: datetime) -> Frame:
    rng = random.Random(seed)
    able = frozenset(screen for screen in made.class_of if rng.random() < 0.5)
    ended = END if as_of >= END else None
    planned = (BEGIN - timedelta(minutes=rng.choice((0, 3, 500))), 10)
    return Frame(
        made.targets,
        REGIONS,
        made.terminals,
        able,
        audience=rng.choice(("pupils", "pupils", "teachers", "parents")),
        planned=planned,
        started_at=BEGIN,
        ended_at=ended,
        everywhere=frozenset({"522300"}),
    )


def stored(made: MadeLecture, facts: Sequence[Written]) -> list[Entry]:
    entries = Chains(made.class_of).store(facts)
    return sorted(entries, key=lambda entry: (entry.header.node, entry.header.number))


def counted(made: MadeLecture, entries: Sequence[Entry], seed: int, version: int, as_of: datetime) -> Report:
    known = frame(made, seed, as_of)
    book = Book(POLICIES[version], 10, known.able)
    Teller(book, as_of).tell(tell(entries))
    return report_of(book, known, as_of, running=known.ended_at is None)


def tables(report: Report) -> list[object]:
    return [make(report, ("522300", "全州"), ZONE) for make in TABLES.values()]


def everything(report: Report) -> object:
    return (tables(report), [(row.decision, row.tally, row.presence) for row in report.classes])


@tried
@given(seed=seeds, version=versions, age=ages)
def test_sums_close_and_rates_are_rates(seed: int, version: int, age: timedelta) -> None:
    made = lecture(seed, schools=5, windows=90)
    report = counted(made, stored(made, facts_of(made, seed)), seed, version, END + age)
    assert len(report.classes) == len(made.targets)
    for school in report.schools:
        own = [row.tally for row in report.classes if row.target.school_code == school.target.school_code]
        assert sums(school.tally) == sums(add(own))
    for county in report.counties:
        assert county.tally == add(s.tally for s in report.schools if s.target.region_code == county.region.code)
    assert report.total == add(row.tally for row in report.counties)
    below = [row.tally for rows in (report.counties, report.schools, report.classes) for row in rows]
    for tally in [report.total, *below]:
        adds_up(tally)
    for row in report.classes:
        decision = row.decision
        assert decision.ratio is None or 0 <= decision.ratio <= 1
        assert decision.present is None or 0 <= decision.present <= decision.expected
        assert decision.reasons
        assert (decision.result is Result.ABSENT) <= (decision.level == "E0")
    assert_tables_agree(report)


@tried
@given(seed=seeds, age=ages)
def test_what_a_screen_is_told_of_making_up_is_what_the_decision_says(seed: int, age: timedelta) -> None:
    made, as_of = lecture(seed, schools=5, windows=90), END + age
    known = frame(made, seed, as_of)
    book = Book(POLICIES[2], 10, known.able)
    Teller(book, as_of).tell(tell(stored(made, facts_of(made, seed))))
    for row in report_of(book, known, as_of, running=known.ended_at is None).classes:
        decision, told = row.decision, progress(book, known, as_of, row.target.class_id)
        if told is None:
            continue
        assert decision.result is not Result.EXCUSED
        assert (told.live_ms, told.on_air_ms) == (decision.watched_ms, decision.on_air_ms)
        assert told.live_ms <= told.seen_ms <= told.on_air_ms
        assert not (told.due(as_of) and told.done(as_of))
        if told.due(as_of):
            assert not decision.covered
            assert told.unseen_ms is not None
        if told.done(as_of):
            assert decision.result is Result.MADE_UP or decision.pending or decision.corrected


def sums(tally: Tally) -> list[int]:
    names = [name for name in Tally.__dataclass_fields__ if not name.startswith("schools")]
    return [getattr(tally, name) for name in names]


def adds_up(tally: Tally) -> None:
    results = (getattr(tally, result.value) for result in Result)
    assert sum(results) == tally.classes
    assert tally.pending <= tally.unconfirmed
    assert tally.reached <= tally.present <= tally.pupils - tally.excused_pupils
    assert tally.passed <= tally.asked
    assert tally.schools_qualified <= tally.schools_lenient <= tally.schools - tally.schools_excused
    rates: tuple[Fraction | None, ...] = (
        tally.coverage,
        tally.student_coverage,
        tally.school_connection,
        tally.school_qualification,
        tally.lenient_qualification,
    )
    assert all(rate is None or 0 <= rate <= 1 for rate in rates)


def assert_tables_agree(report: Report) -> None:
    one, two, three = (make(report, ("522300", "全州"), ZONE) for make in TABLES.values())
    for table in (one, two, three):
        assert all(len(row) == len(table.columns) for row in table.rows)
    columns = [{column.header: n for n, column in enumerate(table.columns)} for table in (one, two, three)]
    for wide, middle, narrow in (
        ("应播班级数", "应播班级数", None),
        ("应到学生数", "应到", "应到"),
        ("实到学生数", "实到", "实到"),
    ):
        in_one = [int(row[columns[0][wide]] or 0) for row in one.rows]
        in_two = sum(int(row[columns[1][middle]] or 0) for row in two.rows)
        assert in_one[-1] == sum(in_one[:-1]) == in_two
        if narrow is not None:
            assert in_two == sum(int(row[columns[2][narrow]] or 0) for row in three.rows)


@tried
@given(seed=seeds, version=versions, order=st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_anything(seed: int, version: int, order: random.Random) -> None:
    made = lecture(seed, schools=4, windows=90)
    facts = facts_of(made, seed)
    as_of = END + timedelta(days=4)
    expected = everything(counted(made, stored(made, facts), seed, version, as_of))
    again = [*facts, *order.sample(facts, len(facts) // 4)]
    order.shuffle(again)
    assert everything(counted(made, stored(made, again), seed, version, as_of)) == expected


@tried
@given(seed=seeds, version=versions, order=st.randoms(use_true_random=False))
def test_a_fold_that_goes_on_is_the_recount(seed: int, version: int, order: random.Random) -> None:
    made = lecture(seed, schools=4, windows=90)
    facts = facts_of(made, seed)
    order.shuffle(facts)
    entries = Chains(made.class_of).store(facts)  # as nodes commit: in turns
    as_of = END + timedelta(days=4)
    known = frame(made, seed, as_of)
    book, reader = Book(POLICIES[version], 10, known.able), Reader()
    teller = Teller(book)
    for start in range(0, len(entries), 40):
        teller.tell(reader.tell(entries[start : start + 40]))
        report_of(book, known, as_of, running=False)
    running = report_of(book, known, as_of, running=False)
    whole = sorted(entries, key=lambda entry: (entry.header.node, entry.header.number))
    assert everything(running) == everything(counted(made, whole, seed, version, as_of))


@tried
@given(seed=seeds, version=versions)
def test_a_report_as_of_a_time_does_not_know_what_was_recorded_later(seed: int, version: int) -> None:
    made = lecture(seed, schools=3, windows=90)
    facts = facts_of(made, seed)
    then = BEGIN + timedelta(minutes=8)
    before = [one for one in facts if one.recorded_at <= then]
    first = counted(made, stored(made, before), seed, version, then)
    later = counted(made, stored(made, facts), seed, version, then)
    assert everything(later) == everything(first)


@tried
@given(seed=seeds)
def test_version_1_does_not_see_what_version_2_added(seed: int) -> None:
    made = lecture(seed, schools=3, windows=90)
    facts = facts_of(made, seed)
    deliveries = [one for one in facts if one.fact.kind in {"joined", "left", "media_delivered"} and one.boot]
    as_of = END + timedelta(days=30)
    bare = counted(made, stored(made, deliveries), seed, 1, as_of)
    assert everything(counted(made, stored(made, facts), seed, 1, as_of)) == everything(bare)
