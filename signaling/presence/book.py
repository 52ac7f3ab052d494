"""The ledger as this room uses it: its own kinds of facts, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, Protocol

from signaling.ledger.columns import StoredRefused, StoredRendered
from signaling.ledger.events import Subject
from signaling.ledger.facts import Answered, Challenged, Confirmed, Kind
from signaling.presence.ports import KINDS, Evidence


class Service(Protocol):
    """The ledger's door (`signaling.ledger.service.LedgerService`)."""

    async def record(self, subject: Subject, *facts: Any) -> None: ...
    def facts(self, lecture_id: str | None, kinds: Collection[Kind] | None = None) -> AsyncIterator[Any]: ...


class Book:
    """Writes and reads what this room knows."""

    def __init__(self, ledger: Service) -> None:
        self._ledger = ledger

    async def record(self, lecture_id: str, broadcast_id: str, fact: Evidence) -> None:
        """Return when the fact is durable; raise `LedgerUnavailable`."""
        await self._ledger.record(Subject(lecture_id, broadcast_id), fact)

    async def evidence(self, lecture_id: str, kinds: Collection[Kind] = KINDS) -> AsyncIterator[Evidence]:
        """Yield what was recorded of a lecture by this room, by any node."""
        async for told in self._ledger.facts(lecture_id, kinds):
            if isinstance(told.fact, StoredRendered | StoredRefused):
                yield told.fact.whole(told.roster.screens)
            elif isinstance(told.fact, Challenged | Answered | Confirmed):
                yield told.fact
