"""What is to be looked at: every sign alone, and none where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from signaling.attendance.outliers import Signs, flags
from signaling.attendance.policy import Flag, load_policy
from signaling.ledger.facts import Left
from signaling.ledger.kinds import Reason
from tests.support.attending import FIRST, SECOND, A, Attending, C
from tests.support.policies import own_policy
from tests.support.roll import EVERYTHING, LECTURE, at, database, populate

CREDIT = load_policy(2).credit
assert CREDIT is not None
LIMITS = CREDIT.outliers
AT = datetime(2026, 9, 14, 2, 0, 7, 250_000, tzinfo=UTC)


def found(*classes: dict[str, Any]) -> list[tuple[Flag, ...]]:
    school = {str(n): Signs(**signs) for n, signs in enumerate(classes)}
    flagged = flags(school, LIMITS)
    return [flagged.get(one, ()) for one in school]


@pytest.mark.parametrize(
    ("signs", "flag"),
    [
        ({"present": 46, "expected": 45}, Flag.PRESENT_OVER_EXPECTED),
        ({"answers": (2000, 399)}, Flag.QUICK_ANSWERS),
        ({"unreported_minutes": 5}, Flag.UNRENDERED),
        ({"twice_minutes": 2}, Flag.TWO_SCREENS),
        ({"unproven_minutes": 2}, Flag.UNPROVEN),
        ({"too_fast": True}, Flag.TOO_FAST),
        ({"made_up_ms": 100, "night_ms": 95}, Flag.NIGHT_REPLAY),
    ],
)
def test_a_class_is_flagged_for_what_it_did_alone(signs: dict[str, Any], flag: Flag) -> None:
    other = {"present": 40, "expected": 45, "answers": (1500, 2500), "unreported_minutes": 4, "twice_minutes": 1}
    if flag is Flag.NIGHT_REPLAY:
        other = {}
    assert found(signs, other) == [(flag,), ()]


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        (Reason.BAD_SIGNATURE, Flag.BAD_SIGNATURE),
        (Reason.REPLAYED_COUNTER, Flag.REPLAYED),
        (Reason.FAST_FORWARD, Flag.FAST_FORWARD),
    ],
)
def test_a_refused_report_is_named_with_its_reason(reason: Reason, flag: Flag) -> None:
    assert found({"refused": {reason.value: 1}}, {}) == [(Flag.REFUSED, flag), ()]
    patient = LIMITS.model_copy(update={"refused_reports": 3})
    for times, seen in ((2, ()), (3, (Flag.REFUSED, flag))):
        assert flags({"a": Signs(refused={reason.value: times})}, patient).get("a", ()) == seen


@pytest.mark.parametrize("reason", [Reason.UNPROVEN, Reason.STALE_NONCE, Reason.BAD_REPORT, Reason.WRONG_MINUTE])
def test_what_an_honest_screen_may_meet_is_no_sign(reason: Reason) -> None:
    """What was shown without delivery is a sign by the fold's own minutes (`unproven_minutes`)."""
    assert found({"refused": {reason.value: 50}}) == [()]


def test_two_pages_of_one_screen_are_two_screens_where_the_policy_looks_at_it() -> None:
    fighting = {"a": Signs(replacements=4)}
    assert flags(fighting, LIMITS) == {}, "version 2 does not"
    for limit, seen in ((5, {}), (4, {"a": (Flag.TWO_SCREENS,)})):
        assert flags(fighting, LIMITS.model_copy(update={"replacements": limit})) == seen


def test_how_much_later_than_at_once_says_the_policy() -> None:
    school = {str(n): Signs(joined_at=AT + timedelta(seconds=n)) for n in range(3)}
    for seconds, together in ((1, False), (2, False), (3, True)):
        found_in = flags(school, LIMITS.model_copy(update={"joined_seconds": seconds}))
        assert (found_in.get("0", ()) == (Flag.JOINED_TOGETHER,)) is together


@pytest.mark.parametrize(
    "signs",
    [
        {"present": 45, "expected": 45},
        {"answers": (400,)},
        {"unreported_minutes": 30, "rendered_minutes": 1},
        {"twice_minutes": 1, "unproven_minutes": 1},
        {"made_up_ms": 1000, "night_ms": 949},
    ],
)
def test_just_below_a_border_there_is_nothing(signs: dict[str, Any]) -> None:
    assert found(signs) == [()]


def test_the_same_head_count_in_all_of_three_classes_marks_them_all() -> None:
    same = {"present": 40, "expected": 45}
    assert found(same, same, same) == [(Flag.SAME_HEADCOUNTS,)] * 3
    assert found(same, same) == [()] * 2
    assert found(same, same, same, {"present": 41, "expected": 45}) == [()] * 4
    assert found(same, same, same, {"expected": 45}) == [()] * 4


def test_a_school_that_joins_within_one_second_is_marked() -> None:
    together = {"joined_at": AT}
    assert found(together, {"joined_at": AT.replace(microsecond=999_000)}, together) == [(Flag.JOINED_TOGETHER,)] * 3
    assert found(together, together, {"joined_at": AT.replace(second=8)}) == [()] * 3


def test_the_same_delay_three_times_marks_those_who_answered() -> None:
    assert found({"answers": (812,)}, {"answers": (812,)}, {"answers": (900, 812)}, {}) == [
        (Flag.SAME_DELAYS,),
        (Flag.SAME_DELAYS,),
        (Flag.SAME_DELAYS,),
        (),
    ]


def test_night_goes_over_midnight() -> None:
    assert [hour for hour in range(24) if LIMITS.is_night(hour)] == [0, 1, 2, 3, 4, 5, 22, 23]


async def test_a_token_that_two_pages_fight_for_is_named_from_the_ledger(tmp_path: Path) -> None:
    db = await database(tmp_path)
    await populate(db, [(FIRST, "522301", "第一小学", 2), (SECOND, "522302", "中学", 1)])
    file = own_policy(tmp_path, 3, "replacements = 4")
    server = Attending(db, tmp_path, changes={"policies_file": str(file)})
    await server.lecture(A, C)
    for class_id, times in ((A, 4), (C, 3)):
        left = [Left(f"{class_id}-{n}", f"screen-{class_id}", class_id, at(n), "replaced") for n in range(times)]
        await server.tell(*left, *left)
    for version, named in ((3, {A}), (2, set())):
        made = await server.attendance.report(LECTURE, EVERYTHING, "522300", policy=version)
        assert made is not None
        rows = made.report.classes
        assert {row.target.class_id for row in rows if Flag.TWO_SCREENS in row.decision.flags} == named
    await db.close()
