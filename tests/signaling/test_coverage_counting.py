"""What a term comes to: identities that hold whatever happened, and the rules one by one."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.coverage.counting import Facts, Held, Place, Seat, TermCoverage, count
from signaling.coverage.obligations import FILE, Kind, load_obligations
from signaling.coverage.results import CREDITED, ClassResult, SchoolResults
from signaling.coverage.sums import FOUR, Cell, State, Totals, add, cells_of

EXAMPLES = int(os.environ.get("JIANGTANG_EXAMPLES", "40"))
RULES = load_obligations(1)
NOON = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
RESULTS = ("qualified", "unconfirmed", "partial", "failed", "absent", "made_up", "excused")
KINDS = (Kind.PUPILS, Kind.PARENTS, Kind.TEACHERS)


def held(*kinds: Kind) -> dict[str, Held]:
    lectures = (Held(f"l{n}", kind, NOON + timedelta(days=n)) for n, kind in enumerate(kinds))
    return {one.lecture_id: one for one in lectures}


def result(lecture: str, *classes: ClassResult, school: str = "s1", region: str = "r1") -> SchoolResults:
    return SchoolResults(lecture, school, region, classes)


def facts(results: list[SchoolResults], *, kinds: tuple[Kind, ...] = (Kind.PUPILS, Kind.PUPILS), **other: Any) -> Facts:
    seats = other.pop("seats", [Seat("c1", "一(1)班", "s1", "r1", 40, True)])
    return Facts([Place("s1", "甲校", "r1"), Place("s2", "乙校", "r1")], seats, held(*kinds), results, **other)


def only(counted: TermCoverage, school: str = "s1") -> Totals:
    return next(one.totals for one in counted.schools if one.place.code == school)


@st.composite
def terms(draw: st.DrawFn) -> Facts:
    schools = [Place(f"s{n}", f"校{n}", f"r{n % 3}") for n in range(draw(st.integers(1, 3)))]
    size = st.integers(0, 60)
    seats = [
        Seat(f"{place.code}c{n}", f"{n}班", place.code, place.region_code, draw(size), draw(st.booleans()))
        for place in schools
        for n in range(draw(st.integers(0, 3)))
    ]
    lectures = held(*draw(st.lists(st.sampled_from(KINDS), max_size=3)))
    results = []
    for lecture in lectures:
        for place in schools:
            mine = [seat for seat in seats if seat.school_code == place.code and draw(st.booleans())]
            rows = [
                ClassResult(
                    seat.class_id, draw(st.sampled_from(RESULTS)), draw(size), draw(st.none() | st.integers(0, 90))
                )
                for seat in mine
            ]
            results.append(SchoolResults(lecture, place.code, place.region_code, rows))
    staff = {place.code: draw(st.integers(0, 30)) for place in schools}
    trained = {code: draw(st.integers(0, number)) for code, number in staff.items()}
    homes = {(lecture, seat.class_id): draw(st.integers(0, 90)) for lecture in lectures for seat in seats[:2]}
    return Facts(schools, seats, lectures, results, homes, staff, trained)


@settings(max_examples=EXAMPLES)
@given(terms())
def test_sums_close_and_shares_lie_within_the_whole(made: Facts) -> None:
    counted = count(RULES, made)
    for school in counted.schools:
        totals = school.totals
        assert totals.classes == len(school.classes)
        states = [one.state for one in school.classes]
        assert sum(states.count(state) for state in State) == totals.classes
        assert states.count(State.NONE) == totals.classes_excused
        assert states.count(State.DONE) == totals.classes_done
        for one in school.classes:
            assert 0 <= one.present <= one.pupils or one.excused
            assert 0 <= one.reached <= one.households
        assert all(0 <= cell.done <= cell.of for cell in school.cells.values())
    regions = {school.place.region_code for school in counted.schools}
    by_region = [add(one.totals for one in counted.schools if one.place.region_code == code) for code in regions]
    total = add(one.totals for one in counted.schools)
    assert add(by_region) == total
    assert total.classes == len({one.class_id for school in counted.schools for one in school.classes})
    assert all(0 <= cell.done <= cell.of for cell in cells_of(RULES, total).values())


@settings(max_examples=EXAMPLES)
@given(terms(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(made: Facts, random: Any) -> None:
    results = list(made.results)
    mixed = results[:]
    mixed += results[:2]
    random.shuffle(mixed)
    assert count(RULES, replace(made, results=mixed)) == count(RULES, replace(made, results=results))


@settings(max_examples=EXAMPLES)
@given(terms(), st.sampled_from(RESULTS), st.none() | st.integers(0, 90))
def test_another_lecture_never_takes_away_nor_lifts_above_the_whole(
    made: Facts, outcome: str, present: int | None
) -> None:
    before = count(RULES, made)
    lectures = {**made.held, "more": Held("more", Kind.PUPILS, NOON - timedelta(days=1))}
    rows = [ClassResult(seat.class_id, outcome, max(seat.pupils, 1), present) for seat in made.seats[:1]]
    more = [SchoolResults("more", made.seats[0].school_code, made.seats[0].region_code, rows)] if rows else []
    after = count(RULES, replace(made, held=lectures, results=[*made.results, *more]))
    old = {one.class_id: one for school in before.schools for one in school.classes}
    for one in (one for school in after.schools for one in school.classes):
        was = old[one.class_id]
        assert one.held >= was.held
        if not was.excused and not one.excused and was.pupils and one.pupils:
            assert Fraction(was.present, was.pupils) <= Fraction(one.present, one.pupils) <= 1


def test_the_best_lecture_counts_and_not_the_sum() -> None:
    twice = [
        result("l0", ClassResult("c1", "qualified", 40, 30)),
        result("l1", ClassResult("c1", "qualified", 40, 36)),
    ]
    totals = only(count(RULES, facts(twice)))
    assert (totals.present, totals.pupils, totals.classes_done) == (36, 40, 1)


def test_an_unconfirmed_lecture_covers_the_class_and_no_pupil() -> None:
    totals = only(count(RULES, facts([result("l0", ClassResult("c1", "unconfirmed", 40, None))])))
    assert (totals.classes_done, totals.present, totals.pupils) == (1, 0, 40)


@pytest.mark.parametrize("outcome", sorted(set(RESULTS) - CREDITED))
def test_a_number_counts_only_with_a_credited_result(outcome: str) -> None:
    totals = only(count(RULES, facts([result("l0", ClassResult("c1", outcome, 40, 40))])))
    assert (totals.classes_done, totals.present) == (0, 0)


def test_a_class_that_was_only_excused_leaves_the_denominators() -> None:
    excused = result("l0", ClassResult("c1", "excused", 40, None))
    counted = count(RULES, facts([excused]))
    totals, cells = only(counted), counted.schools[0].cells
    assert (totals.classes, totals.classes_excused, totals.pupils, totals.schools_excused) == (1, 1, 0, 1)
    assert cells["lessons"] == Cell(0, 0, State.NONE, lenient=True)
    missed = result("l1", ClassResult("c1", "absent", 40, None))
    again = only(count(RULES, facts([excused, missed])))
    assert (again.classes_excused, again.pupils, again.classes_done) == (0, 40, 0)


def test_a_class_without_a_roll_stays_in_the_denominator() -> None:
    seats = [Seat("c1", "一(1)班", "s1", "r1", 38, False)]
    totals = only(count(RULES, facts([], seats=seats)))
    assert (totals.pupils, totals.classes_unrolled, totals.classes) == (38, 1, 1)


def test_the_latest_frozen_list_decides_where_a_class_belongs() -> None:
    moved = [
        result("l1", ClassResult("c1", "absent", 41, None), school="s2"),
        result("l0", ClassResult("c1", "qualified", 40, 40), school="s1"),
    ]
    counted = count(RULES, facts(moved))
    assert [only(counted, code).classes for code in ("s1", "s2")] == [0, 1]
    assert only(counted, "s2").present == 40


def test_a_closed_school_that_had_a_lecture_is_counted() -> None:
    counted = count(RULES, facts([result("l0", ClassResult("c9", "qualified", 20, 20), school="s9", region="r2")]))
    assert only(counted, "s9").present == 20
    assert counted.schools[-1].place.region_code == "r2"


def test_households_are_the_best_of_meeting_and_home() -> None:
    met = [result("l0", ClassResult("c1", "qualified", 40, 15)), result("l1", ClassResult("c1", "absent", 40, None))]
    kinds = (Kind.PARENTS, Kind.PARENTS)
    alone = only(count(RULES, facts(met, kinds=kinds)))
    assert (alone.reached, alone.households, alone.parents_classes_done) == (15, 40, 0)
    home = only(count(RULES, facts(met, kinds=kinds, homes={("l1", "c1"): 21})))
    assert (home.reached, home.parents_classes_done) == (21, 1)
    crowd = only(count(RULES, facts(met, kinds=kinds, homes={("l1", "c1"): 400})))
    assert (crowd.reached, crowd.households) == (40, 40)


def test_a_lecture_that_does_not_count_counts_nothing() -> None:
    totals = only(count(RULES, facts([result("elsewhere", ClassResult("c1", "qualified", 40, 40))])))
    assert (totals.classes_done, totals.present) == (0, 0)


def test_all_four_make_a_school_done() -> None:
    lessons = [
        result("l0", ClassResult("c1", "qualified", 40, 40)),
        result("l1", ClassResult("c1", "qualified", 40, 40)),
    ]
    done = count(RULES, facts(lessons, kinds=(Kind.PUPILS, Kind.PARENTS), staff={"s1": 3}, trained={"s1": 3}))
    assert {name: done.schools[0].cells[name].state for name in FOUR} == dict.fromkeys(FOUR, State.DONE)
    assert (only(done).done_four, only(done, "s2").done_four) == (1, 0)
    short = count(RULES, facts(lessons, kinds=(Kind.PUPILS, Kind.PARENTS), staff={"s1": 100}, trained={"s1": 99}))
    assert only(short).done_four == 0
    assert short.schools[0].cells["teachers"].ratio == Fraction(99, 100)
    assert short.schools[0].cells["teachers"].lenient


def test_totals_are_added_field_by_field() -> None:
    one = Totals(**{field.name: number for number, field in enumerate(fields(Totals), 1)})
    assert add([one, one]) == Totals(*(2 * getattr(one, field.name) for field in fields(Totals)))
    assert add([]) == Totals()


def altered(tmp_path: Path, old: str, new: str) -> Path:
    path = tmp_path / "obligations.toml"
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("strict_ratio = 1.00", "strict_ratio = 1.50", r"ratios lie in"),
        ("lenient_ratio = 0.80", "lenient_ratio = 0.00", r"ratios lie in"),
        ("lesson_minutes = 45", "lesson_minutes = 0", r"a lesson has a minute"),
        ("assessment = false", "assessment = true", r"are there when assessments are counted"),
        ("parents = 1", "guests = 1", r"`minimum` needs pupils, teachers, parents, assessment"),
        ("version = 1", "version = 9", r"no version 1"),
    ],
)
def test_a_file_that_says_something_impossible_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_obligations(1, altered(tmp_path, old, new))
