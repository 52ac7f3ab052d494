"""An invented prefecture: its files, and what people and years of work add to them, by SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import String, func, insert, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from config.regions import load_regions
from config.settings import load
from signaling.alerts.models import Alert
from signaling.auth import opaque
from signaling.auth.models import ApiToken, AuditEntry, Login, User
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.db.opening import open_database
from signaling.directory.models import ImportJob, School, SchoolClass, Screen
from signaling.lectures.models import ExpertHours, ExpertProfile, ExpertTag, Lecture, LectureAudience, LectureTarget
from signaling.ledger.events import Subject
from signaling.ledger.facts import Joined
from signaling.ledger.service import LedgerService
from signaling.lines.models import LineTest

SCHOOLS, CLASSES, TEACHERS, LECTURES = 1675, 15_600, 40_000, 500
EXPERTS, AUDITED, COPIED, IMPORTED, HELD = 300, 100_000, 9, 200, 5
"""AUDITED lines of the log are written, and copied COPIED times into the years before. HELD lectures have opened: their classes, arrivals
and alarms are written down."""

PREFECTURE: Final = "522300"
HEAD: Final = {
    "schools": "学校标识码,学校名称,县（市、区）",
    "classes": "学校标识码,班级名称,班级人数",
    "teachers": "学校标识码,工号,姓名,任教学科",
}
ACTIONS: Final = ("login.succeeded", "person.changed", "class.changed", "screen.paired", "lecture.published")
MOST_AT_ONCE: Final = 20_000
Row = dict[str, Any]


def files(folder: Path) -> dict[str, Path]:
    """Write the three files that an office brings; return them by what they hold, in the order of bringing."""
    counties = [region.name for region in load_regions() if region.parent and not region.direct]
    codes = [f"2152{number:06d}" for number in range(SCHOOLS)]
    lines = {
        "schools": [f"{code},第{number}小学,{counties[number % len(counties)]}" for number, code in enumerate(codes)],
        "classes": [_class_line(codes[number % SCHOOLS], number // SCHOOLS, number) for number in range(CLASSES)],
        "teachers": [
            f"{codes[number % SCHOOLS]},{number // SCHOOLS:03d},教师{number},语文" for number in range(TEACHERS)
        ],
    }
    made = {what: folder / f"{what}.csv" for what in lines}
    for what, path in made.items():
        path.write_text("\n".join([HEAD[what], *lines[what]]), "utf-8")
    return made


def _class_line(code: str, place: int, number: int) -> str:
    return f"{code},{2021 + place % 6}级{1 + place // 6}班,{30 + number % 20}"


async def fill(folder: Path) -> dict[str, str]:
    """Add screens, people, lectures and their traces; return a class, a lecture that was held, and a county's and a school's token."""
    db, now = open_database(load(overrides={"server": {"data_dir": folder}})), utc_now()
    try:
        async with db.writing() as session:
            classes = [tuple(row) for row in await session.execute(_classes())]
            schools = [tuple(row) for row in await session.execute(select(School.code, School.region_code))]
            await _screens(session, [row[0] for row in classes], now)
            people = _people(schools, now)
            await _add(session, User, people)
            await _add(session, Login, (_login(row["id"], now) for row in people))
            await _experts(session, now)
            held = await _lectures(session, now)
            await _traces(session, held, classes, schools, now)
            await _add(session, AuditEntry, _audit([row["id"] for row in people], now))
            for years in range(1, COPIED + 1):
                await session.execute(_earlier(years))
            await _add(session, ImportJob, (_job(people[0]["id"], number, now) for number in range(IMPORTED)))
            tokens = {name: opaque.mint(opaque.API_TOKEN) for name in ("county", "school")}
            keepers = {
                "county": next(row["id"] for row in people if row["role"] == "county_admin"),
                "school": next(row["id"] for row in people if row["role"] == "school_admin"),
            }
            await _add(session, ApiToken, (_token(tokens[name], user, now) for name, user in keepers.items()))
        await _arrivals(db, folder, held, [str(row[0]) for row in classes], now)
    finally:
        await db.close()
    return tokens | {"class": str(classes[0][0]), "lecture": held[-1]}


async def _add(session: AsyncSession, table: Any, rows: Any) -> None:
    coming = iter(rows)
    while part := list(islice(coming, MOST_AT_ONCE)):
        await session.execute(insert(table), part)


def _classes() -> Any:
    joined = select(SchoolClass.id, School.code, School.region_code, SchoolClass.pupils)
    return joined.join(School, School.code == SchoolClass.school_code).order_by(SchoolClass.id)


async def _screens(session: AsyncSession, classes: Sequence[str], now: datetime) -> None:
    """Give every class a screen that has been tested three times."""
    hung = set(await session.scalars(select(Screen.class_id)))
    screens = [
        {"id": uuid7(), "class_id": one, "paired_at": now, "last_seen_at": now, "agent": "Chrome/109"}
        | {"line_verdict": "good", "line_tested_at": now}
        for one in classes
        if one not in hung
    ]
    await _add(session, Screen, screens)
    tests = (
        {"screen_id": screen["id"], "run": uuid7(), "at": now - timedelta(days=day), "verdict": "good"}
        | {"agent": "Chrome/109", "lines": "[]"}
        for screen in screens
        for day in range(3)
    )
    await _add(session, LineTest, tests)


def _people(schools: Sequence[tuple[Any, ...]], now: datetime) -> list[Row]:
    """Two accounts a school, three a county unit."""
    posts = [(code, "school_admin") for code, _ in schools for _ in range(2)]
    posts += [(region.code, "county_admin") for region in load_regions() if region.parent for _ in range(3)]
    return [
        {"id": uuid7(), "login": f"{role}-{number}", "name": f"管理员{number}", "password_hash": "x", "role": role}
        | {"node": node, "created_at": now}
        for number, (node, role) in enumerate(posts)
    ]


def _login(user: str, now: datetime) -> Row:
    return {"token_hash": uuid7(), "user_id": user, "created_at": now, "expires_at": now + timedelta(hours=1)}


def _token(token: str, user: str, now: datetime) -> Row:
    return {"token_hash": opaque.digest(token), "user_id": user, "label": "bench", "created_at": now}


async def _experts(session: AsyncSession, now: datetime) -> None:
    experts = [
        {"id": uuid7(), "login": f"expert-{number}", "name": f"讲师{number}", "password_hash": "x", "role": "lecturer"}
        | {"node": PREFECTURE, "created_at": now}
        for number in range(EXPERTS)
    ]
    ids = [row["id"] for row in experts]
    await _add(session, User, experts)
    await _add(session, ExpertProfile, ({"user_id": one, "field": "禁毒教育", "active": True} for one in ids))
    await _add(session, ExpertTag, ({"user_id": one, "field": "topic", "value": "禁毒教育"} for one in ids))
    hours = ({"user_id": one, "weekday": day, "begins": 480, "ends": 1080} for one in ids for day in range(1, 6))
    await _add(session, ExpertHours, hours)


async def _lectures(session: AsyncSession, now: datetime) -> list[str]:
    """Add a timetable with a lecture an hour; return the earliest, which were held."""
    lecturer = await session.scalar(select(User.id).where(User.role == "lecturer"))
    lectures = [
        {"id": uuid7(), "title": f"第{number}讲", "lecturer_id": lecturer, "minutes": 40, "review": "approved"}
        | {"scheduled_at": now + timedelta(hours=number - LECTURES // 2), "approved_at": now}
        for number in range(LECTURES)
    ]
    await _add(session, Lecture, lectures)
    await _add(session, LectureAudience, ({"lecture_id": row["id"], "node": PREFECTURE} for row in lectures))
    return [str(row["id"]) for row in lectures[:HELD]]


async def _traces(
    session: AsyncSession,
    held: Sequence[str],
    classes: Sequence[tuple[Any, ...]],
    schools: Sequence[tuple[Any, ...]],
    now: datetime,
) -> None:
    """Write down what lectures leave that were held: expected classes, arrivals, reminders of schools."""
    for lecture in held:
        targets = (
            {"lecture_id": lecture, "class_id": one, "school_code": school, "region_code": region, "pupils": pupils}
            for one, school, region, pupils in classes
        )
        await _add(session, LectureTarget, targets)
        await _add(session, Alert, (_reminder(lecture, code, region, now) for code, region in schools))


async def _arrivals(db: Database, folder: Path, held: Sequence[str], classes: Sequence[str], now: datetime) -> None:
    """Write into the ledger that a screen of every class came, twenty-five together as in a rush."""
    wanted = load().ledger.model_copy(update={"gather_seconds": 0.0})
    book = LedgerService(db, wanted, node=load().server.node, boot="bench", data_dir=folder, zone=UTC)
    for lecture in held:
        subject = Subject(lecture, lecture)
        for begin in range(0, len(classes), 25):
            came = (Joined(uuid7(), one, one, now, "bench") for one in classes[begin : begin + 25])
            await book.record(subject, *came)


def _reminder(lecture: str, school: str, region: str, now: datetime) -> Row:
    row = {"rule": "absent", "subject": lecture, "lecture_id": lecture, "node": school, "level": "school"}
    times = {"opened_at": now - timedelta(days=1), "cleared_at": now, "cleared_because": "over"}
    return row | times | {"county": region, "count": 1, "expected": 1}


def _audit(people: Sequence[str], now: datetime) -> Iterator[Row]:
    for number in range(AUDITED):
        actor, subject = people[number % len(people)], people[number * 7 % len(people)]
        at, action = now - timedelta(seconds=number * 60), ACTIONS[number % len(ACTIONS)]
        yield {"at": at, "actor": actor, "action": action, "subject": subject, "detail": json.dumps({"n": number})}


def _earlier(years: int) -> Any:
    """Copy the lines that are less than a year old into another year, in the database (SQLite): a million take seconds so."""
    row, written = AuditEntry, func.strftime("%Y-%m-%d %H:%M:%f000", AuditEntry.at, f"-{years} years")
    at = type_coerce(written, String)
    copied = select(literal(str(years)) + func.substr(row.id, 2), at, row.actor, row.action, row.subject, row.detail)
    this_year = copied.where(row.id < "1")
    return insert(row).from_select(["id", "at", "actor", "action", "subject", "detail"], this_year)


def _job(actor: str, number: int, now: datetime) -> Row:
    row = {"kind": "classes", "state": "done", "file_name": "班级.csv", "file_bytes": 1000, "node": PREFECTURE}
    return row | {"server": "node-1", "actor": actor, "created_at": now - timedelta(days=number)}
