"""The door of this room: what routes, the realtime namespace and the composition root call.

1. **Whatever this room believes is in the ledger before it says so**, or it says that it is not (`durable_until`).
2. A restarted process reads back what it needs: recorded minutes, who forged, checks that were put, answers, head-counts.
3. **A stored fact that cannot be read keeps no server from its lectures**: it is named in the log, and what comes after it is not read back.
4. Nothing here waits for a screen; one round a second cuts minutes and puts checks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from config.settings import PresenceSettings
from signaling.db.base import utc_now
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.facts import Answered, Challenged, RefusedReports, Rendered
from signaling.ledger.kinds import FORGERY, Kind
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.limits import Buckets
from signaling.live.rehearsals import is_rehearsal
from signaling.live.states import OVER, RUNNING
from signaling.presence.checking import Checking
from signaling.presence.counting import Counting
from signaling.presence.minutes import MINUTE
from signaling.presence.nonces import Chain
from signaling.presence.ports import Broadcasts, Lectures, Ledger, OnAir, RulesOf
from signaling.presence.refusals import Refusals
from signaling.presence.reporting import Accepted, Reporting, Room, due_in

log = structlog.get_logger(__name__)

LATE_SECONDS: Final = 180.0
"""Seconds after the end of a broadcast in which reports of its last minutes are taken."""
BURST: Final = 40


class PresenceService:
    """Evidence from class screens. `rules_of` gives the policy that a lecture is judged by; `key` is secret, the same for every process of this data
    folder.
    """

    def __init__(
        self,
        settings: PresenceSettings,
        ledger: Ledger,
        broadcasts: Broadcasts,
        lectures: Lectures,
        viewers: Callable[[str], set[str]],
        rules_of: RulesOf,
        *,
        key: bytes,
        boot_id: str,
        clock: Callable[[], datetime] = utc_now,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._ledger = ledger
        self._broadcasts = broadcasts
        self._lectures = lectures
        self._settings = settings
        self._rules_of = rules_of
        self.boot_id = boot_id
        self.clock = clock
        self.refusals = Refusals()
        self.reporting = Reporting(
            Chain(key, settings.nonce_seconds),
            self.refusals,
            random,
            settings.grace_seconds,
            settings.late_minutes,
            settings.reports_waiting,
            settings.refusals_named,
        )
        self.checking = Checking(ledger, key, viewers)
        self.counting = Counting(ledger, rules_of, broadcasts, lectures, clock)
        self.charges = Buckets(settings.reports_per_second, BURST)
        self._task: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read back what runs, or ended a short time ago, and begin the rounds."""
        for entry in self._broadcasts.known():
            if entry.broadcast_id is not None and not is_rehearsal(entry.lecture_id):
                await self._restore(entry)
        self._task = asyncio.create_task(self._run(), name="presence")

    async def stop(self) -> None:
        """End the rounds, then bring what waits into the ledger, also of the minute that runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for room in list(self.reporting.rooms.values()):
            await self._cut(room, float("inf"))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1)
            try:
                await self.round()
            except Exception:
                log.exception("x presence round")

    async def round(self) -> None:
        """Put the checks that are due and cut the minutes that are over."""
        now = self.clock()
        for lecture_id in list(self.checking.of):
            await self.checking.round(self._broadcasts.peek(lecture_id), now)
        for room in list(self.reporting.rooms.values()):
            await self._cut(room, now.timestamp())
            if (
                room.over_at is not None
                and now.timestamp() - room.over_at > LATE_SECONDS
                and not (room.sheet.waits or room.refused.waits or room.kept)
            ):
                self._close(room)
        self.counting.forget_old()

    def _close(self, room: Room) -> None:
        del self.reporting.rooms[room.lecture_id]
        self.checking.of.pop(room.lecture_id, None)

    async def _cut(self, room: Room, now: float) -> None:
        kept, room.kept = room.kept, []
        for fact in kept:
            await self._record(room, fact)
        for minute in room.sheet.due(now):
            await self._record(room, self.reporting.cut(room, minute, self.clock().timestamp()))
        for minute in room.refused.due(now):
            await self._record(room, room.refused.cut(minute))

    async def _record(self, room: Room, fact: Rendered | RefusedReports) -> None:
        """Bring a minute into the ledger; what it does not take stays and is brought again with the next round."""
        try:
            await self._ledger.record(room.lecture_id, room.broadcast_id, fact)
        except Exception as error:
            log.error("x a minute is not recorded", lecture=room.lecture_id, minute=fact.minute, error=str(error))
            room.kept.append(fact)
            return
        if isinstance(fact, Rendered):
            room.sheet.recorded(fact.minute)

    async def handle(self, event: LiveEvent) -> None:
        """Follow the broadcasts."""
        if isinstance(event, BroadcastChanged):
            entry = self._broadcasts.peek(event.lecture_id)
            if event.to_state in RUNNING:
                await self._restore(entry)
            elif (room := self.reporting.rooms.get(event.lecture_id)) is not None:
                room.over_at = event.at.timestamp()

    async def _restore(self, entry: OnAir) -> None:
        """Take reports, checks and head-counts of a broadcast that runs, head-counts of one that has ended."""
        now = self.clock()
        await _unless_damaged(entry.lecture_id, self.counting.open(entry))
        if entry.state in OVER or entry.lecture_id in self.reporting.rooms:
            return
        broadcast_id = entry.broadcast_id or ""
        running = int(now.timestamp()) // MINUTE
        room = self.reporting.open(
            entry.lecture_id, broadcast_id, running - self._settings.late_minutes, now.timestamp()
        )
        await self._prepare_checks(entry.lecture_id, broadcast_id)
        await _unless_damaged(entry.lecture_id, self._read_back(room))

    async def _read_back(self, room: Room) -> None:
        """Take what the ledger has of a broadcast."""
        async for fact in self._ledger.evidence(room.lecture_id):
            if isinstance(fact, Rendered):
                room.sheet.filled.add((screen for screen, _, _ in fact.reports), fact.minute)
            elif isinstance(fact, RefusedReports):
                self.refusals.restore(room.lecture_id, fact)
                room.refused.restore(fact)
            elif isinstance(fact, Challenged | Answered):
                self.checking.restore(room.lecture_id, fact)

    async def _prepare_checks(self, lecture_id: str, broadcast_id: str) -> None:
        lecture, rules = await self._lectures.info(lecture_id), await self._rules_of(lecture_id)
        if lecture is None or rules is None or not rules.asks(lecture.audience_kind, lecture.counts):
            return
        free = await self._lectures.screens_of_kinds(lecture_id, rules.checks.off_for_school_kinds)
        self.checking.prepare(lecture_id, broadcast_id, lecture.minutes, rules.checks, free)

    def lecture_of_check(self, check_id: str) -> str:
        """Return the lecture that a check belongs to, nothing for an unknown one."""
        asked = (asking for asking in self.checking.of.values() if check_id.startswith(f"{asking.broadcast_id}-"))
        return next((asking.lecture_id for asking in asked), "")

    def seat(self, screen_id: str, thumbprint: str | None, class_id: str, lecture_id: str | None) -> dict[str, Any]:
        """Return what a screen is told beside what to watch: how to report, and which head-count to offer."""
        now = self.clock()
        room = self.reporting.rooms.get(lecture_id or "")
        reporting = None
        if room is not None and room.over_at is None:
            room.classes[screen_id] = class_id
            nonce = self.reporting.begin(room, screen_id, thumbprint, now.timestamp())
            link = {"nonce": nonce, "counter": 1, "signed": thumbprint is not None}
            reporting = {"broadcast_id": room.broadcast_id} | link | self._times(screen_id, room, now)
        return {"reporting": reporting, "confirmation": self._confirmation(class_id, now)}

    def _confirmation(self, class_id: str, now: datetime) -> dict[str, Any] | None:
        slip = self.counting.for_screen(class_id)
        return None if slip is None else slip.document(now)

    def _times(self, screen_id: str, room: Room, now: datetime) -> dict[str, Any]:
        at = now.timestamp()
        return {
            "minute": int(at) // MINUTE,
            "minute_ends_in_s": round(MINUTE - at % MINUTE, 3),
            "next_in_s": round(due_in(screen_id, at), 3),
            "durable_until": room.sheet.durable_until(at),
            "boot_id": self.boot_id,
        }

    def report(self, room: Room, screen_id: str, report: str | dict[str, Any], again: bool) -> dict[str, Any]:
        """Take a report and return the answer; raise `Rejected` or `Full`."""
        now = self.clock()
        accepted: Accepted = self.reporting.take(room, screen_id, report, again, now.timestamp())
        return {
            "accepted_ms": accepted.taken.rendered_ms,
            "repeated": accepted.taken.repeated,
            "nonce": accepted.nonce,
            "counter": accepted.counter,
            "challenge": self.checking.ahead(self._broadcasts.peek(room.lecture_id), screen_id, now),
            "confirmation": self._confirmation(room.classes.get(screen_id, ""), now),
        } | self._times(screen_id, room, now)

    def shown(self, lecture_id: str, share: float) -> set[str]:
        """Return the screens whose newest good report, signed, covers so much of a minute: what a board shows before it is in the ledger."""
        room = self.reporting.rooms.get(lecture_id)
        enough = share * MINUTE * 1000
        return set() if room is None else {screen for screen, ms in room.shown.items() if ms >= enough}

    def forged(self, lecture_id: str) -> set[str]:
        """Return the screens whose reports were refused for a reason that an honest screen does not give."""
        found = self.refusals.of(lecture_id)
        return {screen for screen, reasons in found.items() if not FORGERY.isdisjoint(reasons)}

    async def refused(self, lecture_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return screen -> reason -> how often: all of what this process knows, else who forged, as the ledger says."""
        if lecture_id in self.reporting.rooms or self.refusals.knows(lecture_id):
            return self.refusals.of(lecture_id)
        found = Refusals(lectures=1)
        async for fact in self._ledger.evidence(lecture_id, {Kind.REFUSED}):
            if isinstance(fact, RefusedReports):
                found.restore(lecture_id, fact)
        return found.of(lecture_id)

    def metrics(self) -> Mapping[str, object]:
        """Return what `/metrics` shows."""
        rooms = self.reporting.rooms.values()
        return {
            "reports_waiting": sum(room.sheet.waiting for room in rooms),
            "reports": sum(room.reports for room in rooms),
            "reports_unsigned": sum(room.unsigned for room in rooms),
            "refusals_total": {reason.value: count for reason, count in self.refusals.totals.items()},
            "answers_total": self.checking.answers,
            "head_counts_open": len(self.counting.of),
        }


async def _unless_damaged(lecture_id: str, reading: Awaitable[None]) -> None:
    """Await what reads the ledger, up to what cannot be read."""
    try:
        await reading
    except DamagedEntry as error:
        log.error("x evidence is not read back", lecture=lecture_id, error=str(error))
