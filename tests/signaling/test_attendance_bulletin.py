"""The bulletin: what it says of invented figures, to the letter, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from signaling.attendance.bulletin import checksum, draft, silent_schools
from signaling.attendance.fold import ClassDelivery
from signaling.attendance.frame import Target
from signaling.attendance.judgement import Decision
from signaling.attendance.policy import Result, load_policy
from signaling.attendance.report import NOWHERE, ClassRow, LectureReport, Report, SchoolRow, Tally

ZONE = timezone(timedelta(hours=8))
BEGIN = datetime(2026, 9, 14, 2, 0, tzinfo=UTC)
ENDED = BEGIN + timedelta(minutes=45)
WHOLE = Tally(
    schools=1675,
    schools_connected=1652,
    schools_qualified=1609,
    classes=15570,
    qualified=14958,
    made_up=258,
    partial=100,
    failed=54,
    absent=200,
    pupils=703100,
    confirmed=15216,
    present=650455,
)
GOLDEN = (
    "9月14日10时，“识毒与防毒”远程集中授课实际播出45分钟。黔西南州应参加学校1675所，接入1652所（98.63%），达标1609所；"
    "应播班级15570个，直播达标14958个，补看达标258个，班级覆盖率97.73%；应到学生703100人，实到650455人（92.51%）。"
    "未接入学校2所，已联系1所，补看截止9月28日。（自动生成，须人工审核）"
)
FULL = (
    "9月14日10时，“识毒与防毒”远程集中授课实际播出45分钟。黔西南州应参加学校1675所，接入1652所（98.63%），达标1609所；"
    "应播班级15570个，直播达标14958个，达标(未确认)30个，补看达标258个，班级覆盖率97.93%；"
    "应到学生703100人，实到650455人（92.51%）。因停电、平台故障免计班级2个。另有5个班级人数待确认，暂不计入覆盖率。"
    "未接入学校2所，已全部联系，补看截止9月28日。（自动生成，须人工审核）"
)
FEW = (
    "9月14日10时5分，“识毒与防毒”远程集中授课已播出12.5分钟。兴义市应参加学校1所，接入1所（100.00%），达标0所；"
    "应播班级2个，直播达标0个，班级覆盖率0.00%。（自动生成，须人工审核）"
)
EARLY = (
    "“识毒与防毒”远程集中授课尚未开播。兴义市应参加学校1所，接入0所（0.00%），达标0所；"
    "应播班级2个，直播达标0个，班级覆盖率0.00%。（自动生成，须人工审核）"
)


def target(school: str) -> Target:
    return Target(f"{school}-1", "2024-21-01", "三年级（1）班", school, "第一小学", "21", "121", "522301", 45)


def school(code: str, **tally: int) -> SchoolRow:
    return SchoolRow(target(code), None, Tally(schools=1, **tally))


def excused(cause: str) -> ClassRow:
    made = Decision(Result.EXCUSED, "免计", (), None, 2, "E0", 45, causes=(cause,))
    return ClassRow(target(cause), NOWHERE, ClassDelivery(), made, Tally(classes=1, excused=1))


SCHOOLS = [school("s1"), school("s2"), school("s3", schools_excused=1), school("s4", schools_connected=1)]


def made(total: Tally = WHOLE, *classes: ClassRow, on_air_ms: int = 45 * 60_000, version: int = 2) -> LectureReport:
    report = Report(load_policy(version), on_air_ms, total, [], SCHOOLS, classes)
    return LectureReport("l", "识毒与防毒", "ended", BEGIN, ENDED, ENDED, ("522300", "黔西南州"), report)


def test_a_lecture_is_told_in_the_words_of_the_office() -> None:
    assert draft(made(), ["s1", "s4"], ZONE) == GOLDEN


def test_faults_and_what_still_waits_are_told() -> None:
    total = replace(WHOLE, unconfirmed=35, pending=5, excused=2)
    assert draft(made(total, excused("server"), excused("power")), ["s1", "s2"], ZONE) == FULL


def test_what_has_no_content_is_left_out() -> None:
    few = made(Tally(schools=1, schools_connected=1, classes=2, failed=2, connected=2, pupils=90), on_air_ms=750_000)
    few = replace(few, unit=("522301", "兴义市"), started_at=BEGIN + timedelta(minutes=5), ended_at=None)
    few = replace(few, report=replace(few.report, schools=[]))
    assert draft(few, [], ZONE) == FEW
    nothing = replace(few.report, on_air_ms=0, schools=SCHOOLS, total=Tally(schools=1, classes=2, absent=2, pupils=90))
    assert draft(replace(few, started_at=None, report=nothing), ["s1"], ZONE) == EARLY


def test_a_policy_that_judges_delivery_alone_speaks_of_no_heads_and_no_making_up() -> None:
    text = draft(made(version=1), [], ZONE)
    assert "直播达标(未确认)14958个" in text
    assert "学生" not in text
    assert "补看截止" not in text


def test_schools_that_are_excused_are_not_missing() -> None:
    assert silent_schools(made().report) == ["s1", "s2"]


def test_the_check_sum_is_that_of_the_text() -> None:
    assert checksum("讲堂") == "33d1765f6a75db89"
    assert checksum(GOLDEN) != checksum(FULL)
