"""One server's ledger and attendance over a database that several may share, and the two minutes that its lectures take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import update

from config.settings import load
from signaling.attendance.report import LectureReport
from signaling.attendance.service import AttendanceService
from signaling.attendance.settled import SettledSchool
from signaling.db.engine import Database
from signaling.ledger.events import Subject
from signaling.ledger.facts import Fact
from signaling.ledger.service import LedgerService
from signaling.library.replaying import Replaying, Stretch, Viewing, Watched
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.support.platform import Clock
from tests.support.roll import BROADCAST, EVERYTHING, LECTURE, MEDIA, START, ZONE, Rooms, at, changed, joined

FIRST, SECOND = "2152230101", "3152230201"
A, B, C = f"{FIRST}-1", f"{FIRST}-2", f"{SECOND}-1"
WINDOWS: Final = 12
"""Windows of ten seconds that a lecture lasts."""
END: Final = at(10 * WINDOWS)


@dataclass
class Attending:
    """A server without network: its clock is set by hand, `rooms` and `replaying` say what it delivered. `changes` are those of `[attendance]`."""

    db: Database
    folder: Path
    clock: Clock = field(default_factory=lambda: Clock(START))
    node: str = "node-1"
    rooms: Rooms = field(default_factory=Rooms)
    replaying: Replaying = field(default_factory=Replaying)
    boot: str = ""
    changes: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = load()
        quick = settings.ledger.model_copy(update={"gather_seconds": 0.0})
        boot = self.boot or self.node
        self.ledger = LedgerService(
            self.db, quick, node=self.node, boot=boot, data_dir=self.folder, zone=ZONE, clock=self.clock
        )
        self.attendance = AttendanceService(
            self.db,
            settings.attendance.model_copy(update=self.changes),
            self.ledger,
            boot=boot,
            room=self.rooms.room,
            hls=self.rooms.take_hls,
            replays=self.replaying.take,
            clock=self.clock,
        )

    async def lecture(
        self, *classes: str, of: Subject = MEDIA, begin: float = 0.0, windows: int = WINDOWS, by_hls: str = ""
    ) -> None:
        """Give all of a lecture to some classes, to one of them over HLS; it begins so many seconds after `START`."""
        await self.attendance.handle(changed(Event.START, State.OPEN, begin, of))
        for class_id in classes:
            await self.attendance.handle(joined(f"screen-{class_id}", begin, of=of))
        for number in range(windows):
            self.rooms.deliver(1750, 10.0, *((f"screen-{class_id}", 1750, 0) for class_id in classes))
            self.rooms.hls = {f"screen-{by_hls}": 10.0} if by_hls else {}
            self.clock.now = at(begin + 10 * number + 10)
            await self.attendance.tick(self.clock.now)
        end = begin + 10 * windows
        await self.attendance.handle(changed(Event.END, State.LIVE, end, of))
        over = {"state": "ended", "ended_at": at(end), "on_air_seconds": 10.0 * windows}
        async with self.db.writing() as session:
            await session.execute(update(Broadcast).where(Broadcast.lecture_id == of.lecture_id).values(**over))

    async def replay(self, class_id: str, later: timedelta, *, windows: int, pace: int = 10) -> None:
        """Send a class's screen the recording so long after the beginning, `pace` seconds of it in each window of ten."""
        begin = int(START.timestamp() * 1000)
        reel = tuple(Stretch(n, 1, begin + 1000 * n, begin + 1000 * (n + 1)) for n in range(120))
        viewing = Viewing(Watched(LECTURE, BROADCAST), f"screen-{class_id}", reel)
        for number in range(windows):
            self.replaying.sent(viewing, number * pace, (number + 1) * pace)
            self.clock.now = START + later + timedelta(seconds=10 * number + 10)
            await self.attendance.tick(self.clock.now)

    async def tell(self, *facts: Fact, subject: Subject = MEDIA) -> None:
        """Write facts into the ledger."""
        await self.ledger.record(subject, *facts)

    async def report(self, as_of: datetime | None = None) -> LectureReport:
        """Return the report of everything."""
        made = await self.attendance.report(LECTURE, EVERYTHING, "522300", as_of=as_of)
        assert made is not None
        return made

    async def round(self) -> Sequence[str]:
        """Settle what is due; return the lectures."""
        return await self.attendance.settler.round()

    async def settled(self) -> dict[str, SettledSchool]:
        """Return the newest settled decisions by school."""
        found = await self.attendance.decisions.decisions([LECTURE])
        return {one.school_code: one for one in found}
