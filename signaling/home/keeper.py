"""Writes down what households were sent, and judges who counts: one task, so that a request never waits for the database.

1. **At most `write_seconds` of a household are lost by a crash**, and nothing by an orderly end; what could not be written stays and is
   tried again, joined with what came since, so that a database that is away costs no memory beyond the households themselves.
2. A lecture is judged when it is over: for some minutes again and again, because its last facts arrive late, then whenever somebody
   watched its recording; the lectures of the last weeks once at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from signaling.db.base import utc_now
from signaling.home.doorman import Arrival, Doorman
from signaling.home.facts_service import FactsService
from signaling.home.tokens import Household
from signaling.home.viewing import Audience, Seen
from signaling.ledger.errors import LedgerError
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.states import OVER, State

log = structlog.get_logger("home")
TICK_SECONDS: Final = 5.0
AFTERWARDS_SECONDS: Final = 180.0
"""After its end a lecture's last facts arrive, and attendance takes its measure."""
WHOLE_SECONDS: Final = 30.0
"""Between two judgements of all its households then."""
KEPT: Final = 64
"""Lectures of which it is remembered when they were on the air."""

OnAir = Callable[[str], Awaitable[Mapping[int, int]]]
"""The minutes of a lecture that count, UTC minute -> milliseconds on the air (`attendance.reports_service`)."""


class Keeper:
    """`ratio` is the share from which a household counts, None where homes do not; `state_of` tells where a broadcast is."""

    def __init__(
        self,
        facts: FactsService,
        audience: Audience,
        doorman: Doorman,
        on_air: OnAir,
        ratio: Fraction | None,
        replay: timedelta,
        *,
        wall: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._facts = facts
        self._audience = audience
        self._doorman = doorman
        self._on_air = on_air
        self._ratio = ratio
        self._replay = replay
        self._wall = wall
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._arrivals: list[Arrival] = []
        self._seen: dict[tuple[Household, int], int] = {}
        self._touched: dict[str, set[str]] = {}
        self._ended: dict[str, tuple[float, float]] = {}  # when a lecture is judged as a whole next, and until when
        self._measured: OrderedDict[str, Mapping[int, int]] = OrderedDict()
        self.state_of: Callable[[str], str] = lambda lecture_id: State.SCHEDULED
        self.counted = 0

    async def start(self) -> None:
        """Begin; lectures that ended within the time for replays are judged anew."""
        for lecture_id in await self._facts.ended_since(self._wall() - self._replay):
            self._ended[lecture_id] = self._clock(), self._clock()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write down everything. Idempotent."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        await self._write(everything=True)

    async def handle(self, event: LiveEvent) -> None:
        """Follow broadcasts: a listener of `LiveService`."""
        if isinstance(event, BroadcastChanged) and event.to_state in OVER:
            self._ended[event.lecture_id] = self._clock(), self._clock() + AFTERWARDS_SECONDS

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.tick()
            except (SQLAlchemyError, OSError) as error:
                log.warning("x households not written", error=str(error), waiting=len(self._seen))

    async def tick(self, *, everything: bool = False) -> None:
        """Write down what is due, and judge what is over."""
        await self._write(everything=everything)
        now = self._clock()
        for lecture_id, (due, until) in list(self._ended.items()):
            if now < due:
                continue
            self._touched.pop(lecture_id, None)
            await self._judge(lecture_id, None, fresh=True)
            self._ended[lecture_id] = now + WHOLE_SECONDS, until
            if now >= until:
                del self._ended[lecture_id]
        for lecture_id in [one for one in self._touched if self.state_of(one) in OVER]:
            await self._judge(lecture_id, self._touched[lecture_id], fresh=False)
            del self._touched[lecture_id]

    async def _write(self, *, everything: bool) -> None:
        self._arrivals = self._arrivals or self._doorman.take()  # what waits there bounds how many are let in
        for household, block, bits in self._audience.take(self._clock(), everything=everything):
            self._seen[household, block] = self._seen.get((household, block), 0) | bits
        if not self._arrivals and not self._seen:
            return
        facts = [Seen(household, block, bits) for (household, block), bits in self._seen.items()]
        await self._facts.write(self._arrivals, facts)
        self._written(facts)

    def _written(self, facts: Sequence[Seen]) -> None:
        self._arrivals, self._seen = [], {}
        for one in facts:
            self._touched.setdefault(one.household.lecture_id, set()).add(one.household.digest)

    async def _judge(self, lecture_id: str, households: set[str] | None, *, fresh: bool) -> None:
        if self._ratio is None or self.state_of(lecture_id) not in OVER:
            return
        measure = None if fresh else self._measured.get(lecture_id)
        if measure is None:
            try:
                measure = self._measured[lecture_id] = await self._on_air(lecture_id)
            except LedgerError as error:
                log.warning("x no measure of a lecture", lecture=lecture_id, error=str(error))
                return
            if len(self._measured) > KEPT:
                self._measured.popitem(last=False)
        new = await self._facts.judge(lecture_id, measure, self._ratio, self._wall(), households)
        self.counted += new
        if new:
            log.info("- households count", lecture=lecture_id, new=new)
