"""A small directory with a lecture, and hand-made delivery samples, for the tests of attendance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from broadcaster.events import Delivery, DeliverySample
from config.settings import load
from signaling.attendance.service import AttendanceService
from signaling.auth.models import User
from signaling.db.base import Base
from signaling.db.engine import Database
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture, LectureAudience, LectureTarget
from signaling.ledger.codec import framed
from signaling.ledger.columns import media_payload
from signaling.ledger.events import Subject
from signaling.ledger.service import LedgerService
from signaling.live.events import BroadcastChanged, ScreenJoined, ScreenLeft
from signaling.live.models import Broadcast
from signaling.live.states import TABLE, Event, State
from tests.support.databases import database_in

START = datetime(2026, 9, 14, 2, 0, tzinfo=UTC)  # 10:00 in Asia/Shanghai
LECTURE, BROADCAST = "lecture-1", "broadcast-1"
MEDIA = Subject(LECTURE, BROADCAST)
EVERYTHING = Scope(None)
ZONE = timezone(timedelta(hours=8))
COUNTIES = (("522301", "兴义市", "522301"), ("522302", "兴仁市", "522302"), ("5223Y1", "义龙新区", None))


def at(seconds: float) -> datetime:
    """Return the time that many seconds after the start."""
    return START + timedelta(seconds=seconds)


class Rooms:
    """Stands where the media plane stands: one room, which hands out each sample that was put in, once."""

    def __init__(self) -> None:
        self._samples: list[DeliverySample] = []
        self.closed = False
        self.asked = 0
        self.hls: dict[str, float] = {}  # seconds that screens were given over HLS since they were last taken

    def room(self, lecture_id: str) -> Rooms:
        """Return the room; a closed one is replaced by an empty one."""
        return Rooms() if self.closed else self

    def deliver(self, published: int, flowing: float, *deliveries: tuple[str, int, int]) -> None:
        """Queue what the next sample of the room says: (screen, advance, lost)."""
        made = tuple(Delivery(viewer, advance, lost, published) for viewer, advance, lost in deliveries)
        self._samples.append(DeliverySample(published, flowing, made))

    def take_hls(self, lecture_id: str) -> dict[str, float]:
        """Return what was put into `hls`, once."""
        taken, self.hls = self.hls, {}
        return taken

    def sample_delivery(self) -> DeliverySample:
        """Return the next sample, or an empty one."""
        self.asked += 1
        return self._samples.pop(0) if self._samples else DeliverySample(0, 0.0, ())


def ledger(db: Database, folder: Path, *, boot: str = "boot-1", **changes: object) -> LedgerService:
    """Return the ledger of a node whose clock stands at the start; it does not wait for company."""
    made = load().ledger.model_copy(update={"gather_seconds": 0.0} | changes)
    return LedgerService(db, made, node="node-1", boot=boot, data_dir=folder, zone=ZONE, clock=lambda: START)


def service(db: Database, folder: Path, rooms: Rooms, *, boot: str = "boot-1", **changes: object) -> AttendanceService:
    """Return an attendance service whose clock stands at the start; `changes` are those of the ledger's settings."""
    book = ledger(db, folder, boot=boot, **changes)
    return AttendanceService(
        db, load().attendance, book, boot=boot, room=rooms.room, hls=rooms.take_hls, clock=lambda: START
    )


def book(attendance: AttendanceService) -> LedgerService:
    """Return the ledger that an attendance service writes to."""
    return attendance._ledger


async def database(folder: Path) -> Database:
    """Return an empty SQLite database with the schema."""
    db = database_in(folder / "jiangtang.db")
    await db.create_schema()
    return db


async def populate(db: Database, schools: Iterable[tuple[str, str, str, int]], *, pupils: int = 45) -> None:
    """Add the prefecture, three counties, a lecture that is live, and schools of (code, region, name, number of classes).

    A class is called `<school>-<n>`, its screen `screen-<school>-<n>`; every class is a frozen target.
    """
    async with db.writing() as session:
        session.add(Region(code="522300", name="黔西南州", gb2260="522300", level="prefecture", sort=0))
        await session.flush()
        session.add_all(
            Region(code=code, name=name, gb2260=gb, parent_code="522300", level="county", sort=n)
            for n, (code, name, gb) in enumerate(COUNTIES, 1)
        )
        session.add(User(id="u1", login="u1", name="讲师甲", password_hash="-", role="lecturer", node="522300"))
        await session.flush()
        session.add(Lecture(id=LECTURE, title="识毒与防毒", lecturer_id="u1", scheduled_at=START, approved_at=START))
        await session.flush()
        session.add(LectureAudience(lecture_id=LECTURE, node="522300"))
        session.add(Broadcast(id=BROADCAST, lecture_id=LECTURE, state="live", started_at=START))
        await session.flush()
        for code, region, name, count in schools:
            await _school(session.add_all, session.flush, code, region, name, count, pupils)


async def _school(
    add: Callable[[Iterable[Base]], None],
    flush: Callable[..., object],
    code: str,
    region: str,
    name: str,
    n: int,
    p: int,
) -> None:
    ids = [(number, f"{code}-{number}") for number in range(1, n + 1)]
    add([School(code=code, region_code=region, name=name, kind=code[:2], urban_rural="121")])
    await flush()  # type: ignore[misc]
    add(
        SchoolClass(
            id=class_id,
            school_code=code,
            code=f"2024-21-{number:02}",
            name=f"三年级（{number}）班",
            entry_year=2024,
            stage="21",
            number=number,
            pupils=p,
        )
        for number, class_id in ids
    )
    await flush()  # type: ignore[misc]
    add(Screen(id=f"screen-{class_id}", class_id=class_id, paired_at=START) for _, class_id in ids)
    add(
        LectureTarget(lecture_id=LECTURE, class_id=class_id, school_code=code, region_code=region, pupils=p)
        for _, class_id in ids
    )


def damaged(lecture_id: str) -> dict[str, object]:
    """Return the row of an entry about window 7 whose columns are cut short, though its body is whole."""
    body = framed(media_payload(7, 0, 1, 1, b"\1\0"))
    place = {"node": "node-9", "number": 1, "day": START.date(), "kind": "media_delivered", "boot": "b", "counter": 1}
    of = {"lecture_id": lecture_id, "broadcast_id": "b", "recorded_at": START, "facts": 1}
    return place | of | {"body": body, "digest": bytes(32)}


def joined(screen: str, seconds: float, session: str | None = None, of: Subject = MEDIA) -> ScreenJoined:
    """Return the event of a screen whose transport connects."""
    return ScreenJoined(of.lecture_id, of.broadcast_id, at(seconds), screen, session or f"s-{screen}")


def left(screen: str, seconds: float, session: str | None = None) -> ScreenLeft:
    """Return the event of a screen whose transport closes."""
    return ScreenLeft(LECTURE, BROADCAST, at(seconds), screen, session or f"s-{screen}", "closed_by_peer")


def changed(event: Event, from_state: State, seconds: float, of: Subject = MEDIA) -> BroadcastChanged:
    """Return the event of a transition."""
    to_state = TABLE[from_state, event]
    return BroadcastChanged(of.lecture_id, of.broadcast_id, at(seconds), event, from_state, to_state, 1)
