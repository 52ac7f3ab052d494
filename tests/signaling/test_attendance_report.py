"""Policy and report: decisions come from data, sums close at every level."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.attendance.decide import decide
from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.judgement import ClassEvidence, Decision
from signaling.attendance.policy import (
    POLICIES_FILE,
    Policy,
    Result,
    UnknownPolicy,
    all_policies,
    load_policies,
    load_policy,
)
from signaling.attendance.report import Report, Tally, add
from signaling.attendance.stays import Presence
from signaling.attendance.tables import CLASS_COLUMNS, COUNTY_COLUMNS, PLANNED, SCHOOL_COLUMNS, TABLES
from tests.support.evidence import BEGIN, built

POLICY = load_policy(1)
HOUR = 3_600_000
ZONE = timezone(timedelta(hours=8))
COUNTIES = [RegionName("522301", "522301", "兴义市"), RegionName("5223Y1", "5223Y1", "义龙新区")]


def judged(policy: Policy, *, joined: bool, credited_ms: int, on_air_ms: int) -> Decision:
    evidence = ClassEvidence(joined=joined, counted_ms=credited_ms, delivered_ms=credited_ms, on_air_ms=on_air_ms)
    return decide(policy, evidence, BEGIN)


@pytest.mark.parametrize(
    ("joined", "credited", "on_air", "result", "label"),
    [
        (True, 48 * 60_000, HOUR, Result.QUALIFIED, "达标(未确认)"),
        (True, 48 * 60_000 - 1, HOUR, Result.PARTIAL, "部分"),
        (True, 30 * 60_000, HOUR, Result.PARTIAL, "部分"),
        (True, 30 * 60_000 - 1, HOUR, Result.FAILED, "未达标"),
        (True, 0, HOUR, Result.FAILED, "未达标"),
        (True, 0, 0, Result.FAILED, "未达标"),
        (False, 0, HOUR, Result.ABSENT, "未接入"),
        (False, 0, 0, Result.ABSENT, "未接入"),
    ],
)
def test_policy_1_at_its_edges(joined: bool, credited: int, on_air: int, result: Result, label: str) -> None:
    decision = judged(POLICY, joined=joined, credited_ms=credited, on_air_ms=on_air)
    assert (decision.result, decision.label, decision.policy_version) == (result, label, 1)


def test_a_reason_names_figures_and_threshold() -> None:
    just_below = judged(POLICY, joined=True, credited_ms=48 * 60_000 - 1, on_air_ms=HOUR)
    assert just_below.reason == "有效收看47.9分钟，占直播60.0分钟的79.99%，不低于50.00%、低于80.00%"
    assert judged(POLICY, joined=False, credited_ms=0, on_air_ms=HOUR).reason == "班级终端从未接入本场直播"


def test_another_rule_is_another_table_of_the_file(tmp_path: Path) -> None:
    text = POLICIES_FILE.read_text("utf-8")
    first = text[: text.index("[[policy]]", text.index("[[policy]]") + 1)]
    second = first.replace("version = 1", "version = 9").replace("qualified_ratio = 0.80", "qualified_ratio = 0.85")
    file = tmp_path / "policies.toml"
    file.write_text(text + "\n" + second, "utf-8")
    assert load_policies(file)[9].qualified_ratio == Fraction(17, 20)
    decision = judged(load_policy(9, file), joined=True, credited_ms=84, on_air_ms=100)
    assert (decision.result, decision.policy_version) == (Result.PARTIAL, 9)
    with pytest.raises(UnknownPolicy, match="no policy of version 7"):
        load_policy(7, file)


def test_a_prefecture_has_versions_of_its_own_but_changes_none(tmp_path: Path) -> None:
    known, file = load_policies(), tmp_path / "own.toml"
    assert all_policies("") == known
    text = POLICIES_FILE.read_text("utf-8")
    file.write_text(text[text.rindex("[[policy]]") :].replace("version = 2", "version = 102"), "utf-8")
    assert all_policies(str(file)) == known | {102: known[2].model_copy(update={"version": 102})}
    file.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="version 1 comes with the program"):
        all_policies(str(file))


@pytest.mark.parametrize(
    ("old", "new", "diagnosis"),
    [
        ("partial_ratio = 0.50", "partial_ratio = 0.90", "ratios must grow"),
        ("minute_seconds = 40", "minute_seconds = 61", "at most 60 seconds"),
        ('absent = "未接入"', "", "no name for result absent"),
        ("share = 0.50", "share = 1.50", "credit.rendering.share: Input should be less than or equal to 1"),
        ("needed = [1, 1, 2]", "needed = [1, 2]", "needed must have 3 numbers"),
        ("needed = [1, 1, 2]", "needed = [1, 3, 2]", "the n-th at most n"),
        ('"server", "power"', '"server", "rain"', "credit.faults.causes.1: Input should be"),
        ("speed = 1.25", "speed = 0.75", "credit.make_up.speed"),
        ("night_begins = 22", "night_begins = 24", "credit.outliers.night_begins"),
        ("days = 14", 'days = "14"', "credit.make_up.days: Input should be a valid integer"),
        ("days = 14", "days = 14\nweeks = 2", "credit.make_up.weeks: Extra inputs are not permitted"),
        ("{made_up}分钟", "{name}分钟", "the reason made_up cannot speak of name"),
        ('exam = "考试"', "", "no name for cause exam"),
        ('two_screens = "同班两个终端同时播放"', "", "no name for flag two_screens"),
        ('two_screens = "同', 'three_screens = "x"\ntwo_screens = "同', "there is no flag three_screens"),
    ],
)
def test_an_impossible_policy_is_refused(tmp_path: Path, old: str, new: str, diagnosis: str) -> None:
    file = tmp_path / "policies.toml"
    file.write_text(POLICIES_FILE.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ValueError, match=diagnosis):
        load_policies(file)


def target(region: str, school: int, number: int, pupils: int = 45) -> Target:
    code = f"21{school:08}"
    return Target(f"{code}-{number}", f"{number:02}", f"{number}班", code, f"学校{school}", "21", "121", region, pupils)


classes = st.lists(
    st.tuples(
        st.integers(0, 5),  # school; its county follows from it
        st.integers(0, 9),
        st.integers(0, 60),
        st.booleans(),
        st.integers(0, HOUR),
        st.integers(0, HOUR),
    ),
    max_size=40,
    unique_by=lambda one: one[:2],
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    targets, delivered, presence = [], {}, {}
    for school, number, pupils, joined, credited, got in draw(classes):
        one = target(("522301", "5223Y1", "999999")[school % 3], school, number, pupils)
        targets.append(one)
        if joined:
            delivered[one.class_id] = ClassDelivery(got, credited if got else 0, 0, [], None, None)
            presence[one.class_id] = Presence(datetime(2026, 9, 14, tzinfo=UTC), None, (1,))
    on_air = draw(st.sampled_from([0, HOUR]))
    return built(POLICY, COUNTIES, targets, Folded(on_air, {}, delivered if on_air else {}), presence)


@settings(max_examples=150, deadline=None)
@given(report=reports())
def test_sums_close_at_every_level(report: Report) -> None:
    for school in report.schools:
        own = [row for row in report.classes if row.target.school_code == school.target.school_code]
        assert school.tally.classes == len(own)
        assert school.tally.pupils == sum(row.target.pupils for row in own)
        assert school.tally.delivered_ms == sum(row.delivery.delivered_ms for row in own)
    for county in report.counties:
        own_schools = [row.tally for row in report.schools if row.target.region_code == county.region.code]
        assert county.tally == add(own_schools)
    assert report.total == add(row.tally for row in report.counties) == add(row.tally for row in report.schools)
    for tally in [report.total, *(r.tally for r in (*report.counties, *report.schools, *report.classes))]:
        parts = tally.qualified + tally.made_up + tally.partial + tally.failed + tally.excused + tally.absent
        assert parts == tally.classes
        assert tally.schools_qualified <= tally.schools
        for ratio in (tally.coverage, tally.school_connection, tally.school_qualification):
            assert ratio is None or 0 <= ratio <= 1


@settings(max_examples=60, deadline=None)
@given(report=reports())
def test_the_sums_of_the_tables_agree(report: Report) -> None:
    one, two, three = (TABLES[number](report, ("522300", "全州"), ZONE) for number in ("01", "02", "03"))
    total, rows = one.rows[-1], one.rows[:-1]
    for column in (3, 4, 6, 8, 9, 10, 11, 13):
        assert total[column] == sum(row[column] for row in rows)  # type: ignore[misc]
    assert total[8] == sum(row[4] for row in two.rows) == len(three.rows)  # type: ignore[misc]
    assert total[9] == sum(row[5] for row in two.rows) == sum(row[15] == "达标(未确认)" for row in three.rows)  # type: ignore[misc]
    assert total[12] == (round(total[9] / total[8], 4) if total[8] else None)  # type: ignore[operator]
    for table in (one, two, three):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_rates_come_from_sums_not_from_means() -> None:
    big = [target("522301", 1, number) for number in range(9)]
    delivered = {one.class_id: ClassDelivery(HOUR, HOUR) for one in big}
    report = built(POLICY, COUNTIES, [*big, target("5223Y1", 2, 0)], Folded(HOUR, {}, delivered), {})
    assert [row.tally.coverage for row in report.counties] == [Fraction(1), Fraction(0)]
    assert report.total.coverage == Fraction(9, 10)
    assert (report.total.schools_connected, report.total.schools_qualified, report.total.schools) == (1, 1, 2)


def test_a_county_without_a_target_is_listed_and_one_without_a_name_too() -> None:
    report = built(POLICY, COUNTIES, [target("5223Y9", 1, 1)], Folded(0, {}, {}), {})
    assert [row.region.code for row in report.counties] == ["522301", "5223Y1", "5223Y9"]
    assert report.counties[0].tally == Tally()
    assert TABLES["01"](report, ("522300", "全州"), ZONE).rows[0][-1] == "本场未安排"


def test_the_columns_are_those_of_the_office() -> None:
    always = [[c.header for c in columns if not c.full] for columns in (COUNTY_COLUMNS, SCHOOL_COLUMNS, CLASS_COLUMNS)]
    assert "、".join(always[0]) == (
        "序号、行政区划代码、县（市、区）、应参加学校数、实接入学校数、学校接入率、达标学校数、学校达标率、应播班级数、达标班级数、"
        "补看达标班级数、免计班级数、班级覆盖率、应到学生数、实到学生数、学生覆盖率、备注"
    )
    assert "、".join(always[1]) == (
        "学校标识码、学校名称、办学类型、城乡类型、应播班级数、达标、部分、未达标、补看、免计、未接入、班级覆盖率、应到、实到、"
        "学生覆盖率、首次接入时间、累计中断(分钟)、待核数"
    )
    assert "、".join(always[2]) == (
        "学校标识码、班级代码、班级名称、终端编号、接入时间、离开时间、有效收看分钟、直播分钟、收看比例、证据等级、在岗核验(次/通过)、"
        "应到、实到、确认人、确认时间、结果、更正标记、送达秒数"
    )
    assert {"08", "12"} <= PLANNED
    assert not PLANNED & {*TABLES, "04", "10", "11"}
