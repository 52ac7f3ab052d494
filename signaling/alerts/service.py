"""Alarms as people see and answer them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from signaling.alerts import queries
from signaling.alerts.models import Alert, AlertStep
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Principal
from signaling.auth.models import AuditEntry, User
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Region, School
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What narrows a list: `node` leaves those of one node, `state` is open or all."""

    state: str = "open"
    node: str = ""
    lecture_id: str = ""
    rule: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alarm with the names that belong to it."""

    alert: Alert
    node_name: str
    lecture_title: str
    acknowledged_name: str
    contacted_name: str
    escalated_name: str


@dataclass(frozen=True, slots=True)
class ListedStep:
    """A step of an alarm with the name of who did it, "" for the server."""

    step: AlertStep
    name: str


class AlertsService:
    """The door to the alarms."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def page(self, scope: Scope, wanted: AlertFilter, limit: int, offset: int) -> tuple[list[ListedAlert], int]:
        """Return a page of alarms, open ones first, then the latest, and how many there are in all."""
        keys = _narrowed(scope, wanted)
        ordered = keys.order_by(Alert.cleared_at.is_not(None), Alert.opened_at.desc(), Alert.id.desc())
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(keys.subquery())) or 0
            ids = list(await session.scalars(ordered.limit(limit).offset(offset)))
            found = {row[0].id: ListedAlert(*row) for row in await session.execute(_listed(ids))}
        return [found[one] for one in ids], total

    async def one(self, scope: Scope, alert_id: str) -> tuple[ListedAlert, list[ListedStep]]:
        """Return an alarm with its steps, the first one first; raise 404."""
        found, _ = await self.page(scope, AlertFilter(state="all", id=alert_id), 1, 0)
        if not found:
            raise not_found("alert")
        steps = (
            select(AlertStep, func.coalesce(User.name, ""))
            .outerjoin(User, User.id == AlertStep.actor)
            .where(AlertStep.alert_id == alert_id)
            .order_by(AlertStep.at, AlertStep.id)
        )
        async with self._db.reading() as session:
            return found[0], [ListedStep(*row) for row in await session.execute(steps)]

    async def counts(self, scope: Scope, node: str) -> tuple[int, int]:
        """Return how many alarms of a node are open, and how many of these nobody has acknowledged."""
        own = select(func.count(), func.count().filter(Alert.acknowledged_at.is_(None))).where(
            queries.within(scope), Alert.node == node, Alert.cleared_at.is_(None)
        )
        async with self._db.reading() as session:
            row = (await session.execute(own)).one()
        return row[0], row[1]

    async def acknowledge(self, scope: Scope, alert_id: str, actor: Principal, note: str) -> None:
        """Say that somebody takes care of an alarm; the first one stands. Raise 404, or 409 `acknowledged_already`."""
        async with self._db.writing() as session:
            alert = await self._mine(session, scope, alert_id)
            if alert.acknowledged_at is not None:
                raise Problem(409, "acknowledged_already", "somebody takes care of it already")
            alert.acknowledged_at, alert.acknowledged_by = self._clock(), actor.user_id
            self._step(session, alert, "acknowledged", actor, note)

    async def contacted(self, scope: Scope, alert_id: str, actor: Principal, note: str) -> None:
        """Say that somebody has called; may be said again, each time is kept. Raise 404."""
        async with self._db.writing() as session:
            alert = await self._mine(session, scope, alert_id)
            alert.contacted_at, alert.contacted_by = self._clock(), actor.user_id
            self._step(session, alert, "contacted", actor, note)

    async def _mine(self, session: AsyncSession, scope: Scope, alert_id: str) -> Alert:
        own = select(Alert).where(queries.within(scope), Alert.id == alert_id).with_for_update()
        alert = await session.scalar(own)
        if alert is None:
            raise not_found("alert")
        return alert

    def _step(self, session: AsyncSession, alert: Alert, kind: str, actor: Principal, note: str) -> None:
        now = self._clock()
        session.add(AlertStep(alert_id=alert.id, kind=kind, at=now, actor=actor.user_id, note=note))
        detail = json.dumps({"rule": alert.rule, "node": alert.node, "note": note}, ensure_ascii=False)
        session.add(AuditEntry(at=now, actor=actor.user_id, action=f"alert.{kind}", subject=alert.id, detail=detail))


def _narrowed(scope: Scope, wanted: AlertFilter) -> Select[str]:
    statement = select(Alert.id).where(queries.within(scope))
    if wanted.state == "open":
        statement = statement.where(Alert.cleared_at.is_(None))
    equal = (
        (Alert.node, wanted.node),
        (Alert.lecture_id, wanted.lecture_id),
        (Alert.rule, wanted.rule),
        (Alert.id, wanted.id),
    )
    return statement.where(*(column == value for column, value in equal if value))


def _listed(ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    acknowledger, caller, above = aliased(User), aliased(User), aliased(Region)
    return (
        select(
            Alert,
            func.coalesce(Region.name, School.name, Alert.node),
            func.coalesce(Lecture.title, ""),
            func.coalesce(acknowledger.name, ""),
            func.coalesce(caller.name, ""),
            func.coalesce(above.name, ""),
        )
        .outerjoin(Region, Region.code == Alert.node)
        .outerjoin(School, School.code == Alert.node)
        .outerjoin(Lecture, Lecture.id == Alert.lecture_id)
        .outerjoin(acknowledger, acknowledger.id == Alert.acknowledged_by)
        .outerjoin(caller, caller.id == Alert.contacted_by)
        .outerjoin(above, above.code == Alert.escalated_to)
        .where(Alert.id.in_(ids))
    )
