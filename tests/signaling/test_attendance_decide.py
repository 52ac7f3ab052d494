"""Version 2 of the policy at its edges: results, reasons, levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from signaling.attendance.decide import decide
from signaling.attendance.judgement import ClassEvidence, Decision, Headcount
from signaling.attendance.policy import Flag, Result, load_policy

POLICY = load_policy(2)
MINUTE = 60_000
START = datetime(2026, 9, 14, 2, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
COUNT = Headcount(43, 0, START + timedelta(minutes=10), "room")


def minutes(number: int) -> int:
    return number * MINUTE


def judged(as_of: datetime = END, **known: Any) -> Decision:
    facts: dict[str, Any] = {"expected": 45, "joined": True, "on_air_ms": minutes(45), "ended_at": END, "checked": True}
    facts |= known
    counted = facts.setdefault("counted_ms", minutes(36))
    facts.setdefault("delivered_ms", counted)
    facts.setdefault("made_up_ms", counted)
    return decide(POLICY, ClassEvidence(**facts), as_of)


def test_a_class_that_has_everything_reads_so() -> None:
    decision = judged(headcount=COUNT, asked=3, passed=2, rendered_ms=minutes(36))
    assert (decision.result, decision.label, decision.covered, decision.level) == (Result.QUALIFIED, "达标", True, "E5")
    assert decision.reason == (
        "有效收看36分钟，占直播45分钟的80.00%，不低于80.00%；在岗核验3次通过2次；教师已确认应到45人、实到43人"
    )
    assert (decision.ratio, decision.expected, decision.present) == (Fraction(4, 5), 45, 43)
    assert (decision.confirmed_by, decision.confirmed_at) == ("room", COUNT.at)


@pytest.mark.parametrize(
    ("counted_ms", "result", "label"),
    [
        (minutes(36), Result.QUALIFIED, "达标"),
        (minutes(36) - 1, Result.PARTIAL, "部分"),
        (minutes(45) // 2, Result.PARTIAL, "部分"),
        (minutes(45) // 2 - 1, Result.FAILED, "未达标"),
        (0, Result.FAILED, "未达标"),
    ],
)
def test_every_border_belongs_to_the_better_side(counted_ms: int, result: Result, label: str) -> None:
    decision = judged(counted_ms=counted_ms, headcount=COUNT)
    assert (decision.result, decision.label) == (result, label)


def test_who_was_never_there_is_absent_and_one_without_a_broadcast_waits() -> None:
    assert judged(joined=False, counted_ms=0).result is Result.ABSENT
    nothing = judged(on_air_ms=0, counted_ms=0)
    assert (nothing.result, nothing.ratio) == (Result.FAILED, None)
    assert nothing.reason == "本场尚无直播时间，暂按未达标列出"


@pytest.mark.parametrize(
    ("hours", "label", "covered", "pending"),
    [(23.9999, "待确认", False, True), (24, "达标(未确认)", True, False), (500, "达标(未确认)", True, False)],
)
def test_without_a_head_count_a_class_waits_a_day_and_then_counts_without_pupils(
    hours: float, label: str, covered: bool, pending: bool
) -> None:
    decision = judged(END + timedelta(hours=hours))
    assert (decision.result, decision.label) == (Result.UNCONFIRMED, label)
    assert (decision.covered, decision.pending, decision.present) == (covered, pending, None)


def test_while_the_lecture_runs_a_class_waits() -> None:
    assert judged(END + timedelta(days=9), ended_at=None).pending


@pytest.mark.parametrize(
    ("asked", "passed", "enough"), [(1, 0, False), (1, 1, True), (2, 1, True), (3, 1, False), (3, 2, True)]
)
def test_presence_checks(asked: int, passed: int, enough: bool) -> None:
    decision = judged(headcount=COUNT, asked=asked, passed=passed)
    assert decision.result is (Result.QUALIFIED if enough else Result.PARTIAL)
    assert f"在岗核验{asked}次通过{passed}次" in decision.reason
    assert decision.level == ("E5" if enough else "E4")
    assert judged(headcount=COUNT, asked=asked, passed=passed, checked=False).result is Result.QUALIFIED


def test_a_failed_check_is_not_made_up_by_a_replay_of_what_was_seen() -> None:
    decision = judged(headcount=COUNT, asked=3, passed=0, made_up_ms=minutes(45))
    assert decision.result is Result.PARTIAL
    assert "少于应通过的2次" in decision.reason


def test_a_replay_makes_up_what_was_missed_and_needs_a_head_count_too() -> None:
    late = Headcount(40, 0, END + timedelta(days=3), "u1")
    missed = {"counted_ms": minutes(20), "made_up_ms": minutes(36)}
    made_up = judged(END + timedelta(days=4), **missed, late_headcount=late)
    assert (made_up.result, made_up.label, made_up.present) == (Result.MADE_UP, "补看达标", 40)
    assert "补看后有效收看36分钟，占直播45分钟的80.00%" in made_up.reason
    waits = judged(END + timedelta(days=13), **missed)
    assert (waits.result, waits.label, waits.covered) == (Result.UNCONFIRMED, "待确认", False)
    over = judged(END + timedelta(days=14), **missed)
    assert (over.result, over.covered) == (Result.FAILED, False)
    assert "14天内未经教师确认" in over.reason
    short = judged(counted_ms=minutes(20), made_up_ms=minutes(36) - 1, late_headcount=late)
    assert short.result is Result.FAILED
    assert "仍低于80.00%" in short.reason


def test_a_fault_takes_its_minutes_out_and_excuses_from_half_on() -> None:
    out = judged(counted_ms=minutes(28), excused_ms=minutes(10), excused_causes=("power",), headcount=COUNT)
    assert (out.result, out.ratio) == (Result.QUALIFIED, Fraction(28, 35))
    assert "因停电从直播45分钟中扣除10分钟" in out.reason
    half = judged(counted_ms=minutes(10), on_air_ms=minutes(40), excused_ms=minutes(20), excused_causes=("power",))
    assert (half.result, half.label, half.present) == (Result.EXCUSED, "免计", None)
    assert half.reason == "因停电无法收看20分钟，占直播40分钟的50.00%，不低于50.00%，免计"
    less = judged(counted_ms=minutes(11), on_air_ms=minutes(40), excused_ms=minutes(20) - 1, excused_causes=("power",))
    assert less.result is Result.PARTIAL
    absent = judged(joined=False, counted_ms=0, excused_ms=minutes(45), excused_causes=("closed", "exam"))
    assert (absent.result, "停课、考试" in absent.reason) == (Result.EXCUSED, True)


def test_who_makes_up_a_fault_has_made_it_up_and_never_exceeds_the_whole() -> None:
    known = {"counted_ms": minutes(15), "excused_ms": minutes(30), "excused_causes": ("power",)}
    decision = judged(**known, made_up_ms=minutes(45), recovered_ms=minutes(30), late_headcount=COUNT)
    assert (decision.result, decision.ratio) == (Result.MADE_UP, Fraction(1, 3))
    assert "占直播45分钟的100.00%" in decision.reason


def test_lost_minutes_are_told_with_their_causes() -> None:
    decision = judged(counted_ms=minutes(20), delivered_ms=minutes(45), lost=(minutes(15), minutes(9), 0, minutes(1)))
    assert decision.reasons[1:] == ("声音关闭15分钟不计", "画面未显示9分钟不计", "终端未回报播放1分钟不计")
    assert decision.result is Result.FAILED


def test_present_never_exceeds_expected() -> None:
    decision = judged(headcount=Headcount(60, 20, COUNT.at))
    assert decision.present == 45


def test_corrections_change_numbers_and_results_and_are_told() -> None:
    decision = judged(corrections={"present": "44", "expected": "46"})
    assert (decision.result, decision.present, decision.expected, decision.corrected) == (
        Result.QUALIFIED,
        44,
        46,
        True,
    )
    assert decision.reasons[-1] == "已更正：应到46、实到44"
    excused = judged(corrections={"result": "excused"}, headcount=COUNT)
    assert (excused.result, excused.present, excused.reasons) == (Result.EXCUSED, None, ("已更正：结果免计",))
    assert judged(corrections={"present": "many"}, headcount=COUNT).present == 43


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({"joined": False, "counted_ms": 0}, "E0"),
        ({"counted_ms": 0}, "E1"),
        ({"counted_ms": 0, "headcount": COUNT}, "E1"),
        ({}, "E2"),
        ({"rendered_ms": MINUTE}, "E3"),
        ({"rendered_ms": MINUTE, "headcount": COUNT}, "E4"),
        ({"asked": 1, "passed": 1}, "E5"),
        ({"asked": 1, "passed": 1, "checked": False}, "E2"),
    ],
)
def test_nothing_lies_above_e1_without_delivery(known: dict[str, Any], level: str) -> None:
    assert judged(**known).level == level


def test_flags_change_nothing_but_are_kept() -> None:
    plain, flagged = judged(headcount=COUNT), judged(headcount=COUNT, flags=(Flag.TWO_SCREENS,))
    assert (plain.result, plain.reasons) == (flagged.result, flagged.reasons)
    assert flagged.flags == (Flag.TWO_SCREENS,)


def test_no_reason_names_who_confirmed() -> None:
    decision = judged(headcount=Headcount(43, 0, COUNT.at, "user-17"))
    assert "user-17" not in decision.reason
