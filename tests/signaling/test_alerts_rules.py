"""The rules by a clock that the test moves: what is raised when, what ends it, what goes up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.alerts.rules import Changes, Facts, Key, Known, LectureFacts, Limits, Rule, Schools, changes, wanted

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
LIMITS = Limits(
    duty=timedelta(minutes=30),
    approval=timedelta(hours=24),
    studio=timedelta(minutes=5),
    screens=timedelta(minutes=10),
    escalate=timedelta(minutes=5),
)
LECTURE = LectureFacts("lecture", START, 40, approved=True, on_duty=1, studio=True)
SCHOOLS = Schools({"301": 3, "302": 1}, {"a": "301", "b": "301", "c": "302"})


def minutes(number: float) -> datetime:
    """So many minutes after the start, before it when negative."""
    return START + timedelta(minutes=number)


def facts(*lectures: LectureFacts, disk: str = "ok", failed: int = 0, ledger: str = "ok") -> Facts:
    return Facts("300", lectures, "node-1", disk, failed, ledger)


def rules_at(number: float, lecture: LectureFacts) -> set[str]:
    return {str(key.rule) for key in wanted(minutes(number), facts(lecture), LIMITS)}


class Ledger:
    """Alarms as the database would keep them."""

    def __init__(self) -> None:
        self.known: list[Known] = []

    def round(self, number: float, told: Facts) -> Changes:
        now = minutes(number)
        result = changes(now, told, LIMITS, self.known)
        for key, occasion, alarm in result.raised:
            starts_at = None if alarm.lecture is None else alarm.lecture.starts_at
            name = f"{key.rule}-{key.subject}-{key.node}-{occasion}"
            row = Known(name, key, occasion, alarm.level, alarm.county, starts_at, alarm.count, now, True, False, False)
            self.known.append(row)
        for one, _ in result.cleared:
            self._replace(one, is_open=False)
        for one, count in result.counted:
            self._replace(one, count=count)
        for one, _ in result.escalated:
            self._replace(one, escalated=True)
        return result

    def _replace(self, one: Known, **values: object) -> None:
        self.known = [replace(row, **values) if row.id == one.id else row for row in self.known]  # type: ignore[arg-type]

    def acknowledge(self, rule: str) -> None:
        for one in [row for row in self.known if row.key.rule == rule]:
            self._replace(one, acknowledged=True)


UNWATCHED = replace(LECTURE, on_duty=0)


@pytest.mark.parametrize(
    ("lecture", "number", "raised"),
    [
        (UNWATCHED, -30.1, set()),
        (UNWATCHED, -30, {"no_duty"}),
        (UNWATCHED, 39.9, {"no_duty"}),
        (UNWATCHED, 40, set()),  # its time is over
        (replace(UNWATCHED, state="live"), 50, {"no_duty"}),  # still on the air
        (replace(UNWATCHED, state="ended"), 20, set()),
        (replace(LECTURE, approved=False), -24 * 60 - 1, set()),
        (replace(LECTURE, approved=False), -24 * 60, {"not_approved"}),
        (replace(LECTURE, studio=False), -5.1, set()),
        (replace(LECTURE, studio=False), -5, {"no_studio"}),
        (replace(LECTURE, studio=False, state="open"), -1, {"no_studio"}),
        (replace(LECTURE, studio=False, state="live"), 1, set()),
        (replace(LECTURE, studio=False, approved=False), -1, {"not_approved"}),
        (replace(LECTURE, schools=SCHOOLS), -10.1, set()),
        (replace(LECTURE, schools=SCHOOLS), -10, {"absent"}),
        (replace(LECTURE, schools=SCHOOLS, approved=False), -10, {"not_approved"}),  # schools do not know of it
        (replace(LECTURE, schools=SCHOOLS, state="live"), 1, set()),
        (replace(LECTURE, schools=Schools({"301": 3}, {})), -5, set()),
    ],
)
def test_each_rule_holds_in_its_time(lecture: LectureFacts, number: float, raised: set[str]) -> None:
    assert rules_at(number, lecture) == raised


def test_absent_schools_make_a_reminder_each_and_a_number_above() -> None:
    found = wanted(minutes(-10), facts(replace(LECTURE, schools=SCHOOLS)), LIMITS)
    told = {key.node: (alarm.level, alarm.county, alarm.count, alarm.expected) for key, alarm in found.items()}
    assert told == {
        "a": ("school", "301", 1, 1),
        "b": ("school", "301", 1, 1),
        "c": ("school", "302", 1, 1),
        "301": ("county", "301", 2, 3),
        "302": ("county", "302", 1, 1),
        "300": ("prefecture", "", 3, 4),
    }


def test_an_alarm_is_raised_once_and_cleared_when_somebody_is_on_duty() -> None:
    ledger = Ledger()
    assert [key.rule for key, _, _ in ledger.round(-29, facts(UNWATCHED)).raised] == [Rule.NO_DUTY]
    assert not ledger.round(-28, facts(UNWATCHED))
    (cleared,) = ledger.round(-27, facts(LECTURE)).cleared
    assert (cleared[0].key.rule, cleared[1]) == ("no_duty", "resolved")
    assert not ledger.round(-26, facts(LECTURE))


def test_a_condition_that_comes_back_is_another_occasion() -> None:
    ledger = Ledger()
    ledger.round(-29, facts(UNWATCHED))
    ledger.round(-28, facts(LECTURE))
    ((_, occasion, _),) = ledger.round(-27, facts(UNWATCHED)).raised
    assert occasion == 2


def test_what_nobody_acknowledges_goes_up_exactly_one_level() -> None:
    ledger, absent = Ledger(), facts(replace(LECTURE, schools=SCHOOLS))
    ledger.round(-10, absent)
    assert not ledger.round(-5.1, absent)
    up = {(one.key.node, to) for one, to in ledger.round(-5, absent).escalated}
    assert up == {("a", "301"), ("b", "301"), ("c", "302"), ("301", "300"), ("302", "300"), ("300", "300")}
    assert not ledger.round(-1, absent)


def test_what_was_acknowledged_does_not_go_up() -> None:
    ledger = Ledger()
    ledger.round(-29, facts(UNWATCHED))
    ledger.acknowledge("no_duty")
    assert not ledger.round(-1, facts(UNWATCHED))


def test_a_school_that_comes_and_goes_is_reminded_once() -> None:
    ledger = Ledger()
    there = Schools(SCHOOLS.expected, {"b": "301", "c": "302"})
    ledger.round(-10, facts(replace(LECTURE, schools=SCHOOLS)))
    came = ledger.round(-9, facts(replace(LECTURE, schools=there)))
    assert [(one.key.node, why) for one, why in came.cleared] == [("a", "resolved")]
    assert {(one.key.node, count) for one, count in came.counted} == {("301", 1), ("300", 2)}
    gone = ledger.round(-8, facts(replace(LECTURE, schools=SCHOOLS)))
    assert gone.raised == []
    moved = replace(LECTURE, starts_at=minutes(60), schools=SCHOOLS)
    assert {why for _, why in ledger.round(-7, facts(moved)).cleared} == {"moved"}
    again = ledger.round(50, facts(moved))
    assert {(key.node, occasion) for key, occasion, _ in again.raised} >= {("a", 2), ("b", 2), ("300", 2)}


def test_reminders_end_when_the_lecture_begins() -> None:
    ledger = Ledger()
    ledger.round(-4, facts(replace(LECTURE, schools=SCHOOLS, studio=False)))
    begun = ledger.round(1, facts(replace(LECTURE, state="live")))
    assert {why for _, why in begun.cleared} == {"started"}


def test_time_that_was_slept_through_is_caught_up_but_not_what_is_over() -> None:
    late = Ledger()
    assert [key.rule for key, _, _ in late.round(-2, facts(UNWATCHED)).raised] == [Rule.NO_DUTY]
    over = Ledger()
    over.round(-29, facts(UNWATCHED))
    assert [why for _, why in over.round(60, facts(UNWATCHED)).cleared] == ["over"]
    assert not over.round(61, facts())


def test_a_lecture_that_was_called_off_ends_its_alarms() -> None:
    ledger = Ledger()
    ledger.round(-29, facts(UNWATCHED))
    assert [why for _, why in ledger.round(-28, facts()).cleared] == ["over"]


def test_the_recorder_has_alarms_of_its_own() -> None:
    ledger = Ledger()
    raised = ledger.round(0, facts(disk="low", failed=2)).raised
    assert {(key.rule, key.subject) for key, _, _ in raised} == {("disk", "node-1"), ("uploads", "node-1")}
    assert {why for _, why in ledger.round(1, facts()).cleared} == {"resolved"}


@pytest.mark.parametrize("state", ["journal", "unavailable"])
def test_facts_that_do_not_reach_the_database_are_an_alarm(state: str) -> None:
    ledger = Ledger()
    ((key, _, alarm),) = ledger.round(0, facts(ledger=state)).raised
    assert (key.rule, key.subject, key.node, alarm.level) == ("ledger", "node-1", "300", "prefecture")
    assert not ledger.round(1, facts(ledger=state))
    assert [why for _, why in ledger.round(2, facts()).cleared] == ["resolved"]


FACTS = st.lists(
    st.builds(
        LectureFacts,
        id=st.sampled_from(["x", "y"]),
        starts_at=st.integers(-60, 60).map(minutes),
        minutes=st.just(40),
        approved=st.booleans(),
        state=st.sampled_from(["scheduled", "open", "live", "ended"]),
        on_duty=st.integers(0, 1),
        studio=st.booleans(),
        schools=st.sampled_from([None, SCHOOLS, Schools(SCHOOLS.expected, {"a": "301"})]),
    ),
    max_size=2,
    unique_by=lambda one: one.id,
)


@given(st.lists(st.tuples(st.integers(0, 15), FACTS), max_size=8))
def test_there_is_never_more_than_one_open_alarm_of_a_key_and_what_is_open_is_what_should_be(
    rounds: list[tuple[int, list[LectureFacts]]],
) -> None:
    ledger, number = Ledger(), -60.0
    for step, lectures in rounds:
        number += step
        ledger.round(number, facts(*lectures))
        open_ones = [one.key for one in ledger.known if one.is_open]
        assert len(open_ones) == len(set(open_ones))
        assert set(open_ones) <= set(wanted(minutes(number), facts(*lectures), LIMITS))
        assert not ledger.round(number, facts(*lectures))
        identity = [(one.key, one.occasion) for one in ledger.known]
        assert len(identity) == len(set(identity))
    assert all(isinstance(one.key, Key) for one in ledger.known)
