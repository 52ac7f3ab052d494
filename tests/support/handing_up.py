"""A term with something in every table that is handed up: two lectures more, their numbers, faults, corrections, staff, names that bite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select, update

from signaling.alerts.models import Alert, AlertStep
from signaling.coverage.models import HomeView, TrainingMark
from signaling.directory.models import Screen, Teacher
from signaling.lectures.models import Lecture, LectureTarget
from signaling.ledger.events import Subject
from signaling.ledger.facts import Fault
from signaling.live.models import Broadcast
from tests.support.attending import FIRST, SECOND, A, B, C
from tests.support.righting import Office, office
from tests.support.roll import LECTURE, START, at

FORMULA, PLUS = "0052230301", "2152230202"
"""Schools: a code that begins with zeros and a name that is a formula; a name that begins with a plus and has all that CSV must quote."""
SCHOOLS: Final = (
    (FORMULA, "5223Y1", "=SUM(A1:A9)学校", 2),
    (PLUS, "522302", '+民族"希望"小学, 分校', 2),
)
TRAINING, MEETING = Subject("lecture-2", "broadcast-2"), Subject("lecture-3", "broadcast-3")
TRAINING_AT, MEETING_AT = 7_200.0, 14_400.0  # seconds after the start of the pupils' lecture
LONG: Final = "=当日上午因全县例行检修线路停电，教室终端于十时十二分恢复，教师按点名册逐一核对人数后补报；" * 4
STAFF: Final = ((FIRST, "0007", "+张老师"), (FIRST, "0012", "李老师"), (FIRST, "A3", "王老师"), (SECOND, "9", "=赵"))
WINDOWS_7 = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/86.0.4240.198 Safari/537.36"
)


@asynccontextmanager
async def handed_up(folder: Path) -> AsyncIterator[Office]:
    """Yield an office in which every table of the term has rows; everything is settled."""
    async with office(folder, SCHOOLS, by_hls=f"{PLUS}-1") as made:
        await _terminals(made)
        await _numbers(made)
        await _training(made)
        await _meeting(made)
        await made.server.round()
        await _corrections(made)
        await made.server.round()
        yield made


async def _terminals(made: Office) -> None:
    """Say what one screen is, and that a school was called."""
    told = update(Screen).where(Screen.class_id == A).values(agent=WINDOWS_7, capability='{"engine": "Chromium 86"}')
    async with made.db.writing() as session:
        await session.execute(told)
        alert = Alert(rule="absent", subject=LECTURE, node=FIRST, level="school", opened_at=at(0))
        session.add(alert)
        await session.flush()
        session.add(AlertStep(alert_id=alert.id, kind="contacted", at=at(30)))


async def _numbers(made: Office) -> None:
    """Have heads counted, one of them by a person with a name, and a class excused."""
    await made.confirm(A, 41, 400)
    await made.confirm(C, 45, 430, by=made.ids["other"])
    power = Fault("f1", "power", f"{FORMULA}-2", START, at(600), made.ids["prefecture"], "", at(700), 1)
    await made.tell(power, subject=Subject())


async def _held(made: Office, of: Subject, kind: str, title: str, begin: float, windows: int) -> None:
    """Hold another lecture for the classes of the first; A and C watch it."""
    async with made.db.writing() as session:
        row = Lecture(id=of.lecture_id, title=title, lecturer_id="u1", scheduled_at=at(begin), approved_at=START)
        row.audience_kind = kind
        session.add(row)
        session.add(Broadcast(id=of.broadcast_id, lecture_id=of.lecture_id, state="live", started_at=at(begin)))
        await session.flush()
        roll = await session.scalars(select(LectureTarget).where(LectureTarget.lecture_id == LECTURE))
        for one in roll.all():
            names = ("class_id", "school_code", "region_code", "pupils")
            session.add(LectureTarget(lecture_id=of.lecture_id, **{name: getattr(one, name) for name in names}))
    await made.server.lecture(A, C, of=of, begin=begin, windows=windows)


async def _training(made: Office) -> None:
    """Train teachers: one is ticked, one signed in and out, one signed in alone; the staff of the other school was never there."""
    await _held(made, TRAINING, "teachers", "教师培训：识毒与防毒", TRAINING_AT, 72)
    await made.confirm(A, 3, TRAINING_AT + 800, TRAINING)
    staff = {number: Teacher(school_code=code, staff_no=number, name=name) for code, number, name in STAFF}
    async with made.db.writing() as session:
        session.add_all(staff.values())
        await session.flush()
        signs = (("0012", "signed_in", -60), ("0012", "signed_out", 760), ("A3", "signed_in", 5))
        session.add_all(
            TrainingMark(
                key=f"{number}{action}",
                lecture_id=TRAINING.lecture_id,
                school_code=FIRST,
                teacher_id=staff[number].id,
                class_id=A,
                action=action,
                at=at(TRAINING_AT + seconds),
            )
            for number, action, seconds in signs
        )
    made.clock.now = at(TRAINING_AT + 1000)
    ticked = [staff["0007"].id]
    await made.coverage.trainings.tick(FIRST, TRAINING.lecture_id, A, ticked, True, made.ids["teacher"])


async def _meeting(made: Office) -> None:
    """Hold a parents' meeting in a class, with seven households of another at home."""
    await _held(made, MEETING, "parents", "家长会：家庭防毒", MEETING_AT, 72)
    await made.confirm(A, 38, MEETING_AT + 400, MEETING)
    async with made.db.writing() as session:
        session.add_all(
            HomeView(lecture_id=MEETING.lecture_id, class_id=C, household=f"h{n}", at=at(MEETING_AT)) for n in range(7)
        )
    made.clock.now = at(MEETING_AT) + timedelta(hours=1)


async def _corrections(made: Office) -> None:
    """Correct a number for a reason that is told at length, and a result."""
    told = {"note": LONG[:200], "evidence": "+教务〔2026〕007号"}
    await made.approved("teacher", "county", A, "present", "44", "count", **told)
    await made.approved("teacher", "colleague", B, "result", "excused", "power", note="停电")
