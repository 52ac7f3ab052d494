"""The statements behind the list of people: whom a scope covers, filtered, sorted and in pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute

from signaling.auth.models import Login, User
from signaling.directory.models import Region, School
from signaling.directory.queries import Scope

WITHOUT_PASSWORD = ""
"""The hash of somebody who has not accepted the invitation yet; no password has it."""


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """What narrows a list of people; `below` is the scope of a node, `text` are words of name or login."""

    role: str = ""
    agency: str = ""
    state: str = ""
    text: str = ""
    sort: str = ""
    below: Scope | None = None


def covers(scope: Scope, node: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether a scope covers a node: a region of its own or a school in one, or its one school."""
    if scope.school is not None:
        return node == scope.school
    if scope.regions is None:
        return true()
    if not scope.regions:
        return false()
    schools = select(School.code).where(School.region_code.in_(scope.regions))
    return or_(node.in_(scope.regions), node.in_(schools))


def people(scope: Scope, wanted: PersonFilter) -> Select[User]:
    """People whom a scope covers, by login or as wanted."""
    statement = select(User).where(covers(scope, User.node))
    if wanted.below is not None:
        statement = statement.where(covers(wanted.below, User.node))
    equal = ((User.role, wanted.role), (User.agency, wanted.agency))
    statement = statement.where(*(column == value for column, value in equal if value))
    if wanted.state:
        statement = statement.where(_STATES[wanted.state])
    for word in wanted.text.split():
        found = (User.name.contains(word, autoescape=True), User.login.contains(word.lower(), autoescape=True))
        statement = statement.where(or_(*found))
    columns = {"login": User.login, "name": User.name, "role": User.role, "created": User.created_at}
    column: Any = columns.get(wanted.sort.removeprefix("-"), User.login)
    return statement.order_by(column.desc() if wanted.sort.startswith("-") else column, User.id)


_STATES = {
    "active": and_(User.disabled_at.is_(None), User.password_hash != WITHOUT_PASSWORD),
    "invited": and_(User.disabled_at.is_(None), User.password_hash == WITHOUT_PASSWORD),
    "disabled": User.disabled_at.is_not(None),
}


def person(scope: Scope, person_id: str) -> Select[User]:
    """One person whom a scope covers."""
    return select(User).where(User.id == person_id, covers(scope, User.node))


def nodes(codes: Iterable[str]) -> Select[str, str, str]:
    """Code, name and level of regions and schools."""
    wanted = list(set(codes))
    regions = select(Region.code, Region.name, Region.level).where(Region.code.in_(wanted))
    schools = select(School.code, School.name, literal("school")).where(School.code.in_(wanted))
    both = union_all(regions, schools).subquery()
    return select(both.c[0], both.c[1], both.c[2])


def last_logins(ids: Iterable[str]) -> Select[str, Any]:
    """Person, time of the latest login."""
    return select(Login.user_id, func.max(Login.created_at)).where(Login.user_id.in_(list(ids))).group_by(Login.user_id)


def open_logins(person_id: str, now: Any) -> Select[int]:
    """How many logins of a person hold."""
    holding = (Login.user_id == person_id, Login.ended_at.is_(None), Login.expires_at > now)
    return select(func.count()).select_from(Login).where(*holding)


def whole_administrators() -> Select[int]:
    """How many prefecture administrators may do everything: neither disabled nor of an agency."""
    whole = (User.role == "prefecture_admin", User.agency.is_(None), User.disabled_at.is_(None))
    return select(func.count()).select_from(User).where(*whole)
