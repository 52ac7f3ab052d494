"""What assessments come to: what stands of what was entered, when a class is done, and that nothing else changes."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.coverage.assessments import Entry, Held, counted, standing, wrong
from signaling.coverage.counting import Facts, count
from signaling.coverage.obligations import Kind, load_obligations
from signaling.coverage.results import ClassResult
from signaling.coverage.sums import FOUR, Cell, State, add, cells_of
from tests.signaling.test_coverage_counting import altered, facts, only, result, terms

EXAMPLES = int(os.environ.get("JIANGTANG_EXAMPLES", "40"))
OLD, RULES = load_obligations(2), load_obligations(3)
DAY = date(2026, 10, 12)
KINDS = ("quiz", "survey", "contest", "unheard")


def entry(took_part: int | None, *, revision: int = 1, kind: str = "quiz", day: int = 0, size: int = 40) -> Entry:
    return Entry(Held("c1", kind, DAY + timedelta(days=day)), revision, size, took_part)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """Some revisions of some assessments; one assessment has no revision twice, as the database holds."""
    found: dict[tuple[Held, int], Entry] = {}
    for _ in range(draw(st.integers(0, 12))):
        kind, day = draw(st.sampled_from(KINDS)), DAY + timedelta(days=draw(st.integers(0, 3)))
        size, revision = draw(st.integers(1, 50)), draw(st.integers(1, 3))
        one = Held(f"s{draw(st.integers(0, 2))}c{draw(st.integers(0, 2))}", kind, day)
        found[one, revision] = Entry(one, revision, size, draw(st.none() | st.integers(0, size)))
    return list(found.values())


@settings(max_examples=EXAMPLES)
@given(entries(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(made: list[Entry], random: Any) -> None:
    mixed = [*made, *made[:3]]
    random.shuffle(mixed)
    assert counted(RULES, mixed) == counted(RULES, made)
    assert standing(mixed) == standing(made)
    assert sum(counted(RULES, made).values()) <= len({one.held for one in made})


@settings(max_examples=EXAMPLES)
@given(terms(), entries())
def test_sums_close_and_every_other_coverage_stays(made: Facts, entered: list[Entry]) -> None:
    assessed = replace(made, assessed=counted(RULES, entered))
    before, after = count(OLD, assessed), count(RULES, assessed)
    for was, school in zip(before.schools, after.schools, strict=True):
        assert {name: school.cells[name] for name in FOUR} == dict(was.cells)
        assert replace(
            school.totals, assessed=0, assessed_part=0, done_assessment=0, done_four=0, lenient_four=0
        ) == replace(was.totals, done_four=0, lenient_four=0)
        assert (was.totals.assessed, was.totals.assessed_part, was.totals.done_assessment) == (0, 0, 0)
        assert school.totals.done_four <= was.totals.done_four
        states = [one.assessed_state for one in school.classes]
        assert (states.count(State.DONE), states.count(State.PART)) == (
            school.totals.assessed,
            school.totals.assessed_part,
        )
        assert states.count(State.NONE) == school.totals.classes_excused
        cell = school.cells["assessment"]
        assert 0 <= cell.done == school.totals.assessed <= cell.of == len(states) - states.count(State.NONE)
    regions = {school.place.region_code for school in after.schools}
    counties = [add(one.totals for one in after.schools if one.place.region_code == code) for code in regions]
    whole = add(one.totals for one in after.schools)
    assert add(counties) == whole
    cell = cells_of(RULES, whole)["assessment"]
    assert (cell.done, cell.of) == (
        sum(cells_of(RULES, one)["assessment"].done for one in counties),
        sum(cells_of(RULES, one)["assessment"].of for one in counties),
    )
    assert {name: cells_of(RULES, whole)[name] for name in FOUR} == cells_of(
        OLD, add(one.totals for one in before.schools)
    )


@settings(max_examples=EXAMPLES)
@given(entries(), st.integers(1, 50))
def test_another_assessment_never_takes_away(made: list[Entry], size: int) -> None:
    more = Entry(Held("s0c0", "quiz", DAY + timedelta(days=9)), 1, size, size)
    before, after = counted(RULES, made), counted(RULES, [*made, more])
    assert after == before | {"s0c0": before.get("s0c0", 0) + 1}


@pytest.mark.parametrize(
    ("took_part", "size", "number"), [(32, 40, 1), (31, 40, 0), (40, 40, 1), (0, 40, 0), (4, 5, 1), (0, 0, 0)]
)
def test_enough_of_the_class_have_to_take_part(took_part: int, size: int, number: int) -> None:
    assert counted(RULES, [entry(took_part, size=size)]).get("c1", 0) == number


def test_the_latest_number_stands_and_none_takes_back() -> None:
    low, mended, back = entry(10), entry(40, revision=2), entry(None, revision=3)
    assert counted(RULES, [mended, low]) == {"c1": 1}
    assert counted(RULES, [back, mended, low]) == {}
    assert counted(RULES, [entry(38, revision=4), back, mended, low]) == {"c1": 1}


def test_a_kind_that_the_rules_do_not_know_and_old_rules_count_nothing() -> None:
    assert counted(RULES, [entry(40, kind="unheard")]) == {}
    assert counted(OLD, [entry(40)]) == {}


def test_one_kind_on_one_day_is_one_assessment() -> None:
    assert counted(RULES, [entry(40), entry(39, revision=2), entry(40, kind="survey"), entry(40, day=1)]) == {"c1": 3}


@pytest.mark.parametrize(
    ("size", "took_part", "passed", "code"),
    [
        (40, 40, 40, None),
        (40, 0, None, None),
        (40, None, None, None),
        (40, 41, None, "too_many"),
        (40, 30, 31, "too_many_passed"),
        (40, None, 1, "too_many_passed"),
        (0, 0, None, "no_size"),
    ],
)
def test_numbers_that_cannot_be_are_named(
    size: int, took_part: int | None, passed: int | None, code: str | None
) -> None:
    assert wrong(size, took_part, passed) == code


@pytest.mark.parametrize(
    ("number", "state"), [(0, State.OPEN), (1, State.PART), (3, State.PART), (4, State.DONE), (9, State.DONE)]
)
def test_a_class_is_done_with_four(number: int, state: State) -> None:
    made = count(RULES, facts([], assessed={"c1": number})).schools[0]
    assert (made.classes[0].assessed, made.classes[0].assessed_state) == (number, state)
    done = int(state is State.DONE)
    assert (made.cells["assessment"].done, made.cells["assessment"].of, made.totals.assessed) == (done, 1, done)
    assert made.totals.assessed_part == int(state is State.PART)


def test_a_class_that_was_excused_leaves_the_denominator() -> None:
    excused = result("l0", ClassResult("c1", "excused", 40, None))
    made = count(RULES, facts([excused], assessed={"c1": 4})).schools[0]
    assert made.classes[0].assessed_state is State.NONE
    assert made.cells["assessment"] == Cell(0, 0, State.NONE, lenient=True)


def test_the_four_are_done_with_lessons_and_assessments_both() -> None:
    lessons = [result(one, ClassResult("c1", "qualified", 40, 40)) for one in ("l0", "l1")]
    whole = {"kinds": (Kind.PUPILS, Kind.PARENTS), "staff": {"s1": 3}, "trained": {"s1": 3}}
    without = facts(lessons, **whole)
    assert only(count(OLD, without)).done_four == 1
    assert only(count(RULES, without)).done_four == 0
    both = only(count(RULES, replace(without, assessed={"c1": 4})))
    assert (both.done_four, both.done_assessment, both.lenient_four) == (1, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("participation_ratio = 0.80", "participation_ratio = 1.80", r"`participation_ratio` lies in"),
        ("participation_ratio = 0.80", "", r"are there when assessments are counted"),
        ('quiz = ["考试", "Quiz"]', 'quiz = ["考试"]', r"the kind `quiz`"),
        ("quiz = [", "a_quiz_with_a_long_name = [", r"16 letters at most"),
    ],
)
def test_rules_that_cannot_be_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_obligations(3, altered(tmp_path, old, new))
