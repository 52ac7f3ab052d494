"""A term with lectures that were held, for tests of coverage: two schools of one county unit and one of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.coverage.results import ClassResult
from signaling.directory.models import School, SchoolClass, Teacher
from signaling.lectures.models import Lecture
from signaling.live.models import Broadcast
from tests.support.platform import NOON, PREFECTURE, Platform, platform
from tests.support.results import ALWAYS

TERM = "2025-2026-2"
HOME, AWAY = "522301", "522302"
CODES = ("2152230101", "3152230102", "2152230201")


@dataclass
class TermStage:
    """The platform, its three schools with two classes of 40 each and three teachers, and who asks."""

    house: Platform
    classes: dict[str, list[SchoolClass]] = field(default_factory=dict)
    teachers: dict[str, list[Teacher]] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    lecturer: User | None = None

    async def fill(self) -> None:
        """Write down schools, staff and people."""
        schools = [
            School(code=code, region_code=region, name=f"{code[-2:]}校", kind=code[:2])
            for code, region in zip(CODES, (HOME, HOME, AWAY), strict=True)
        ]
        for school in schools:
            self.classes[school.code] = [_class(school, number) for number in (1, 2)]
            self.teachers[school.code] = [
                Teacher(school_code=school.code, staff_no=f"A{n}", name=f"教师{school.code[-2:]}{'甲乙丙'[n]}")
                for n in range(3)
            ]
        await self.house.directory.add_schools(schools, [one for its in self.classes.values() for one in its])
        async with self.house.db.writing() as session:
            session.add_all(one for its in self.teachers.values() for one in its)
        self.lecturer = await self.house.person("lecturer", Role.LECTURER)
        await self.house.terms.seed(self.house.today())
        for name, role, node in (
            ("prefecture", Role.PREFECTURE_ADMIN, PREFECTURE),
            ("county", Role.COUNTY_ADMIN, HOME),
            ("school", Role.SCHOOL_ADMIN, CODES[0]),
            ("auditor", Role.AUDITOR, PREFECTURE),
            ("operator", Role.OPERATOR, PREFECTURE),
        ):
            user = await self.house.person(name, role, node)
            await self.house.auth.keep_api_token(f"jta_{name}", user.id, "test")
            self.tokens[name] = {"Authorization": f"Bearer jta_{name}"}

    async def held(self, kind: str, title: str, at: datetime = NOON, *, counts: bool = True, over: bool = True) -> str:
        """Plan a lecture for the whole prefecture and hold it for 45 minutes."""
        assert self.lecturer is not None
        lecture = await self.house.lecture(self.lecturer, title=title, at=at)
        await self.house.lectures.freeze_targets(lecture)
        async with self.house.db.writing() as session:
            row = await session.get_one(Lecture, lecture)
            row.audience_kind, row.counts, row.minutes = kind, counts, 45
            session.add(
                Broadcast(
                    lecture_id=lecture,
                    state="ended" if over else "live",
                    started_at=at,
                    ended_at=at + timedelta(minutes=45) if over else None,
                )
            )
        return lecture

    def tell(self, lecture: str, school: str, *results: tuple[str, int | None], at: datetime = ALWAYS) -> None:
        """Say result and number of each class of a school, and when that was settled."""
        rows = [
            ClassResult(made.id, result, 40, present)
            for made, (result, present) in zip(self.classes[school], results, strict=True)
        ]
        self.house.results.tell(lecture, school, HOME if school != CODES[2] else AWAY, *rows, at=at)


def _class(school: School, number: int) -> SchoolClass:
    return SchoolClass(
        school_code=school.code,
        code=f"2024-{school.kind}-0{number}",
        name=f"二({number})班",
        entry_year=2024,
        stage=school.kind,
        number=number,
        pupils=40,
    )


@asynccontextmanager
async def term_stage(folder: Path) -> AsyncIterator[TermStage]:
    """Yield the stage."""
    async with platform(folder, invented=False) as house:
        made = TermStage(house)
        await made.fill()
        yield made
