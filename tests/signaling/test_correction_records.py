"""Export 10 is the difference: its rows, one after the other, make the report with corrections of the report without."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from signaling.attendance.book import Book
from signaling.attendance.evidence import report_of
from signaling.attendance.frame import Frame
from signaling.attendance.policy import Policy, load_policy
from signaling.attendance.report import Report
from signaling.attendance.supposing import SHOWN, course, value, word
from signaling.attendance.tables import Table
from signaling.attendance.telling import Teller
from signaling.corrections.records import FOLLOWS, IDLE, record_table
from signaling.ledger.facts import Corrected, Fault
from signaling.ledger.reading import tell
from tests.support.attending import FIRST, A, B, C
from tests.support.chains import Chains, Written
from tests.support.evidence import BEGIN, END, REGIONS, MadeLecture, facts_of, lecture
from tests.support.evidence import LECTURE as SUBJECT
from tests.support.righting import HOME, Office, office
from tests.support.roll import LECTURE, ZONE

EXAMPLES = int(os.environ.get("JIANGTANG_EXAMPLES", "12"))
POLICY = load_policy(2)
Values = dict[tuple[str, str, str], str]
"""School, class code and field -> the words that a report has there."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as made:
        yield made


def values(policy: Policy, report: Report) -> Values:
    return {
        (row.target.school_code, row.target.code, policy.fields[field]): word(policy, field, value(row.decision, field))
        for row in report.classes
        for field in SHOWN
    }


def applied(before: Values, rows: Iterable[Mapping[str, Any]]) -> Values:
    """Return values after rows of export 10, each of which must find what it says was there."""
    now = dict(before)
    for row in rows:
        place = (row["学校标识码"], row["班级代码"], row["字段"])
        assert now[place] == (row["原值"] or ""), row
        now[place] = row["新值"] or ""
    return now


def as_rows(table: Table) -> list[dict[str, Any]]:
    return [dict(zip((one.header for one in table.columns), row, strict=True)) for row in table.rows]


async def exported(here: Office, who: str, kind: str = "csv", query: str = "") -> list[dict[str, Any]]:
    status, body, _ = await here.ask(who, "GET", f"/lectures/{LECTURE}/exports/10.{kind}{query}")
    assert status == 200, body
    if kind == "xlsx":
        head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name("更正记录表").to_python()
        return [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


async def test_the_rows_are_the_difference_between_two_reports(here: Office) -> None:
    before = here.clock.now
    first = await here.approved("teacher", "county", A, "present", "44", "count")
    await here.approved("teacher", "county", A, "expected", "43", "transfer")
    halfway = here.clock.now
    await here.approved("county", "prefecture", HOME, "result", "excused", "power")
    await here.approved("other", "away", C, "result", "made_up", "terminal")
    assert first
    reports = {at: values(POLICY, (await here.report(at)).report) for at in (before, halfway, here.clock.now)}
    rows = await exported(here, "prefecture")
    assert [(row["对象"], row["字段"], row["原值"], row["新值"], row["类别"]) for row in rows] == [
        ("第一小学 三年级（1）班", "实到", "", "44", "更正"),
        ("第一小学 三年级（1）班", "结果", "待确认", "达标", "随之变化"),
        ("第一小学 三年级（1）班", "应到", "45", "43", "更正"),
        ("第一小学 三年级（1）班", "实到", "44", "43", "随之变化"),
        ("第一小学 三年级（2）班", "结果", "未接入", "免计", "更正"),
        ("中学 三年级（1）班", "结果", "待确认", "补看达标", "更正"),
    ]
    assert applied(reports[before], rows) == reports[here.clock.now] != reports[before]
    told = {key: rows[0][key] for key in ("申请单位", "理由", "申请人", "审批人", "申请时间", "审批时间")}
    assert told == {
        "申请单位": "第一小学",
        "理由": "人数填错",
        "申请人": "Teacher",
        "审批人": "County",
        "申请时间": "2026-09-14 11:03",
        "审批时间": "2026-09-14 11:04",
    }
    since = halfway.isoformat().replace("+", "%2B")
    then = await exported(here, "prefecture", query=f"?as_of={since}")
    assert applied(reports[before], then) == reports[halfway]
    assert [row["学校标识码"] for row in await exported(here, "teacher")] == [FIRST] * 5
    assert len(await exported(here, "away", "xlsx")) == 1


async def test_the_same_export_has_the_same_check_sum_later(here: Office) -> None:
    await here.approved("teacher", "county", A, "present", "44", "count")
    as_of = here.clock.now.isoformat().replace("+", "%2B")
    path = f"/lectures/{LECTURE}/exports/10.xlsx?as_of={as_of}"
    _, _, once = await here.ask("county", "GET", path)
    here.clock.now += timedelta(days=1)
    await here.approved("teacher", "county", B, "result", "excused", "closed")
    _, _, again = await here.ask("county", "GET", path)
    assert once["X-Report-Checksum"] == again["X-Report-Checksum"]
    status, _, now = await here.ask("county", "GET", f"/lectures/{LECTURE}/exports/10.xlsx")
    assert (status, now["X-Report-Checksum"] != once["X-Report-Checksum"]) == (200, True)


async def test_the_table_of_classes_marks_what_was_corrected(here: Office) -> None:
    await here.approved("teacher", "county", A, "present", "44", "count")
    status, body, _ = await here.ask("prefecture", "GET", f"/lectures/{LECTURE}/exports/03.csv")
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert [(row["更正标记"], row["实到"], row["结果"]) for row in rows] == [
        ("已更正", "44", "达标"),
        ("无", "", "未接入"),
        ("无", "", "待确认"),
    ]
    assert rows[0]["备注"].endswith("已更正：实到44")


async def test_a_recount_says_when_a_corrected_number_was_approved(here: Office) -> None:
    await here.approved("teacher", "county", A, "present", "44", "count")
    approved = here.clock.now
    here.clock.now += timedelta(days=3)
    row = next(row for row in (await here.report()).report.classes if row.target.class_id == A)
    assert (row.decision.present, row.decision.confirmed_at) == (44, approved)


def wishes(made: MadeLecture) -> st.SearchStrategy[list[tuple[str, str, str]]]:
    classes = st.sampled_from([one.class_id for one in made.targets])
    one_class = st.one_of(
        st.tuples(classes, st.just("present"), st.integers(0, 60).map(str)),
        st.tuples(classes, st.just("expected"), st.integers(0, 60).map(str)),
        st.tuples(classes, st.just("result"), st.sampled_from(("qualified", "absent", "excused", "made_up"))),
    )
    nodes = st.sampled_from(
        sorted({one.school_code for one in made.targets} | {one.region_code for one in made.targets})
    )
    return st.lists(st.one_of(one_class, st.tuples(nodes, st.just("node"), st.just("excused"))), max_size=8)


def corrections(asked: list[tuple[str, str, str]]) -> list[Written]:
    told: list[Corrected | Fault] = []
    for number, (scope, field, new) in enumerate(asked):
        at, name = END + timedelta(days=1, minutes=number // 2), f"made-{number}"
        if field == "node":
            told.append(Fault(name, "power", scope, BEGIN, END, "u2", "power", at, 1))
        else:
            told.append(Corrected(name, scope, field, "", new, "count", "u1", "u2", at, None))
    return [Written("node-1", "boot-2", one.at, SUBJECT, one) for one in told]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.timeout(120 + 10 * EXAMPLES)
@given(seed=st.integers(0, 1_000_000), data=st.data())
def test_whatever_is_corrected_the_rows_are_the_difference(seed: int, data: st.DataObject) -> None:
    made = lecture(seed, schools=4, windows=60)
    asked = data.draw(wishes(made))
    facts = [one for one in facts_of(made, seed) if not isinstance(one.fact, Corrected)]
    frame = Frame(
        made.targets, REGIONS, made.terminals, started_at=BEGIN, ended_at=END, everywhere=frozenset({"522300"})
    )
    as_of = END + timedelta(days=2)

    def book_of(every: list[Written]) -> Book:
        book = Book(POLICY, 10, ())
        Teller(book, as_of).tell(tell(sorted(Chains(made.class_of).store(every), key=lambda one: one.header[:2])))
        return book

    def report(book: Book) -> Report:
        return report_of(book, frame, as_of, running=False)

    after = book_of([*facts, *corrections(asked)])
    excusals = {f"made-{number}" for number, (_, field, _) in enumerate(asked) if field == "node"}
    steps = course(after, frame, as_of, excusals)
    rows = as_rows(record_table(report(after), steps, {}, ZONE))
    assert [step.correction_id for step in steps] == [f"made-{number}" for number in range(len(asked))]
    assert sum(row["类别"] != FOLLOWS for row in rows) >= len([one for one in asked if one[1] != "node"])
    before, now = values(POLICY, report(book_of(facts))), values(POLICY, report(after))
    assert applied(before, [row for row in rows if row["类别"] != IDLE]) == now
