"""Role x agency x permission: as the table beside auth says; an agency narrows and never widens."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from config.agencies import Agency, AgencyFileError
from signaling.auth import opaque
from signaling.auth.agencies import Agencies
from signaling.auth.identity import GRANTS, Permission, Role
from signaling.auth.models import User
from tests.support.platform import platform

TABLE = Path(__file__).parents[2] / "signaling" / "auth" / "AGENCIES.md"
AGENCIES = (None, "narcotics", "education", "police")


def table() -> dict[str, dict[str, bool]]:
    """Column -> permission -> whether it is marked."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines[lines.index(next(filter(_is_head, lines))) :] if line.startswith(("| `", "| perm"))]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names, *cells = rows
    return {name: {row[0].strip("`"): row[at] == "✓" for row in cells} for at, name in enumerate(names) if at}


def _is_head(line: str) -> bool:
    return line.startswith("| permission |")


@pytest.mark.parametrize("agency", AGENCIES)
@pytest.mark.parametrize("role", list(Role))
def test_every_role_with_every_agency_may_what_the_table_says(role: Role, agency: str | None) -> None:
    rights, marked = Agencies.of_file().rights(role, agency), table()
    assert set(marked) == {*(one.value for one in Role), *filter(None, AGENCIES)}
    for permission in Permission:
        expected = marked[role.value][permission.value] and (agency is None or marked[agency][permission.value])
        assert (permission in rights) is expected, permission


@pytest.mark.parametrize("agency", AGENCIES[1:])
@pytest.mark.parametrize("role", list(Role))
def test_an_agency_never_widens_a_role(role: Role, agency: str) -> None:
    everything = Agency(key=agency, name="全部", permissions=("*.*",))
    assert Agencies.of_file().rights(role, agency) <= GRANTS[role]
    assert Agencies([everything]).rights(role, agency) == GRANTS[role]


def test_only_the_office_against_drugs_approves_and_the_police_changes_nothing() -> None:
    agencies = Agencies.of_file()
    rights = {agency: agencies.rights(Role.PREFECTURE_ADMIN, agency) for agency in AGENCIES}
    assert [agency for agency in AGENCIES[1:] if Permission.LECTURE_REVIEW in rights[agency]] == ["narcotics"]
    assert [agency for agency in AGENCIES[1:] if Permission.DIRECTORY_EDIT in rights[agency]] == ["education"]
    assert {right.value.split(".")[1] for right in rights["police"]} == {"read", "export"}


def test_an_agency_that_the_file_does_not_know_allows_nothing() -> None:
    assert Agencies().rights(Role.PREFECTURE_ADMIN, "education") == frozenset()
    assert Agencies().rights(Role.PREFECTURE_ADMIN, None) == GRANTS[Role.PREFECTURE_ADMIN]


def test_a_permission_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AgencyFileError, match=r"narcotics: no permission is named 'lecture\.aprove'"):
        Agencies([Agency(key="narcotics", name="州禁毒办", permissions=("lecture.read", "lecture.aprove"))])


async def test_a_request_has_the_rights_of_role_and_agency(tmp_path: Path) -> None:
    async with platform(tmp_path) as here:
        kept = await here.person("keeper", Role.PREFECTURE_ADMIN)
        token = opaque.mint(opaque.API_TOKEN)
        await here.auth.keep_api_token(token, kept.id, "test")
        request = make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {token}"})
        before = await here.auth.principal(request)
        async with here.db.writing() as session:
            (await session.get_one(User, kept.id)).agency = "police"
        after = await here.auth.principal(request)
    assert before is not None
    assert after is not None
    assert (before.may(Permission.LECTURE_CUT), before.agency) == (True, None)
    assert (after.may(Permission.LECTURE_CUT), after.may(Permission.LECTURE_READ), after.agency) == (
        False,
        True,
        "police",
    )
