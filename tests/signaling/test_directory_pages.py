"""Pages that were found without sorting the list, put together, are the list; in every order, for every scope, under every filter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from signaling.auth import opaque
from signaling.directory import queries, teachers
from signaling.directory.models import Teacher
from signaling.directory.pages_service import window
from signaling.directory.queries import ClassFilter, Scope
from signaling.directory.teachers import TeacherFilter
from signaling.screens import queries as screen_queries
from signaling.screens.queries import ScreenFilter
from tests.support.platform import NOON, Platform, platform

SIZE = 7
COUNTY = "522301"
Turn = Callable[[int, int], Awaitable[tuple[Sequence[Any], int]]]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        for number, one in enumerate(made.classes):
            if number % 3:
                await made.directory.add_screen(one.id, 1, opaque.mint(opaque.DEVICE_TOKEN))
        async with made.db.writing() as session:
            for number, school in enumerate(made.schools):
                names = (f"教师{number}{letter}" for letter in "甲乙丙丁"[: number % 4])
                session.add_all(
                    Teacher(school_code=school.code, staff_no=f"{9 - place}", name=name, subject="语文")
                    for place, name in enumerate(names)
                )
        yield made


def scopes(node: Platform) -> list[Scope]:
    """The prefecture, a county unit, a school, and nobody's."""
    school = next(one.code for one in node.schools if one.region_code == COUNTY)
    return [Scope(None), Scope(frozenset({COUNTY})), Scope(frozenset(), school), Scope(frozenset())]


async def all_of(node: Platform, statement: Any) -> list[str]:
    async with node.db.reading() as session:
        return [row[0].id for row in await session.execute(statement)]


async def put_together(turn: Turn, key: Callable[[Any], str]) -> list[str]:
    """Return the keys of all pages; the last must tell how many there are."""
    found: list[str] = []
    for page in count():
        rows, total = await turn(SIZE, page * SIZE)
        found += [key(row) for row in rows]
        if len(rows) < SIZE:
            assert total == len(found)
            return found
    raise AssertionError


@pytest.mark.parametrize("sort", ["", "name", "-pupils", "-school"])
@pytest.mark.parametrize(
    "narrow", [{}, {"text": "小学"}, {"county": COUNTY}, {"text": "1班 第"}, {"stage": "21"}, {"text": "无"}]
)
async def test_classes(node: Platform, sort: str, narrow: dict[str, str]) -> None:
    wanted = ClassFilter(**narrow, sort=sort, today=node.today())
    for scope in scopes(node):
        pages = await put_together(
            lambda limit, offset, scope=scope: node.directory.classes(scope, wanted, limit, offset),  # type: ignore[misc]
            lambda row: str(row.school_class.id),
        )
        assert pages == await all_of(node, queries.classes(scope, wanted))


@pytest.mark.parametrize("sort", ["", "name", "-name", "staff_no", "-school"])
@pytest.mark.parametrize(
    "narrow", [{}, {"text": "甲"}, {"text": "9"}, {"county": COUNTY}, {"subject": "语文"}, {"text": "小学 乙"}]
)
async def test_teachers(node: Platform, sort: str, narrow: dict[str, str]) -> None:
    wanted = TeacherFilter(**narrow, sort=sort, state="here", today=node.today())
    for scope in scopes(node):
        pages = await put_together(
            lambda limit, offset, scope=scope: node.teachers.teachers(scope, wanted, limit, offset),  # type: ignore[misc]
            lambda row: str(row.teacher.id),
        )
        assert pages == await all_of(node, teachers.teachers(scope, wanted))


@pytest.mark.parametrize(
    "narrow", [{}, {"text": "小学"}, {"county": COUNTY}, {"state": "never"}, {"state": "there"}, {"line": "untested"}]
)
async def test_screens(node: Platform, narrow: dict[str, str]) -> None:
    wanted = ScreenFilter(**narrow)
    for scope in scopes(node):
        pages = await put_together(
            lambda limit, offset, scope=scope: node.screens.page(scope, wanted, limit, offset),  # type: ignore[misc]
            lambda row: str(row.screen.id),
        )
        assert pages == await all_of(node, screen_queries.screens(scope, wanted, NOON))


def test_a_page_lies_in_few_schools() -> None:
    numbers = [("a", 3), ("b", 4), ("c", 2)]
    assert window(numbers, 3, 0) == (["a"], 0)
    assert window(numbers, 3, 2) == (["a", "b"], 2)
    assert window(numbers, 3, 3) == (["b"], 0)
    assert window(numbers, 9, 4) == (["b", "c"], 1)
    assert window(numbers, 3, 9) == ([], 0)
