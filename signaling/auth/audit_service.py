"""Reads the audit log. **Nothing here changes it**, and nothing deletes from it yet: `audit.retention_days` is what must be kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from signaling.auth import audit_queries as queries
from signaling.auth.audit_queries import SCREEN, AuditFilter
from signaling.auth.models import AuditEntry
from signaling.db.engine import Database
from signaling.directory.queries import Scope

CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: `kind` is person, screen or system; somebody outside the reader's scope is `above` and has no name."""

    kind: str
    id: str
    name: str = ""
    login: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the log with the names that belong to its ids; `subject_name` is empty for what has none."""

    id: str
    at: datetime
    actor: Actor
    action: str
    subject: str
    subject_name: str
    detail: dict[str, Any]


class AuditService:
    """The door for readers of the log."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def actor_id(self, actor: str) -> str:
        """Return the id of a person by login; what is no login stays as it is."""
        async with self._db.reading() as session:
            return await session.scalar(queries.by_login(actor)) or actor

    async def page(
        self, scope: Scope, wanted: AuditFilter, limit: int, offset: int, count_to: int
    ) -> tuple[list[Line], int]:
        """Return a page of the log, newest first, and how many rows there are, counted up to `count_to`."""
        async with self._db.reading() as session:
            rows = list(await session.scalars(queries.part(scope, wanted, limit, offset)))
            total = await session.scalar(queries.number_of(scope, wanted, count_to))
            return await _named(session, scope, rows), total or 0

    async def count(self, scope: Scope, wanted: AuditFilter, count_to: int) -> int:
        """Return how many rows there are, counted up to `count_to`."""
        async with self._db.reading() as session:
            return await session.scalar(queries.number_of(scope, wanted, count_to)) or 0

    async def chunks(self, scope: Scope, wanted: AuditFilter, limit: int) -> AsyncIterator[list[Line]]:
        """Yield at most `limit` rows, newest first, some at a time; no transaction stays open between them."""
        statement = queries.entries(scope, wanted)
        while limit > 0:
            async with self._db.reading() as session:
                rows = list(await session.scalars(statement.limit(min(limit, CHUNK))))
                lines = await _named(session, scope, rows)
            if not rows:
                return
            yield lines
            limit -= len(rows)
            statement = queries.after(queries.entries(scope, wanted), rows[-1])


async def _named(session: AsyncSession, scope: Scope, rows: Sequence[AuditEntry]) -> list[Line]:
    people = {row[0]: row[1:] for row in await session.execute(queries.actors(scope, (row.actor for row in rows)))}
    subjects: dict[str, str] = {}
    for statement in queries.names(row.subject for row in rows if row.subject):
        subjects |= dict(iter(await session.execute(statement)))
    return [
        Line(
            row.id,
            row.at,
            _actor(row.actor, people),
            row.action,
            row.subject,
            subjects.get(row.subject, ""),
            json.loads(row.detail),
        )
        for row in rows
    ]


def _actor(actor: str, people: dict[str, Any]) -> Actor:
    if actor.startswith(SCREEN):
        return Actor("screen", actor)
    if actor not in people:
        return Actor("system", actor)
    name, login, covered = people[actor]
    return Actor("person", actor, name, login) if covered else Actor("above", "")
