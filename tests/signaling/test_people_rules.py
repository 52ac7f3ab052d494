"""Who may give which role at which node: the table, and what follows from it for every pair."""

from __future__ import annotations

from itertools import product

import pytest

from signaling.auth.agencies import Agencies
from signaling.auth.identity import GRANTS, Permission, Role
from signaling.auth.people_rules import GIVES, LEVELS, Level, Post, giveable, is_whole, leaves_nobody, manages, refusal

AGENCIES = Agencies.of_file()
LEVEL: dict[Role, Level] = {Role.COUNTY_ADMIN: "county", Role.SCHOOL_ADMIN: "school"}
TABLE = {
    Role.PREFECTURE_ADMIN: set(Role),
    Role.OPERATOR: set(),
    Role.COUNTY_ADMIN: {Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN},
    Role.SCHOOL_ADMIN: {Role.SCHOOL_ADMIN},
    Role.LECTURER: set(),
    Role.REVIEWER: set(),
    Role.AUDITOR: set(),
}


def post(role: Role, agency: str | None = None, level: Level | None = None) -> Post:
    return Post(role, level or LEVEL.get(role, "prefecture"), agency, AGENCIES.rights(role, agency))


@pytest.mark.parametrize(("giver", "wanted"), list(product(Role, Role)))
def test_a_role_gives_what_the_table_says(giver: Role, wanted: Role) -> None:
    given = refusal(post(giver), post(wanted)) is None
    assert given == (wanted in TABLE[giver])
    assert manages(post(giver), post(wanted)) == given
    assert (wanted in giveable(post(giver))) == given


@pytest.mark.parametrize(("giver", "wanted"), [(one, other) for one in Role for other in sorted(GIVES.get(one, ()))])
@pytest.mark.parametrize("agency", [None, "narcotics", "education", "police"])
@pytest.mark.parametrize("other", [None, "narcotics", "education", "police"])
def test_nobody_gives_more_than_they_have(giver: Role, wanted: Role, agency: str | None, other: str | None) -> None:
    from_whom, what = post(giver, agency), post(wanted, other, "prefecture" if other else None)
    if refusal(from_whom, what) is None:
        assert Permission.PERSON_EDIT in from_whom.rights
        assert wanted is Role.LECTURER or what.rights <= from_whom.rights


@pytest.mark.parametrize(("role", "level"), list(product(Role, ("prefecture", "county", "school"))))
def test_a_role_is_held_at_its_level_only(role: Role, level: Level) -> None:
    refused = refusal(post(Role.PREFECTURE_ADMIN), post(role, level=level))
    assert (refused is None) == (level in LEVELS[role])
    assert refused in {None, ("role", "wrong_level")}


def test_an_agency_gives_what_it_has_itself() -> None:
    education, narcotics = (post(Role.PREFECTURE_ADMIN, one) for one in ("education", "narcotics"))
    assert refusal(education, post(Role.PREFECTURE_ADMIN, "education")) is None
    assert refusal(education, post(Role.PREFECTURE_ADMIN)) == ("agency", "more_than_yours")
    assert refusal(education, post(Role.PREFECTURE_ADMIN, "narcotics")) == ("agency", "more_than_yours")
    assert refusal(education, post(Role.COUNTY_ADMIN)) is None, "it keeps the administrators of the schools' data"
    assert refusal(education, post(Role.REVIEWER)) == ("role", "more_than_yours")
    assert refusal(narcotics, post(Role.REVIEWER)) is None
    assert refusal(narcotics, post(Role.COUNTY_ADMIN)) == ("role", "more_than_yours")
    assert refusal(post(Role.PREFECTURE_ADMIN, "police"), post(Role.LECTURER)) == ("role", "not_yours_to_give")


def test_agencies_are_at_the_prefecture() -> None:
    wanted = post(Role.COUNTY_ADMIN, "police")
    assert refusal(post(Role.PREFECTURE_ADMIN), wanted) == ("agency", "agency_elsewhere")


def test_a_node_that_is_gone_has_no_role() -> None:
    gone = Post(Role.SCHOOL_ADMIN, None, None, GRANTS[Role.SCHOOL_ADMIN])
    assert refusal(post(Role.PREFECTURE_ADMIN), gone) == ("role", "wrong_level")
    assert manages(post(Role.PREFECTURE_ADMIN), gone), "somebody has to be able to disable them"


def test_the_last_one_who_may_do_everything_stays() -> None:
    assert is_whole(Role.PREFECTURE_ADMIN, None, disabled=False)
    assert not is_whole(Role.PREFECTURE_ADMIN, "education", disabled=False)
    assert not is_whole(Role.PREFECTURE_ADMIN, None, disabled=True)
    assert leaves_nobody(1, was=True, stays=False)
    assert not leaves_nobody(2, was=True, stays=False)
    assert not leaves_nobody(1, was=True, stays=True)
    assert not leaves_nobody(1, was=False, stays=False)
