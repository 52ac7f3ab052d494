"""Who may make whom what, and where. Tables and plain values; no session, no clock.

1. **Every role has its level** (`LEVELS`): rights that are not scoped, as a reviewer's, exist at the prefecture only.
2. **Only who gives a role (`GIVES`) may add, change, disable or reset its people**, and only within their own node.
3. **Nobody gives more than they have**: the rights of role and agency together are among the giver's own. A lecturer's rights hold for
   their own lectures alone and are not compared.
4. **Nobody changes what they are themselves**: role, node, agency, disabled or not.
5. **One prefecture administrator without an agency always stays**, who may do everything (`leaves_nobody`).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final, Literal

from signaling.auth.identity import Permission, Role

Level = Literal["prefecture", "county", "school"]

LEVELS: Final[Mapping[Role, frozenset[Level]]] = {
    Role.PREFECTURE_ADMIN: frozenset({"prefecture"}),
    Role.OPERATOR: frozenset({"prefecture"}),
    Role.COUNTY_ADMIN: frozenset({"county"}),
    Role.SCHOOL_ADMIN: frozenset({"school"}),
    Role.LECTURER: frozenset({"prefecture", "county", "school"}),
    Role.REVIEWER: frozenset({"prefecture"}),
    Role.AUDITOR: frozenset({"prefecture"}),
}
"""The levels at which a role can be held; a lecturer's is where they work."""

GIVES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.PREFECTURE_ADMIN: frozenset(Role),
    Role.COUNTY_ADMIN: frozenset({Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN}),
    Role.SCHOOL_ADMIN: frozenset({Role.SCHOOL_ADMIN}),
}
"""The roles that a role gives within its node: administrators below it, and deputies beside it."""


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is: a role, the level of its node, an agency, and the rights that follow from role and agency."""

    role: Role
    level: Level | None
    agency: str | None
    rights: Set[Permission]


def giveable(giver: Post) -> frozenset[Role]:
    """Return the roles that somebody may give at all."""
    return GIVES.get(giver.role, frozenset()) if Permission.PERSON_EDIT in giver.rights else frozenset()


def manages(giver: Post, held: Post) -> bool:
    """Whether the giver may change somebody of that post who lies within the giver's node."""
    return held.role in giveable(giver) and (held.role is Role.LECTURER or held.rights <= giver.rights)


def refusal(giver: Post, wanted: Post) -> tuple[str, str] | None:
    """Return field and reason why a post within the giver's node cannot be given, None when it can.

    Reasons: `wrong_level`, `agency_elsewhere`, `not_yours_to_give`, `more_than_yours`.
    """
    if wanted.level not in LEVELS[wanted.role]:
        return "role", "wrong_level"
    if wanted.agency is not None and wanted.level != "prefecture":
        return "agency", "agency_elsewhere"
    if wanted.role not in giveable(giver):
        return "role", "not_yours_to_give"
    if not manages(giver, wanted):
        return "agency" if wanted.role is giver.role else "role", "more_than_yours"
    return None


def is_whole(role: Role, agency: str | None, *, disabled: bool) -> bool:
    """Whether somebody is a prefecture administrator who may do everything."""
    return role is Role.PREFECTURE_ADMIN and agency is None and not disabled


def leaves_nobody(whole_now: int, *, was: bool, stays: bool) -> bool:
    """Whether a change would take the last one of those who may do everything; `whole_now` counts them before it."""
    return was and not stays and whole_now <= 1
