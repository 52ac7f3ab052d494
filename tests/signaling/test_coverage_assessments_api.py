"""Assessments over HTTP: who enters what for whom, corrections, closed terms, the coverage and the export that come of it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from signaling.auth.models import AuditEntry
from signaling.corrections.models import TermClosing
from signaling.coverage.assessments_models import AssessmentEntry
from signaling.directory.models import SchoolClass
from signaling.directory.terms import Span
from tests.support.platform import NOON, SAME_ORIGIN
from tests.support.terms import AWAY, CODES, HOME, TERM, TermStage, term_stage

DAY = NOON.date()
HERE, NEXT, OTHER = CODES


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TermStage]:
    async with term_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: TermStage) -> AsyncIterator[TestClient[Any, Any]]:
    async with stage.house.client() as made:
        yield made


def path(day: date = DAY, kind: str = "quiz", school: str = HERE) -> str:
    return f"/api/v1/schools/{school}/assessments/{kind}/{day}"


async def ask(client: TestClient[Any, Any], headers: dict[str, str], url: str, status: int = 200) -> Any:
    async with client.get(url, headers=headers) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def put(
    client: TestClient[Any, Any],
    headers: dict[str, str],
    url: str,
    items: list[dict[str, Any]],
    version: int | None = 0,
    status: int = 200,
) -> Any:
    told = SAME_ORIGIN | headers | ({} if version is None else {"If-Match": f'"{version}"'})
    async with client.put(url, headers=told, json={"items": items}) as response:
        assert response.status == status, await response.text()
        return await response.json()


def numbers(stage: TermStage, *took_part: int | None, school: str = HERE, **more: Any) -> list[dict[str, Any]]:
    return [
        {"class_id": made.id, "took_part": one} | more
        for made, one in zip(stage.classes[school], took_part, strict=False)
    ]


async def close(stage: TermStage, number: int, closed: bool, region: str = HOME) -> None:
    async with stage.house.db.writing() as session:
        session.add(
            TermClosing(
                number=number,
                region_code=region,
                term=TERM,
                closed=closed,
                reason="" if closed else "补报",
                by="test",
                at=NOON,
            )
        )


async def test_a_school_enters_its_classes_and_the_term_counts_them(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    me = stage.tokens["school"]
    blank = await ask(client, me, path())
    assert (blank["version"], blank["term"], blank["closed"]) == (0, TERM, False)
    assert [(one["name"], one["size"], one["took_part"]) for one in blank["rows"]] == [
        ("二(1)班", 40, None),
        ("二(2)班", 40, None),
    ]
    for back in range(4):
        stands = await put(client, me, path(DAY - timedelta(days=back)), numbers(stage, 40, 31, passed=30))
    assert [(one["took_part"], one["passed"], one["counts"], one["by"]) for one in stands["rows"]] == [
        (40, 30, True, "School"),
        (31, 30, False, "School"),
    ]
    told = await ask(client, me, f"/api/v1/coverage?term={TERM}")
    assert told["cells"]["assessment"] == {"done": 1, "of": 2, "ratio": 0.5, "state": "part", "lenient": False}
    assert [(one["assessed"], one["assessed_state"]) for one in told["classes"]] == [(4, "done"), (0, "open")]
    listed = await ask(client, me, f"/api/v1/schools/{HERE}/assessments?term={TERM}")
    assert [one["day"] for one in listed["items"]] == [str(DAY - timedelta(days=back)) for back in range(4)]
    assert listed["items"][0] == {
        "kind": "quiz", "day": str(DAY), "classes": 2, "counting": 1, "pupils": 80, "took_part": 71,
    }  # fmt: skip
    assert (listed["minimum"], listed["participation_ratio"]) == (4, 0.8)
    assert {"kind": "survey", "zh": "调查", "en": "Survey"} in listed["kinds"]
    county = await ask(client, stage.tokens["prefecture"], f"/api/v1/coverage?term={TERM}&level=school")
    assert [(one["cells"]["assessment"]["done"], one["cells"]["assessment"]["of"]) for one in county["items"]] == [
        (1, 2),
        (0, 2),
        (0, 2),
    ]
    assert county["cells"]["assessment"]["of"] == county["totals"]["classes"] == 6
    lacking = await ask(
        client, stage.tokens["prefecture"], f"/api/v1/coverage?term={TERM}&level=school&lacks=assessment"
    )
    assert lacking["total"] == 3


async def test_a_number_is_corrected_and_taken_back_by_new_rows(stage: TermStage, client: TestClient[Any, Any]) -> None:
    me = stage.tokens["school"]
    await put(client, me, path(), numbers(stage, 4, 40))
    await put(client, me, path(), numbers(stage, 4, 40), 1)  # as it stands: nothing is written
    mended = await put(client, me, path(), numbers(stage, 40, 40), 1)
    assert (mended["version"], mended["rows"][0]["took_part"]) == (2, 40)
    gone = await put(client, me, path(), numbers(stage, None, None), 2)
    assert [one["took_part"] for one in gone["rows"]] == [None, None]
    assert (await ask(client, me, f"/api/v1/schools/{HERE}/assessments"))["items"] == []
    async with stage.house.db.reading() as session:
        rows = (
            await session.execute(select(AssessmentEntry.revision, AssessmentEntry.took_part, AssessmentEntry.by))
        ).all()
        assert sorted((revision, number) for revision, number, _ in rows if number is not None) == [
            (1, 4),
            (1, 40),
            (2, 40),
        ]
        assert len(rows) == 5
        assert all(by for _, _, by in rows)
        told = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "assessment.entered"))).all()
    assert [one.subject for one in told] == [HERE] * 3
    assert '"taken_back": 2' in told[-1].detail


async def test_an_edit_of_what_somebody_changed_meanwhile_is_refused(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    me = stage.tokens["school"]
    assert (await put(client, me, path(), numbers(stage, 40), None, 428))["code"] == "no_if_match"
    await put(client, stage.tokens["county"], path(), numbers(stage, 40))
    assert (await put(client, me, path(), numbers(stage, 39), 0, 412))["code"] == "changed_meanwhile"
    assert (await ask(client, me, path()))["rows"][0]["took_part"] == 40


async def test_a_node_enters_for_its_own(stage: TermStage, client: TestClient[Any, Any]) -> None:
    county, school = stage.tokens["county"], stage.tokens["school"]
    await put(client, county, path(school=NEXT), numbers(stage, 40, school=NEXT))
    for who, code in ((county, OTHER), (school, NEXT)):
        await ask(client, who, path(school=code), 404)
        await put(client, who, path(school=code), numbers(stage, 40, school=code), 0, 404)
    await ask(client, stage.tokens["auditor"], path())
    await put(client, stage.tokens["auditor"], path(), numbers(stage, 40), 0, 403)
    await ask(client, stage.tokens["operator"], path(), 403)
    await ask(client, {}, path(), 401)
    wrong = await put(client, school, path(), numbers(stage, 40, school=NEXT), 0, 422)
    assert wrong["code"] == "no_class"


async def test_a_closed_term_takes_nothing_until_it_is_open_again(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    me = stage.tokens["school"]
    await close(stage, 1, closed=True)
    assert (await ask(client, me, path()))["closed"]
    assert (await put(client, me, path(), numbers(stage, 40), 0, 409))["code"] == "term_closed"
    await put(client, stage.tokens["prefecture"], path(school=OTHER), numbers(stage, 40, school=OTHER))  # not its books
    await close(stage, 2, closed=False)
    await put(client, me, path(), numbers(stage, 40))


@pytest.mark.parametrize(
    ("day", "items", "code"),
    [
        (DAY + timedelta(days=1), {"took_part": 40}, "not_held_yet"),
        (date(2026, 2, 1), {"took_part": 40}, "outside_term"),
        (DAY, {"took_part": 41}, "too_many"),
        (DAY, {"took_part": 30, "passed": 31}, "too_many_passed"),
        (DAY, {"took_part": None, "passed": 1}, "too_many_passed"),
        (DAY, {"took_part": -1}, "invalid"),
        (DAY, {"took_part": 40, "name": "某某"}, "invalid"),
    ],
)
async def test_what_cannot_be_is_refused(
    stage: TermStage, client: TestClient[Any, Any], day: date, items: dict[str, Any], code: str
) -> None:
    order = [{"class_id": stage.classes[HERE][0].id} | items]
    assert (await put(client, stage.tokens["school"], path(day), order, 0, 422))["code"] == code
    async with stage.house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(AssessmentEntry)) == 0


@pytest.mark.parametrize("tail", ["exam/2026-03-02", "quiz/2026-02-30", "quiz/today"])
async def test_an_unknown_kind_or_day_is_not_found(stage: TermStage, client: TestClient[Any, Any], tail: str) -> None:
    await ask(client, stage.tokens["school"], f"/api/v1/schools/{HERE}/assessments/{tail}", 404)


async def test_a_class_twice_or_without_a_size_is_refused(stage: TermStage, client: TestClient[Any, Any]) -> None:
    me, items = stage.tokens["school"], numbers(stage, 40)
    assert (await put(client, me, path(), items * 2, 0, 422))["code"] == "invalid"
    async with stage.house.db.writing() as session:
        (await session.get_one(SchoolClass, items[0]["class_id"])).pupils = 0
    assert (await put(client, me, path(), items, 0, 422))["code"] == "no_size"


async def test_a_class_without_a_roll_has_its_last_known_size(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await stage.held("pupils", "首场")  # froze a list with 40
    made = stage.classes[HERE][0].id
    async with stage.house.db.writing() as session:
        (await session.get_one(SchoolClass, made)).pupils = 0
    row = next(one for one in (await ask(client, stage.tokens["school"], path()))["rows"] if one["class_id"] == made)
    assert (row["size"], row["rolled"]) == (40, False)
    await put(client, stage.tokens["school"], path(), numbers(stage, 40))


async def test_a_county_units_own_calendar_decides(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await stage.house.terms.put(AWAY, TERM, Span(DAY, DAY + timedelta(days=100)), None, "test")
    all_of, early = stage.tokens["prefecture"], DAY - timedelta(days=1)
    refused = await put(client, all_of, path(early, school=OTHER), numbers(stage, 40, school=OTHER), 0, 422)
    assert refused["code"] == "outside_term"
    await put(client, all_of, path(early), numbers(stage, 40))


async def test_days_that_a_term_lost_are_counted_no_more(stage: TermStage, client: TestClient[Any, Any]) -> None:
    me = stage.tokens["school"]
    await put(client, me, path(DAY - timedelta(days=1)), numbers(stage, 40))
    assert (await ask(client, me, f"/api/v1/coverage?term={TERM}"))["classes"][0]["assessed"] == 1
    await stage.house.terms.put(HOME, TERM, Span(DAY, DAY + timedelta(days=100)), None, "test")
    assert (await ask(client, me, f"/api/v1/coverage?term={TERM}"))["classes"][0]["assessed"] == 0


async def test_a_school_with_another_code_keeps_what_it_entered(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await put(client, stage.tokens["county"], path(), numbers(stage, 40))
    async with stage.house.db.writing() as session:
        (await session.get_one(SchoolClass, stage.classes[HERE][0].id)).school_code = NEXT
    listed = await ask(client, stage.tokens["county"], f"/api/v1/schools/{NEXT}/assessments")
    assert [one["took_part"] for one in listed["items"]] == [40]


async def export(client: TestClient[Any, Any], headers: dict[str, str], query: str = "") -> dict[str, str]:
    async with client.get(f"/api/v1/coverage/exports/05.csv?term={TERM}{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"), newline="")))
    return dict(zip(rows[0], rows[-1], strict=True))


async def test_the_matrix_has_assessments_as_of_a_time(stage: TermStage, client: TestClient[Any, Any]) -> None:
    me, wall = stage.tokens["school"], stage.house.wall
    for back in range(4):
        await put(client, me, path(DAY - timedelta(days=back)), numbers(stage, 40))
    before = wall()
    wall.now += timedelta(minutes=5)
    for back in range(4):
        await put(client, me, path(DAY - timedelta(days=back)), numbers(stage, 40, 40), 1)
    now = await export(client, me)
    names = [f"学生考核{word}" for word in ("应完成", "已完成", "比例")]
    assert [now[name] for name in names] == ["2", "2", "100.00%"]
    at = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    then = await export(client, me, f"&as_of={at}")
    assert [then[name] for name in names] == ["2", "1", "50.00%"]


@pytest.mark.parametrize("change", ["UPDATE assessment_entries SET took_part = 1", "DELETE FROM assessment_entries"])
async def test_the_database_refuses_to_change_a_row(
    stage: TermStage, client: TestClient[Any, Any], change: str
) -> None:
    await put(client, stage.tokens["school"], path(), numbers(stage, 40))
    with pytest.raises(SQLAlchemyError, match="append-only"):
        async with stage.house.db.writing() as session:
            await session.execute(text(change))


async def test_the_database_refuses_more_than_the_class_has(stage: TermStage) -> None:
    row = AssessmentEntry(
        class_id="c", kind="quiz", day=DAY, revision=1, size=40, took_part=41, at=datetime.now(UTC), by="x"
    )
    with pytest.raises(SQLAlchemyError):
        async with stage.house.db.writing() as session:
            session.add(row)
