"""The statements behind the audit log: what a scope may read of it, newest first.

**The log grows for ever and is read in pages**: every filter has an index that ends with the time (`models.AuditEntry`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from signaling.auth.models import AuditEntry, User
from signaling.auth.people_queries import covers
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture

SCREEN = "screen:"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What narrows the log: `actor` and `subject` are whole ids, `since` is included and `until` is not."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def entries(scope: Scope, wanted: AuditFilter) -> Select[AuditEntry]:
    """Rows of the log, the newest first."""
    statement = select(AuditEntry).where(*_where(scope, wanted))
    return statement.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())


def part(scope: Scope, wanted: AuditFilter, limit: int, offset: int) -> Select[AuditEntry]:
    """A page of them: the keys are found by an index, and only the rows of the page are read."""
    keys = entries(scope, wanted).with_only_columns(AuditEntry.id).limit(limit).offset(offset).subquery()
    statement = select(AuditEntry).where(AuditEntry.id.in_(select(keys.c.id)))
    return statement.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())


def after(statement: Select[AuditEntry], last: AuditEntry) -> Select[AuditEntry]:
    """What comes after a row in that order."""
    older = and_(AuditEntry.at == last.at, AuditEntry.id < last.id)
    return statement.where(AuditEntry.at <= last.at, or_(AuditEntry.at < last.at, older))


def number_of(scope: Scope, wanted: AuditFilter, most: int) -> Select[int]:
    """How many rows there are, counted up to `most`: nobody waits for a number that nobody reads."""
    some = select(AuditEntry.at).where(*_where(scope, wanted)).limit(most).subquery()
    return select(func.count()).select_from(some)


def _where(scope: Scope, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    equal = (
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.subject, wanted.subject),
        (AuditEntry.action, wanted.action),
    )
    first, *others = [(column, value) for column, value in equal if value] or [(AuditEntry.actor, "")]
    found: list[ColumnElement[bool]] = [first[0] == first[1]] if first[1] else []
    found += [func.coalesce(column, "") == value for column, value in others]  # one index is used: the most selective
    if wanted.since is not None:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEntry.at < wanted.until)
    return [*found, _readable(scope)]


def _readable(scope: Scope) -> ColumnElement[bool]:
    """A county or a school reads what its people did and what was done to them."""
    if scope.regions is None and scope.school is None:
        return true()
    own = select(User.id).where(covers(scope, User.node))
    return or_(AuditEntry.actor.in_(own), AuditEntry.subject.in_(own))


def actors(scope: Scope, ids: Iterable[str]) -> Select[str, str, str, bool]:
    """Id, name, login and whether the scope covers them, of the people among the actors."""
    return select(User.id, User.name, User.login, covers(scope, User.node)).where(User.id.in_(list(set(ids))))


def by_login(login: str) -> Select[str]:
    """The id of the person of a login."""
    return select(User.id).where(User.login == login.lower())


def names(ids: Iterable[str]) -> list[Select[str, str]]:
    """Id and name of people, lectures, classes, schools and regions among the subjects."""
    wanted = list(set(ids))
    columns: list[tuple[Any, Any]] = [
        (User.id, User.name),
        (Lecture.id, Lecture.title),
        (School.code, School.name),
        (Region.code, Region.name),
    ]
    return [
        *(select(key, name).where(key.in_(wanted)) for key, name in columns),
        _class_name(SchoolClass.id).where(SchoolClass.id.in_(wanted)),
        _class_name(Screen.id).join(Screen, Screen.class_id == SchoolClass.id).where(Screen.id.in_(wanted)),
    ]


def _class_name(key: Any) -> Select[str, str]:
    """A class, or the class of a screen, with the name of its school before it."""
    named = select(key, School.name + " " + SchoolClass.name).select_from(SchoolClass)
    return named.join(School, School.code == SchoolClass.school_code)
