"""Export 04: the reason of each class by the table of rules, and what stands in its row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest

from signaling.attendance.fold import ClassDelivery, Minutes
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.judgement import Decision
from signaling.attendance.missing import COLUMNS, Contact, Signs, Why, make_up_until, missing_table, reason, why
from signaling.attendance.policy import Result, load_policy
from signaling.attendance.report import NOWHERE, ClassRow, CountyRow, Report, Tally, class_tally
from signaling.attendance.stays import Presence
from signaling.attendance.tables import label

ZONE = timezone(timedelta(hours=8))
BEGIN = datetime(2026, 9, 14, 2, 0, tzinfo=UTC)
ENDED = BEGIN + timedelta(minutes=40)
MINUTE = 60_000
THERE = Presence(BEGIN, None, (1,))
POLICY = load_policy(2)
TEN = (1 << 10) - 1


def decision(result: Result, **more: object) -> Decision:
    made = {"ratio": Fraction(0), "on_air_ms": 40 * MINUTE} | more
    return Decision(result, POLICY.results[result], ("理由",), policy_version=2, level="E1", expected=45, **made)  # type: ignore[arg-type]


def row(made: Decision, presence: Presence = THERE, delivery: ClassDelivery | None = None, number: int = 1) -> ClassRow:
    target = Target(
        f"c{number}", f"2024-21-{number:02}", f"三年级（{number}）班", "2152230101", "=小学", "21", "121", "522301", 45
    )
    delivery = delivery or ClassDelivery()
    return ClassRow(target, presence, delivery, made, class_tally(made, delivery))


def report(*rows: ClassRow, on_air_ms: int = 40 * MINUTE) -> Report:
    county = CountyRow(RegionName("522301", "522301", "兴义市"), Tally())
    return Report(POLICY, on_air_ms, Tally(), [county], [], rows)


def lost(**bits: int) -> ClassDelivery:
    """Return the delivery of all forty minutes, of which some did not count."""
    everything = (1 << 40) - 1
    counted = everything
    for one in bits.values():
        counted &= ~one
    return ClassDelivery(40 * MINUTE, 0, 0, bits=Minutes(delivered=everything, counted=counted, **bits))


CASES = [
    ("not_on", decision(Result.ABSENT), NOWHERE, ClassDelivery()),
    ("not_on", decision(Result.ABSENT, causes=("power",)), NOWHERE, ClassDelivery()),
    ("network", decision(Result.ABSENT, causes=("network",)), NOWHERE, ClassDelivery()),
    ("platform", decision(Result.ABSENT, causes=("server",)), NOWHERE, ClassDelivery()),
    ("not_scheduled", decision(Result.ABSENT, causes=("closed", "server")), NOWHERE, ClassDelivery()),
    ("not_scheduled", decision(Result.FAILED, on_air_ms=0, ratio=None), THERE, ClassDelivery()),
    ("network", decision(Result.FAILED), THERE, ClassDelivery()),
    ("network", decision(Result.FAILED), THERE, ClassDelivery(10 * MINUTE, 0, 25 * MINUTE)),
    ("late", decision(Result.FAILED), THERE, ClassDelivery(10 * MINUTE, 0, 2 * MINUTE)),
    ("network", decision(Result.FAILED), THERE, lost()),
    ("silent", decision(Result.FAILED), THERE, lost(silent=TEN)),
    ("hidden", decision(Result.PARTIAL), THERE, lost(silent=7, hidden=TEN)),
    ("still", decision(Result.PARTIAL), THERE, lost(still=TEN)),
    ("unreported", decision(Result.PARTIAL), THERE, lost(unreported=TEN)),
    ("silent", decision(Result.FAILED, causes=("server",)), THERE, lost(silent=TEN)),
    ("checks", decision(Result.PARTIAL, ratio=Fraction(9, 10), asked=3, passed=1), THERE, lost(silent=7)),
    (None, decision(Result.FAILED, ratio=Fraction(1), asked=3, passed=3, corrected=True), THERE, lost()),
    (None, decision(Result.QUALIFIED), THERE, lost(silent=7)),
    (None, decision(Result.EXCUSED), NOWHERE, ClassDelivery()),
]


@pytest.mark.parametrize(("expected", "made", "presence", "delivery"), CASES)
def test_a_class_has_the_reason_of_its_evidence(
    expected: str | None, made: Decision, presence: Presence, delivery: ClassDelivery
) -> None:
    if expected == "network" and delivery.bits.delivered:  # forty minutes delivered with too many packets lost
        delivery.bits = Minutes(delivered=delivery.bits.delivered)
    one = row(made, presence, delivery)
    assert why(report(one), one) == expected


def test_nobody_is_told_off_before_anything_was_on_the_air() -> None:
    one = row(decision(Result.ABSENT, on_air_ms=0, ratio=None), NOWHERE)
    assert why(report(one, on_air_ms=0), one) is None


def test_what_took_most_is_the_reason_and_the_network_wins_when_equal() -> None:
    known = {"joined": True, "delivered": True, "on_air": True, "unanswered": False, "causes": frozenset[str]()}
    equal = {Why.SILENT: 5, Why.NETWORK: 5, Why.LATE: 5}
    assert reason(Signs(**known, lost=equal)) is Why.NETWORK  # type: ignore[arg-type]
    assert reason(Signs(**known, lost=equal | {Why.STILL: 6})) is Why.STILL  # type: ignore[arg-type]


def test_every_reason_has_a_name() -> None:
    assert all(label("missing", one) not in {None, one.value} for one in Why)


def test_the_list_names_who_is_missing_whom_to_call_and_until_when() -> None:
    rows = [
        row(decision(Result.ABSENT), NOWHERE),
        row(decision(Result.QUALIFIED), number=2),
        row(decision(Result.PARTIAL), delivery=lost(silent=TEN), number=3),
    ]
    contacts = {"2152230101": Contact(("管理员甲", "管理员乙"), BEGIN)}
    table = missing_table(report(*rows), contacts, ENDED, ZONE)
    heads = [column.header for column in COLUMNS]
    first, second = (dict(zip(heads, cells, strict=True)) for cells in table.rows)
    assert (first["学校"], first["班级"], first["结果"], first["原因"]) == (
        "=小学",
        "三年级（1）班",
        "未接入",
        "未开机",
    )
    assert (first["联系人"], first["已联系"], first["联系时间"]) == ("管理员甲、管理员乙", "是", "2026-09-14 10:00")
    assert (first["县（市、区）"], first["补看截止"], first["说明"]) == ("兴义市", "2026-09-28 10:40", "理由")
    assert (second["结果"], second["原因"]) == ("部分", "声音关闭")
    unknown = missing_table(report(*rows), {}, None, ZONE)
    called = dict(zip(heads, unknown.rows[0], strict=True))
    assert (called["联系人"], called["已联系"], called["联系时间"], called["补看截止"]) == (None, "否", None, None)


def test_what_cannot_be_made_up_has_no_last_day() -> None:
    assert make_up_until(load_policy(1), ENDED) is None
    assert make_up_until(POLICY, None) is None
    assert make_up_until(POLICY, ENDED) == ENDED + timedelta(days=14)
