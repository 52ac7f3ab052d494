"""A whole node with something at four places, and a person of every role.

**Four places**: `own` is the first school of a county unit, `near` another school of the same unit, `far` a school of another unit,
`nowhere` a code that nothing has. Each of the first three has a class, a screen, a lecture and more (`Sample`), with names of its own,
so that an answer that tells of it can be known by its text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from aiohttp.test_utils import TestClient, TestServer

from config.settings import load
from signaling.alerts.models import Alert, Channel, UrgedSchool, Urging
from signaling.api.pages import PAGES, Pages
from signaling.app import Node
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.corrections.models import Correction
from signaling.db.base import utc_now
from signaling.directory.models import ImportJob, School, SchoolClass, Teacher
from signaling.directory.terms import Span
from signaling.lectures.models import Lecture, LectureTarget
from signaling.library.models import RecordingEntry

HOME, AWAY, PREFECTURE, NOWHERE = "522301", "522323", "522300", "999999"
OWN, NEAR, FAR = "本校", "邻校", "外县校"
PLACES: Final = ("own", "near", "far", "nowhere")
ABSENT: Final = "00000000-0000-7000-8000-000000000000"

COMMON: Final = {
    "term": "2026-2027-1",
    "kind": "quiz",
    "day": "2026-10-12",
    "file": "03.csv",
    "secret": "jtc_none",
    "pairing_id": ABSENT,
    "fault_id": ABSENT,
    "session_id": ABSENT,
    "login_id": ABSENT,
    "path": "index.m3u8",
    "folder": "assets",
    "name": "none.js",
    "rest": "x",
    "format": "csv",
    "table": "05.csv",
    "code": "none",
    "template": "schools.xlsx",
}
"""Values of path parameters that belong to no place."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What there is at one place: values of path parameters by their names, and the words by which it can be known."""

    values: Mapping[str, str]
    marks: tuple[str, ...] = ()


class Scene:
    """The node with its four places."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.people: dict[str, str] = {}
        self.samples: dict[str, Sample] = {}
        self.shared = ""

    async def fill(self) -> None:
        """Write down people and places."""
        for place, county, name in (("own", HOME, OWN), ("near", HOME, NEAR), ("far", AWAY, FAR)):
            self.samples[place] = await self._place(place, county, name)
        lecturer = self.samples["own"].values["lecturer_id"]
        self.shared = await self._lecture(lecturer, PREFECTURE, "全州讲座")
        values = dict.fromkeys(self.samples["own"].values, ABSENT) | COMMON
        self.samples["nowhere"] = Sample(
            values | {"school_code": "2152999999", "region": NOWHERE, "term": "2026-2027-1"}
        )
        school = self.samples["own"].values["school_code"]
        nodes = {Role.COUNTY_ADMIN: HOME, Role.SCHOOL_ADMIN: school}
        for role in Role:
            if role is not Role.LECTURER:
                await self._person(role.value, role, nodes.get(role, PREFECTURE))

    async def _person(self, login: str, role: Role, node: str) -> str:
        user = await self.node.auth.add_user(login, f"人员{login}", role, node, "correct horse 电池")
        token = opaque.mint(opaque.API_TOKEN)
        await self.node.auth.keep_api_token(token, user.id, "test")
        self.people[login] = token
        return user.id

    async def _place(self, place: str, county: str, name: str) -> Sample:
        number = PLACES.index(place) + 1
        school = School(code=f"215230000{number}", region_code=county, name=f"{name}小学", kind="21")
        made = SchoolClass(
            school_code=school.code,
            code="2024-21-01",
            name=f"{name}二年级1班",
            entry_year=2024,
            stage="21",
            number=1,
            pupils=40 + number,
        )
        await self.node.directory.add_schools([school], [made])
        token = opaque.mint(opaque.DEVICE_TOKEN)
        screen = await self.node.directory.add_screen(made.id, 1, token)
        login = "lecturer" if place == "own" else f"lecturer-{place}"
        lecturer = await self._person(login, Role.LECTURER, PREFECTURE)
        lecture = await self._lecture(lecturer, school.code, f"{name}讲座")
        if place == "own":
            self.people["screen"] = token
        await self._expected(lecture, made, county)
        recording = await self._recording(lecture, f"{name}录像")
        person = await self._person(f"keeper-{place}", Role.SCHOOL_ADMIN, school.code)
        alert = await self._alert(lecture, school.code, county)
        rehearsal = (await self.node.rehearsals.begin(lecture, lecturer)).id
        teacher, job = await self._staff(school.code, name)
        values = {
            "teacher_id": teacher,
            "import_id": job,
            "school_code": school.code,
            "class_id": made.id,
            "screen_id": screen,
            "lecture_id": lecture,
            "lecturer_id": lecturer,
            "recording_id": recording,
            "person_id": person,
            "alert_id": alert,
            "rehearsal_id": rehearsal,
            "channel_id": await self._channel(f"{name}通知", school.code),
            "expert_id": lecturer,
            "correction_id": await self._correction(lecture, made.id, school.code, county),
            "urging_id": await self._urging(lecture, lecturer, school.code, county),
            "region": county,
        }
        await self._term(county)
        marks = (name, school.code, made.id, screen, lecture, recording, person, alert, rehearsal, teacher, job)
        return Sample(values | COMMON, marks)

    async def add_lecture(self, lecturer: str, *, approved: bool = True) -> str:
        """Add another lecture for the first school."""
        row = Lecture(title="另一讲座", lecturer_id=lecturer, scheduled_at=utc_now())
        made = await self.node.lectures.add(row, [self.samples["own"].values["school_code"]])
        if approved:
            await self.node.lectures.approve(made, lecturer)
        return made

    async def _staff(self, school: str, name: str) -> tuple[str, str]:
        teacher = Teacher(school_code=school, staff_no="1", name=f"{name}教师")
        job = ImportJob(kind="classes", state="done", file_name=f"{name}.csv", file_bytes=1, node=school, actor="x")
        job.server = self.node.settings.server.node
        async with self.node.db.writing() as session:
            session.add_all([teacher, job])
        return teacher.id, job.id

    async def _lecture(self, lecturer: str, node: str, title: str) -> str:
        row = Lecture(title=title, lecturer_id=lecturer, scheduled_at=utc_now())
        made = await self.node.lectures.add(row, [node])
        await self.node.lectures.approve(made, lecturer)
        return made

    async def _expected(self, lecture: str, made: SchoolClass, county: str) -> None:
        """Expect a class at a lecture, as its opening does."""
        where = {"school_code": made.school_code, "region_code": county, "pupils": made.pupils}
        async with self.node.db.writing() as session:
            session.add(LectureTarget(lecture_id=lecture, class_id=made.id, **where))

    async def _alert(self, lecture: str, school: str, county: str) -> str:
        row = Alert(rule="absent", subject=lecture, lecture_id=lecture, node=school, level="school", county=county)
        row.opened_at = utc_now()
        async with self.node.db.writing() as session:
            session.add(row)
        return row.id

    async def _urging(self, lecture: str, actor: str, school: str, county: str) -> str:
        now = utc_now()
        row = Urging(lecture_id=lecture, node=county, actor=actor, at=now)
        async with self.node.db.writing() as session:
            session.add(row)
            await session.flush()
            sent = UrgedSchool(urging_id=row.id, school_code=school, lecture_id=lecture, county=county, at=now)
            sent.missing = sent.expected = 1
            session.add(sent)
        return row.id

    async def _channel(self, name: str, node: str) -> str:
        row = Channel(name=name, kind="webhook", node=node, rules="absent", hint="https://example.org/…", sealed="")
        async with self.node.db.writing() as session:
            session.add(row)
        return row.id

    async def _correction(self, lecture: str, class_id: str, school: str, county: str) -> str:
        row = Correction(lecture_id=lecture, scope=class_id, level="class", school_code=school, region_code=county)
        row.field, row.old, row.new, row.reason, row.unit, row.unit_name = "present", "", "1", "count", school, school
        row.requested_by, row.requested_at = "x", utc_now()
        async with self.node.db.writing() as session:
            session.add(row)
        return row.id

    async def _term(self, county: str) -> None:
        if await self.node.terms.one(county, COMMON["term"]) is None:
            span = Span(date(2026, 9, 2), date(2027, 1, 19))
            await self.node.terms.put(county, COMMON["term"], span, None, "test")

    async def _recording(self, lecture: str, title: str) -> str:
        row = RecordingEntry(lecture_id=lecture, broadcast_id=f"b-{title}", title=title, started_at=utc_now())
        async with self.node.db.writing() as session:
            session.add(row)
        return row.id


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[tuple[Scene, TestClient[Any, Any]]]:
    """Yield a whole node with its places, and a client without cookies."""
    media = {"port": 0, "hosts": ["127.0.0.1"]}
    (folder / "dist").mkdir(parents=True)
    for page in PAGES:
        (folder / "dist" / f"{page}.html").write_text("{!doctype html><title>page</title}")
    overrides: dict[str, dict[str, object]] = {"server": {"data_dir": folder / "data"}, "media": media}
    overrides["alerts"] = {"round_seconds": 3600.0}  # the places have the alarms that they are given
    overrides["live"] = {"requests_per_second": 100.0}  # one screen asks every route at once here
    node = Node(load(overrides=overrides), Pages(folder / "dist"))
    try:
        await node.start()
        made = Scene(node)
        await made.fill()
        async with TestClient(TestServer(node.web_app)) as client:
            yield made, client
    finally:
        await node.stop()
