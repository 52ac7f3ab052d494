"""A lecture whose screens report, answer and count heads to a presence room, on a clock that is moved by hand and a ledger in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from config.settings import load
from signaling.attendance.policy import Credit, load_policy
from signaling.live.states import State
from signaling.presence.reporting import Rejected
from signaling.presence.service import PresenceService
from signaling.screens.proofs import thumbprint
from tests.support.devices import jwk_of
from tests.support.witness import Pages, claims, signed

BEGIN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MINUTE = int(BEGIN.timestamp()) // 60
LECTURE, BROADCAST = "lecture-1", "broadcast-1"


def changed(table: str, **numbers: Any) -> Credit:
    """Return the second version's rules with other numbers in one of their tables."""
    credit = load_policy(2).credit
    assert credit is not None
    return credit.model_copy(update={table: getattr(credit, table).model_copy(update=numbers)})


@dataclass
class Entry:
    """A broadcast as the live service shows it."""

    lecture_id: str = LECTURE
    broadcast_id: str | None = BROADCAST
    state: State = State.LIVE
    started_at: datetime | None = BEGIN
    ended_at: datetime | None = None

    def on_air(self, now: datetime) -> float:
        return (now - BEGIN).total_seconds()


@dataclass
class Lecture:
    title: str = "珍爱生命"
    minutes: int = 45
    audience_kind: str = "pupils"
    counts: bool = True


@dataclass
class World:
    """A lecture on the air, two screens and a ledger in memory; `process` is a server, which may be another one later."""

    pages: Pages = field(default_factory=Pages)
    entry: Entry = field(default_factory=Entry)
    lecture: Lecture = field(default_factory=Lecture)
    now: datetime = BEGIN
    watching: set[str] = field(default_factory=lambda: {"a", "b"})
    free: frozenset[str] = frozenset()
    pushed: list[tuple[str, dict[str, Any] | None]] = field(default_factory=list)
    credit: Credit | None = field(default_factory=lambda: load_policy(2).credit)
    boots: int = 0

    def peek(self, lecture_id: str) -> Entry:
        return self.entry if lecture_id == self.entry.lecture_id else Entry(lecture_id, None, State.SCHEDULED, None)

    def known(self) -> list[Entry]:
        return [self.entry]

    async def info(self, lecture_id: str) -> Lecture:
        return self.lecture

    async def sizes(self, lecture_id: str) -> dict[str, int]:
        return {"class-a": 40, "class-b": 38}

    async def screens_of_kinds(self, lecture_id: str, kinds: Iterable[str]) -> frozenset[str]:
        return self.free if "11" in kinds else frozenset()

    async def rules_of(self, lecture_id: str) -> Credit | None:
        return self.credit

    async def process(self) -> PresenceService:
        """Start a server, without its clockwork."""
        self.boots += 1
        made = PresenceService(
            load().presence,
            self.pages,
            self,
            self,
            lambda lecture_id: self.watching,
            self.rules_of,
            key=b"key",
            boot_id=f"boot-{self.boots}",
            clock=lambda: self.now,
        )
        for entry in self.known():
            await made._restore(entry)

        async def push(lecture_id: str, message_of: Any) -> None:
            self.pushed += [(screen, message_of(screen)) for screen in ("a", "b", "c")]

        made.checking.push = push
        return made

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Seat:
    """A screen's page: it keeps the nonce and signs, when it has a key."""

    world: World
    served: PresenceService
    screen: str
    key: ECKey | None = None
    nonce: str = ""
    counter: int = 1

    def sit(self) -> None:
        thumb = None if self.key is None else thumbprint(jwk_of(self.key))
        told = self.served.seat(self.screen, thumb, f"class-{self.screen}", LECTURE)
        self.nonce, self.counter = told["reporting"]["nonce"], 1

    def said(self, minute: int, **changes: Any) -> dict[str, Any]:
        return claims(nonce=self.nonce, broadcast_id=BROADCAST, counter=self.counter, minute=minute) | changes

    def letter(self, minute: int, **changes: Any) -> str | dict[str, Any]:
        said = self.said(minute, **changes)
        return said if self.key is None else signed(self.key, said)

    def send(self, letter: Any, again: bool = False) -> dict[str, Any]:
        answer = self.served.report(self.served.reporting.rooms[LECTURE], self.screen, letter, again)
        self.nonce, self.counter = answer["nonce"], self.counter + 1
        return answer

    def report(self, minute: int, **changes: Any) -> dict[str, Any]:
        return self.send(self.letter(minute, **changes))

    def refused(self, letter: Any, again: bool = False) -> Rejected:
        with pytest.raises(Rejected) as caught:
            self.served.report(self.served.reporting.rooms[LECTURE], self.screen, letter, again)
        return caught.value


async def seats(world: World, *, keys: bool = True) -> tuple[Seat, Seat]:
    served = await world.process()
    pair = tuple(Seat(world, served, name, ECKey.generate_key("P-256") if keys else None) for name in ("a", "b"))
    for one in pair:
        one.sit()
    return pair[0], pair[1]
