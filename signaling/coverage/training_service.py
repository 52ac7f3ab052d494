"""The door to the trainings of teachers: rosters, ticks, codes that venues show, signing in and out by them.

1. **Every row is a new one**: who takes a tick back adds a row that says so.
2. A tick and its audit entry are one transaction.
3. **A phone is never asked for**: a code needs none of the school's data before the work number is typed, and tells four names at most.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api.problems import Problem, not_found
from signaling.auth.trail import entry
from signaling.coverage import codes, queries, training_queries
from signaling.coverage.codes import OldCode, Shown, Way
from signaling.coverage.making import mark_of
from signaling.coverage.models import TrainingMark
from signaling.coverage.obligations import Obligations
from signaling.coverage.results import Results
from signaling.coverage.training import NOTHING, Action, Credit, Venue, credits
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import School
from signaling.directory.queries import Scope

NAMES_SHOWN: Final = 4
TRIES: Final = 5
PASSES: Final = 20_000
"""Passes that are remembered with their tries; the oldest is forgotten, three minutes make it worthless anyway."""
SIGNS: Final[Mapping[Way, Action]] = {Way.IN: Action.SIGNED_IN, Way.OUT: Action.SIGNED_OUT}


@dataclass(frozen=True, slots=True)
class Training:
    """A training that began."""

    lecture_id: str
    title: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Room:
    """Where a training can be seen; `result` is None while the lecture has none."""

    class_id: str
    name: str
    result: str | None
    minutes: int


@dataclass(frozen=True, slots=True)
class Seated:
    """A teacher on a roster, with what the training came to; `by` is the name of who ticked."""

    teacher_id: str
    staff_no: str
    name: str
    subject: str
    credit: Credit
    by: str


@dataclass(frozen=True, slots=True)
class Roster:
    """A school at a training."""

    training: Training
    rooms: Sequence[Room]
    teachers: Sequence[Seated]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a code opens."""

    title: str
    room: str
    school: str
    way: Way


class TrainingService:
    """Keeps marks; `key` is for codes alone, `today` tells the local day."""

    def __init__(
        self,
        db: Database,
        results: Results,
        rules: Obligations,
        key: bytes,
        today: Callable[[], date],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._results = results
        self._rules = rules
        self._key = key
        self._today = today
        self._clock = clock
        self._tries: OrderedDict[str, int] = OrderedDict()

    async def trainings(self, school_code: str) -> list[Training]:
        """Return the trainings that expected a school, the latest first."""
        async with self._db.reading() as session:
            return [_made(row) for row in await session.execute(training_queries.trainings(school_code))]

    async def roster(self, school_code: str, lecture_id: str) -> Roster:
        """Return a school's roster of a training; raise 404."""
        scope = Scope(frozenset(), school_code)
        results = await self._results.decisions([lecture_id], scope)
        minutes = await self._results.minutes(lecture_id) if results else {}
        venues = {
            row.class_id: Venue(row.result, minutes.get(row.class_id, ())) for one in results for row in one.classes
        }
        async with self._db.reading() as session:
            training = await _training(session, school_code, lecture_id)
            marks = map(mark_of, (await session.execute(queries.marks(lecture_id, school_code))).all())
            earned = credits(self._rules, marks, venues if results else None)
            names = dict((await session.execute(training_queries.authors(lecture_id, school_code))).all())
            rooms = [
                Room(
                    class_id,
                    name,
                    venues[class_id].result if class_id in venues else None,
                    len(minutes.get(class_id, ())),
                )
                for class_id, name in await session.execute(training_queries.rooms(school_code, lecture_id))
            ]
            teachers = [
                Seated(*row, credit, names.get(credit.by, ""))
                for row in await session.execute(training_queries.roster(school_code, self._today()))
                for credit in [earned.get(row[0], NOTHING)]
            ]
        return Roster(training, rooms, teachers)

    async def tick(
        self, school_code: str, lecture_id: str, class_id: str, teacher_ids: Sequence[str], ticked: bool, actor: str
    ) -> None:
        """Tick teachers of a school, or take their ticks back; raise 404, or 422 `no_room`, `no_teacher`."""
        now, action = self._clock(), Action.TICKED if ticked else Action.UNTICKED
        async with self._db.writing() as session:
            await _training(session, school_code, lecture_id)
            rooms = {row[0] for row in await session.execute(training_queries.rooms(school_code, lecture_id))}
            if class_id not in rooms:
                raise Problem(422, "no_room", "the lecture was not for this class", errors=[_wrong("class_id")])
            staff = {row[0] for row in await session.execute(training_queries.roster(school_code, self._today()))}
            if not staff.issuperset(teacher_ids):
                raise Problem(422, "no_teacher", "somebody is not of this school", errors=[_wrong("teacher_ids")])
            session.add_all(
                TrainingMark(
                    key=secrets.token_hex(16),
                    lecture_id=lecture_id,
                    school_code=school_code,
                    teacher_id=teacher,
                    class_id=class_id,
                    action=action,
                    at=now,
                    by=actor,
                )
                for teacher in dict.fromkeys(teacher_ids)
            )
            detail: dict[str, Any] = {"school": school_code, "teachers": len(set(teacher_ids)), "room": class_id}
            session.add(entry(now, actor, f"training.{action}", lecture_id, detail))

    async def code(self, class_id: str) -> tuple[str, Training, Way, float] | None:
        """Return the code that the screen of a class shows now, for which training, and for how long; None when there is none.

        A training that runs comes before one that has ended: who comes is more than who forgot to sign out.
        """
        now = self._clock()
        async with self._db.reading() as session:
            rows = (await session.execute(training_queries.showing(class_id))).all()
        for lecture_id, title, scheduled_at, minutes, ended_at, _ in sorted(rows, key=lambda row: row[4] is not None):
            way = self._way(scheduled_at, scheduled_at + timedelta(minutes=minutes), ended_at, now)
            if way is not None:
                code, seconds = codes.show(self._key, lecture_id, class_id, way, now.timestamp())
                return code, Training(lecture_id, title, scheduled_at, ended_at), way, seconds
        return None

    def _way(self, begins: datetime, ends: datetime, ended_at: datetime | None, now: datetime) -> Way | None:
        rules = self._rules
        early, late = timedelta(minutes=rules.sign_in_early_minutes), timedelta(minutes=rules.sign_in_late_minutes)
        if begins - early <= now < begins + late and ended_at is None:
            return Way.IN
        end = ended_at or ends
        before, after = timedelta(minutes=rules.sign_out_early_minutes), timedelta(minutes=rules.sign_out_late_minutes)
        return Way.OUT if min(end, ends - before) <= now < end + after else None

    async def arrive(self, code: str) -> tuple[Arrival, str]:
        """Return what a code opens, and the pass; raise 404 `not_found` or 410 `code_expired`."""
        now = self._clock().timestamp()
        try:
            shown = codes.read(self._key, code, now)
        except OldCode:
            raise Problem(410, "code_expired", "the code is not shown any more: scan the one on the screen") from None
        except ValueError:
            raise not_found("code") from None
        return await self._arrival(shown), codes.admit(self._key, shown, secrets.token_bytes(8))

    async def names(self, pass_: str, staff_no: str) -> list[str]:
        """Return four names of the school, that of the number among them where there is one; raise 410 `pass_expired`, 429."""
        shown = self._admitted(pass_)
        self._try(pass_)
        async with self._db.reading() as session:
            rows = await _staff_of(session, shown, self._today())
        mine = [name for _, number, name, _ in rows if number == staff_no]
        # The same three others for the same number, whichever pass asks: who asks again learns no further name.
        others = sorted({name for _, _, name, _ in rows} - set(mine), key=lambda name: self._order(staff_no, name))
        return sorted([*mine[:1], *others][:NAMES_SHOWN], key=lambda name: self._order(name))

    async def sign(self, pass_: str, staff_no: str, name: str) -> tuple[Way, datetime]:
        """Write down that somebody came or went; raise 410 `pass_expired`, 422 `no_such_teacher`, 429."""
        shown, now = self._admitted(pass_), self._clock()
        self._try(pass_)
        async with self._db.writing() as session:
            rows = await _staff_of(session, shown, self._today())
            found = next((row for row in rows if row[1] == staff_no and row[2] == name), None)
            if found is None:
                raise Problem(422, "no_such_teacher", "number and name do not belong together")
            key = _digest(f"{shown.lecture_id}:{shown.class_id}:{shown.way}:{shown.begins}:{found[0]}")
            known = await session.scalar(select(TrainingMark).where(TrainingMark.key == key))
            if known is None:
                school = (await session.execute(training_queries.venue(shown.lecture_id, shown.class_id))).one()[2]
                known = TrainingMark(
                    key=key,
                    lecture_id=shown.lecture_id,
                    school_code=school,
                    teacher_id=found[0],
                    class_id=shown.class_id,
                    action=SIGNS[shown.way],
                    at=now,
                )
                session.add(known)
        self._tries[pass_] = TRIES  # one pass is for one person
        return shown.way, known.at

    async def _arrival(self, shown: Shown) -> Arrival:
        async with self._db.reading() as session:
            found = (await session.execute(training_queries.venue(shown.lecture_id, shown.class_id))).one_or_none()
            if found is None:
                raise not_found("code")
            school = await session.get_one(School, found[2])
        return Arrival(found[0], found[1], school.name, shown.way)

    def _admitted(self, pass_: str) -> Shown:
        try:
            return codes.admitted(self._key, pass_, self._clock().timestamp())
        except ValueError:
            raise Problem(410, "pass_expired", "too much time went by: scan the code on the screen again") from None

    def _try(self, pass_: str) -> None:
        tried = self._tries.pop(pass_, 0) + 1
        self._tries[pass_] = tried
        if len(self._tries) > PASSES:
            self._tries.popitem(last=False)
        if tried > TRIES:
            raise Problem(429, "too_many_tries", "scan the code on the screen again")

    def _order(self, *words: str) -> bytes:
        return hmac.digest(self._key, "\n".join(words).encode(), "sha256")


async def _training(session: AsyncSession, school_code: str, lecture_id: str) -> Training:
    row = (await session.execute(training_queries.training(school_code, lecture_id))).one_or_none()
    if row is None:
        raise not_found("training")
    return _made(row)


def _made(row: Any) -> Training:
    return Training(*row)


async def _staff_of(session: AsyncSession, shown: Shown, day: date) -> Sequence[Any]:
    found = (await session.execute(training_queries.venue(shown.lecture_id, shown.class_id))).one_or_none()
    if found is None:
        raise not_found("training")
    return (await session.execute(training_queries.roster(found[2], day))).all()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _wrong(field: str) -> dict[str, str]:
    return {"field": field, "reason": "value_error"}
