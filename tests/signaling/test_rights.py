"""Every route, every role, something of one's own, of a neighbour, of another county unit and of nowhere: as the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.databases import POSTGRESQL
from tests.support.rights import ROLES, SERVED, column, read_table

SCOPED = ("county_admin", "school_admin", "screen")  # whose rights are conditions of queries
OF_THE_COUNTY = {
    "GET /api/v1/terms",
    "GET /api/v1/terms/current",
    "GET /api/v1/terms/{region}/{term}/books",
}  # what neighbours have in common
OF_THE_PREFECTURE = {"GET /api/v1/experts/{expert_id}"}  # the pool is one for all county units
OF_ANY_SCHOOL = {"POST /api/v1/lectures/preview"}  # lecturers plan for whom they like and get numbers


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ROLES if not POSTGRESQL else SCOPED)
async def test_every_route_gives_a_role_what_the_table_says_and_nothing_of_others(role: str, tmp_path: Path) -> None:
    cells, leaks = await column(role, tmp_path)
    assert {f"{method} {path}": signs for (method, path), signs in cells.items()} == read_table()[role]
    assert leaks == []


@pytest.mark.parametrize(("role", "hidden"), [("county_admin", (2,)), ("school_admin", (1, 2)), ("screen", (1, 2))])
def test_the_table_gives_nothing_foreign_away(role: str, hidden: tuple[int, ...]) -> None:
    given = [
        route
        for route, signs in read_table()[role].items()
        if len(signs) == 4
        and route not in OF_THE_COUNTY | OF_THE_PREFECTURE
        and any(signs[place] == SERVED for place in hidden)
    ]
    assert given == []


def test_the_table_gives_the_same_for_foreign_and_for_nowhere() -> None:
    telling = [
        (role, route, signs)
        for role in ("county_admin", "school_admin", "lecturer", "screen")
        for route, signs in read_table()[role].items()
        if len(signs) == 4 and signs[2] != signs[3] and route not in OF_ANY_SCHOOL | OF_THE_PREFECTURE
    ]
    assert telling == []


def test_strangers_open_nothing_of_the_api_but_doors() -> None:
    doors = {
        "GET /api/v1/openapi.json",
        "POST /api/v1/session",
        "POST /api/v1/session/code",
        "POST /api/v1/session/invitation",
        "POST /api/v1/invited",
        "POST /api/v1/invited/password",
        "DELETE /api/v1/session",
        "POST /api/v1/pairings",
        "POST /api/v1/home/visits",
        "POST /api/v1/training/arrivals",
        "POST /api/v1/training/names",
        "POST /api/v1/training/signs",
        "POST /api/v1/screens/repair",
        "GET /api/v1/line-tests/time",
        "GET /api/v1/line-tests/download",
        "POST /api/v1/line-tests/upload",
        "POST /api/v1/line-tests/connection",
    }
    nobody = read_table()["nobody"]
    assert {route for route, signs in nobody.items() if SERVED in signs and "/api/" in route} == doors
