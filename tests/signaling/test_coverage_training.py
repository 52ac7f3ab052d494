"""Trainings of teachers: what marks are worth, codes that grow old, rosters and signing over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from signaling.auth import opaque
from signaling.auth.models import AuditEntry
from signaling.coverage import codes
from signaling.coverage.codes import BadCode, OldCode, Shown, Way
from signaling.coverage.models import TrainingMark
from signaling.coverage.obligations import load_obligations
from signaling.coverage.training import Action, Mark, Outcome, Venue, credits
from signaling.live.models import Broadcast
from tests.support.platform import NOON, SAME_ORIGIN
from tests.support.terms import CODES, TERM, TermStage, term_stage

RULES = load_obligations(1)
MINUTE = int(NOON.timestamp()) // 60
VENUES = {"c1": Venue("qualified", range(MINUTE, MINUTE + 45)), "c2": Venue("partial", range(MINUTE, MINUTE + 20))}
KEY = b"key"


def mark(action: Action, minutes: float = 0, *, room: str = "c1", by: str = "", number: int = 0) -> Mark:
    return Mark(f"{action}{minutes}{room}{number}", "t1", room, action, NOON + timedelta(minutes=minutes), by)


def credit(*marks: Mark, venues: dict[str, Venue] | None = VENUES) -> Any:
    return credits(RULES, marks, venues)["t1"]


def test_a_tick_at_a_credited_venue_is_a_training() -> None:
    made = credit(mark(Action.TICKED, 50, by="admin"))
    assert (made.outcome, made.minutes, made.by) == (Outcome.CREDITED, 45, "admin")
    assert made.lessons(RULES) == 1


def test_the_newest_tick_counts() -> None:
    undone = credit(mark(Action.TICKED, 50), mark(Action.UNTICKED, 51))
    assert (undone.outcome, undone.ticked, undone.lessons(RULES)) == (Outcome.NONE, False, 0)
    again = credit(mark(Action.UNTICKED, 51), mark(Action.TICKED, 52, number=2), mark(Action.TICKED, 50))
    assert again.counts


def test_a_venue_that_is_not_credited_gives_nothing() -> None:
    assert credit(mark(Action.TICKED, 50, room="c2")).outcome is Outcome.VENUE
    assert credit(mark(Action.TICKED, 50, room="c9")).outcome is Outcome.VENUE
    assert credit(mark(Action.TICKED, 50), venues=None).outcome is Outcome.PENDING


def test_signing_in_and_out_counts_the_minutes_between() -> None:
    whole = credit(mark(Action.SIGNED_IN, -5), mark(Action.SIGNED_OUT, 46))
    assert (whole.outcome, whole.minutes) == (Outcome.CREDITED, 45)
    late = credit(mark(Action.SIGNED_IN, 9), mark(Action.SIGNED_OUT, 46))
    assert (late.outcome, late.minutes) == (Outcome.CREDITED, 36)  # four fifths of 45
    later = credit(mark(Action.SIGNED_IN, 10), mark(Action.SIGNED_OUT, 46))
    assert (later.outcome, later.minutes, later.lessons(RULES)) == (Outcome.SHORT, 35, Fraction(0))


def test_only_in_only_out_and_two_rooms_are_incomplete() -> None:
    for marks in (
        [mark(Action.SIGNED_IN, 0)],
        [mark(Action.SIGNED_OUT, 46)],
        [mark(Action.SIGNED_IN, 0), mark(Action.SIGNED_OUT, 46, room="c2")],
        [mark(Action.SIGNED_OUT, 0), mark(Action.SIGNED_IN, 46)],
    ):
        assert credit(*marks).outcome is Outcome.INCOMPLETE


def test_a_tick_mends_a_code_that_was_forgotten() -> None:
    made = credit(mark(Action.SIGNED_IN, 0), mark(Action.TICKED, 60))
    assert (made.outcome, made.signed_in) == (Outcome.CREDITED, NOON)


ANY = st.builds(
    mark, st.sampled_from(Action), st.integers(-20, 60), room=st.sampled_from(("c1", "c2")), number=st.integers(0, 9)
)


@settings(max_examples=60)
@given(st.lists(ANY, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(marks: list[Mark], random: Any) -> None:
    mixed = [*marks, marks[0]]
    random.shuffle(mixed)
    made = credit(*mixed)
    assert made == credit(*marks)
    assert 0 <= made.minutes <= 45


def shown_at(now: float, way: Way = Way.IN) -> tuple[str, Shown]:
    lecture, room = str(uuid4()), str(uuid4())
    code, seconds = codes.show(KEY, lecture, room, way, now)
    assert 0 < seconds <= codes.STEP_SECONDS
    return code, Shown(lecture, room, way, int(now) // 15 * 15)


def test_a_code_is_new_every_quarter_minute_and_old_after_half_a_minute() -> None:
    code, shown = shown_at(1005)
    assert codes.read(KEY, code, 1005) == codes.read(KEY, code, 1034.9) == shown
    assert codes.show(KEY, shown.lecture_id, shown.class_id, Way.IN, 1019.9)[0] == code
    assert codes.show(KEY, shown.lecture_id, shown.class_id, Way.IN, 1020)[0] != code
    for now in (1035, 1004, 5000):
        with pytest.raises(OldCode):
            codes.read(KEY, code, now)


def test_a_code_that_nobody_made_opens_nothing() -> None:
    code, shown = shown_at(1005)
    assert len(code) >= 15
    for wrong in ("", "x", code[:-1], ("A" if code[0] != "A" else "B") + code[1:], "A" * len(code), "ü" * 20):
        with pytest.raises(BadCode):
            codes.read(KEY, wrong, 1005)
    with pytest.raises(BadCode):
        codes.read(b"other", code, 1005)
    with pytest.raises(BadCode):
        codes.admitted(KEY, code, 1005)
    assert codes.admitted(KEY, codes.admit(KEY, shown, b"12345678"), 1005) == shown


def test_a_pass_is_over_some_minutes_later() -> None:
    _, shown = shown_at(1005)
    pass_ = codes.admit(KEY, shown, b"12345678")
    end = 1005 + codes.VALID_SECONDS + codes.PASS_SECONDS
    assert codes.admitted(KEY, pass_, end - 1) == shown
    with pytest.raises(OldCode):
        codes.admitted(KEY, pass_, end)


# -- over HTTP


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TermStage]:
    async with term_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: TermStage) -> AsyncIterator[TestClient[Any, Any]]:
    async with stage.house.client() as made:
        yield made


async def trained(stage: TermStage) -> str:
    lecture = await stage.held("teachers", "教师培训")
    stage.tell(lecture, CODES[0], ("qualified", None), ("failed", None))
    stage.house.results.count(lecture, stage.classes[CODES[0]][0].id, range(MINUTE, MINUTE + 45))
    return lecture


async def ask(client: TestClient[Any, Any], method: str, path: str, status: int = 200, **sent: Any) -> Any:
    sent["headers"] = SAME_ORIGIN | sent.get("headers", {})
    async with client.request(method, path, **sent) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_an_administrator_ticks_the_roster_and_takes_ticks_back(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lecture, me = await trained(stage), stage.tokens["school"]
    base = f"/api/v1/schools/{CODES[0]}/trainings"
    assert [one["id"] for one in (await ask(client, "GET", base, headers=me))["items"]] == [lecture]
    roster = await ask(client, "GET", f"{base}/{lecture}", headers=me)
    assert [one["result"] for one in roster["rooms"]] == ["qualified", "failed"]
    assert [one["outcome"] for one in roster["teachers"]] == ["none"] * 3
    ids = [one["id"] for one in roster["teachers"]]
    order = {"class_id": roster["rooms"][0]["id"], "teacher_ids": ids, "ticked": True}
    roster = await ask(client, "POST", f"{base}/{lecture}/marks", headers=me, json=order)
    assert {(one["outcome"], one["by"], one["lessons"], one["minutes"]) for one in roster["teachers"]} == {
        ("credited", "School", 1.0, 45)
    }
    undo = order | {"teacher_ids": ids[:1], "ticked": False}
    roster = await ask(client, "POST", f"{base}/{lecture}/marks", headers=me, json=undo)
    assert [one["outcome"] for one in roster["teachers"]] == ["none", "credited", "credited"]
    counted = await ask(client, "GET", f"/api/v1/coverage?term={TERM}", headers=me)
    assert (counted["cells"]["teachers"]["done"], counted["cells"]["teachers"]["of"]) == (2, 3)
    async with stage.house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(TrainingMark)) == 4
        told = await session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("training.")))
        assert sorted(told) == ["training.ticked", "training.unticked"]


async def test_a_venue_without_a_credited_result_gives_no_credit(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lecture, me = await trained(stage), stage.tokens["school"]
    order = {
        "class_id": stage.classes[CODES[0]][1].id,
        "teacher_ids": [stage.teachers[CODES[0]][0].id],
        "ticked": True,
    }
    roster = await ask(client, "POST", f"/api/v1/schools/{CODES[0]}/trainings/{lecture}/marks", headers=me, json=order)
    assert roster["teachers"][0]["outcome"] == "venue"


@pytest.mark.parametrize(("name", "school", "status"), [("school", 1, 404), ("county", 2, 404), ("auditor", 0, 403)])
async def test_only_those_of_the_school_and_above_see_names(
    stage: TermStage, client: TestClient[Any, Any], name: str, school: int, status: int
) -> None:
    lecture = await trained(stage)
    path = f"/api/v1/schools/{CODES[school]}/trainings/{lecture}"
    await ask(client, "GET", path, status, headers=stage.tokens[name])


async def test_wrong_rooms_and_strangers_are_refused(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture, me = await trained(stage), stage.tokens["school"]
    path = f"/api/v1/schools/{CODES[0]}/trainings/{lecture}/marks"
    mine, room = stage.teachers[CODES[0]][0].id, stage.classes[CODES[0]][0].id
    other, elsewhere = stage.teachers[CODES[1]][0].id, stage.classes[CODES[1]][0].id
    wrong = {"class_id": elsewhere, "teacher_ids": [mine], "ticked": True}
    assert (await ask(client, "POST", path, 422, headers=me, json=wrong))["code"] == "no_room"
    wrong = {"class_id": room, "teacher_ids": [mine, other], "ticked": True}
    assert (await ask(client, "POST", path, 422, headers=me, json=wrong))["code"] == "no_teacher"
    pupils = await stage.held("pupils", "学生课", NOON + timedelta(days=1))
    await ask(client, "GET", f"/api/v1/schools/{CODES[0]}/trainings/{pupils}", 404, headers=me)


async def code_on(stage: TermStage, client: TestClient[Any, Any], screen: str) -> str:
    path = f"/api/v1/screens/{screen}/training-code"
    told = await ask(client, "POST", path, headers={"Authorization": "Bearer jtd_screen"})
    assert told["svg"].startswith("<svg")
    return str(told["url"]).rpartition("/in/")[2]


async def test_a_teacher_signs_in_and_out_by_the_codes_of_the_venue(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lecture = await trained(stage)
    room = stage.classes[CODES[0]][0].id
    screen = await stage.house.directory.add_screen(room, 1, opaque.DEVICE_TOKEN + "screen")
    for minutes, way in ((-4, "in"), (46, "out")):
        stage.house.wall.now = NOON + timedelta(minutes=minutes)
        await over(stage, lecture, None if way == "in" else NOON + timedelta(minutes=45))
        code = await code_on(stage, client, screen)
        arrival = await ask(client, "POST", "/api/v1/training/arrivals", json={"code": code})
        assert arrival == {"title": "教师培训", "room": "二(1)班", "school": "01校", "way": way}
        names = (await ask(client, "POST", "/api/v1/training/names", json={"staff_no": "A1"}))["names"]
        assert sorted(names) == ["教师01丙", "教师01乙", "教师01甲"]
        wrong = {"staff_no": "A1", "name": "教师01甲"}
        assert (await ask(client, "POST", "/api/v1/training/signs", 422, json=wrong))["code"] == "no_such_teacher"
        signed = await ask(client, "POST", "/api/v1/training/signs", json=wrong | {"name": "教师01乙"})
        assert signed["way"] == way
        again = wrong | {"name": "教师01乙"}
        assert (await ask(client, "POST", "/api/v1/training/signs", 410, json=again))["code"] == "pass_expired"
    roster = await ask(client, "GET", f"/api/v1/schools/{CODES[0]}/trainings/{lecture}", headers=stage.tokens["school"])
    assert [(one["outcome"], one["minutes"]) for one in roster["teachers"]] == [
        ("none", 0),
        ("credited", 45),
        ("none", 0),
    ]


async def over(stage: TermStage, lecture: str, at: datetime | None) -> None:
    async with stage.house.db.writing() as session:
        row = await session.scalar(select(Broadcast).where(Broadcast.lecture_id == lecture))
        assert row is not None
        row.ended_at = at


async def test_a_relayed_code_is_refused_with_a_sentence(stage: TermStage, client: TestClient[Any, Any]) -> None:
    lecture = await trained(stage)
    await over(stage, lecture, None)
    room = stage.classes[CODES[0]][0].id
    screen = await stage.house.directory.add_screen(room, 1, opaque.DEVICE_TOKEN + "screen")
    stage.house.wall.now = NOON
    code = await code_on(stage, client, screen)
    stage.house.wall.now = NOON + timedelta(seconds=31)
    told = await ask(client, "POST", "/api/v1/training/arrivals", 410, json={"code": code})
    assert (told["code"], "scan the one on the screen" in told["title"]) == ("code_expired", True)
    assert (await ask(client, "POST", "/api/v1/training/names", 410, json={"staff_no": "A1"}))["code"] == "pass_expired"


async def test_one_person_uses_a_code_once_and_a_pass_has_few_tries(
    stage: TermStage, client: TestClient[Any, Any]
) -> None:
    lecture = await trained(stage)
    await over(stage, lecture, None)
    room = stage.classes[CODES[0]][0].id
    screen = await stage.house.directory.add_screen(room, 1, opaque.DEVICE_TOKEN + "screen")
    stage.house.wall.now = NOON
    code = await code_on(stage, client, screen)
    me = {"staff_no": "A1", "name": "教师01乙"}
    for _ in range(2):
        await ask(client, "POST", "/api/v1/training/arrivals", json={"code": code})
        await ask(client, "POST", "/api/v1/training/signs", json=me)
    async with stage.house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(TrainingMark)) == 1
    await ask(client, "POST", "/api/v1/training/arrivals", json={"code": code})
    for _ in range(5):
        await ask(client, "POST", "/api/v1/training/names", json={"staff_no": "B9"})
    assert (await ask(client, "POST", "/api/v1/training/signs", 429, json=me))["code"] == "too_many_tries"


async def test_a_screen_shows_no_code_outside_a_training(stage: TermStage, client: TestClient[Any, Any]) -> None:
    await trained(stage)
    room = stage.classes[CODES[0]][0].id
    screen = await stage.house.directory.add_screen(room, 1, opaque.DEVICE_TOKEN + "screen")
    path = f"/api/v1/screens/{screen}/training-code"
    for minutes in (-21, 76):
        stage.house.wall.now = NOON + timedelta(minutes=minutes)
        await ask(client, "POST", path, 404, headers={"Authorization": "Bearer jtd_screen"})


async def test_marks_are_never_changed(stage: TermStage) -> None:
    lecture = await trained(stage)
    room, teacher = stage.classes[CODES[0]][0].id, stage.teachers[CODES[0]][0].id
    await stage.house.coverage.trainings.tick(CODES[0], lecture, room, [teacher], True, "admin")
    for statement in ("UPDATE training_marks SET action = 'unticked'", "DELETE FROM training_marks"):
        with pytest.raises(SQLAlchemyError, match="append-only"):
            async with stage.house.db.writing() as session:
                await session.execute(text(statement))
