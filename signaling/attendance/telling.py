"""Tells a book what stands in the ledger. Pure.

1. Deliveries stay packed until the fold comes to their minute; the rows of `UNPACKED` windows are kept.
2. Slots are those of one broadcast on one node: that pair is the *place* that the fold knows as its node.
3. What was recorded after `as_of` is left out: a report as of that time says again what it said then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, TypeVar

from signaling.attendance.book import Answer, Book, Correction, Fault
from signaling.attendance.fold import Window
from signaling.attendance.judgement import Headcount
from signaling.attendance.policy import Policy
from signaling.ledger import facts
from signaling.ledger.columns import StoredDelivery, StoredRefused, StoredRendered, StoredReplay
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Header
from signaling.ledger.facts import Kind
from signaling.ledger.packing import Columns
from signaling.ledger.reading import Told

DELIVERY: Final = frozenset({Kind.JOINED, Kind.LEFT, Kind.MEDIA_DELIVERED})
REPLACED: Final = "replaced"
"""The media plane's word for a session whose screen came a second time."""
UNPACKED: Final = 64  # rows kept unpacked: more than a minute has, unless nodes are many

T = TypeVar("T")
Unpack = Callable[[StoredDelivery], Columns]


class Teller:
    """Tells one book. It keeps nothing but rows that were unpacked last."""

    def __init__(self, book: Book, as_of: datetime | None = None) -> None:
        self._book = book
        self._as_of = as_of
        self._unpack: Unpack = lru_cache(maxsize=UNPACKED)(_unpacked)

    def tell(self, every: Iterable[Told]) -> None:
        """Tell facts, each of them once. Raises `DamagedEntry`."""
        for told in every:
            if self._as_of is None or told.header.recorded_at <= self._as_of:
                self._one(told)

    def _one(self, told: Told) -> None:
        header, book = told.header, self._book
        match told.fact:
            case facts.Numbered() as fact:
                book.number(place(header), fact.slot, fact.screen_id, fact.class_id)
            case StoredDelivery() as fact:
                numbers = (fact.part, fact.published, fact.flowing_ms, partial(self._unpack, fact))
                book.window(Window(place(header), fact.window_no, header.boot, *numbers))
            case StoredReplay() as replay:
                for screen, begin, end in _whole(header, partial(replay.whole, told.roster.screens)).deliveries:
                    book.replays.take(screen, replay.window_no, begin, end, replay.windows)
            case StoredRendered() as rendered:
                for screen, rendered_ms, flags in _whole(header, partial(rendered.whole, told.roster.screens)).reports:
                    book.report(rendered.minute, screen, rendered_ms, flags)
            case StoredRefused() as refused:
                for screen, reason, times in _whole(header, partial(refused.whole, told.roster.screens)).reports:
                    book.refuse(screen, reason, times)
            case facts.Joined() as fact:
                who = (fact.session, fact.screen_id, fact.class_id, fact.at)
                book.stays.joined(*who, (place(header), fact.boot))
            case facts.Left() as fact:
                who = (fact.session, fact.screen_id, fact.class_id, fact.at)
                book.stays.left(*who, (place(header), header.boot))
                if fact.reason == REPLACED:
                    book.replaced(fact.screen_id, fact.at)
            case _:
                self._judgement(told)

    def _judgement(self, told: Told) -> None:
        """Tell what is about classes and people rather than media."""
        book = self._book
        match told.fact:
            case facts.Challenged() as fact:
                book.challenged(fact.challenge_id, fact.deadline, fact.screens)
            case facts.Answered() as fact:
                answer = Answer(fact.at, fact.counter, fact.delay_ms, fact.right)
                book.answered(fact.challenge_id, fact.screen_id, answer)
            case facts.Confirmed() as fact:
                book.confirmed(fact.class_id, fact.counter, Headcount(fact.present, fact.guests, fact.at, fact.by))
            case facts.Fault() as fact:
                book.fault(fact.fault_id, Fault(fact.counter, fact.cause, fact.scope, fact.begin, fact.end, fact.at))
            case facts.Corrected() as fact:
                who = (fact.reason_code, fact.requested_by, fact.approved_by)
                made = Correction(fact.at, fact.correction_id, fact.field, fact.new, fact.old, *who)
                book.corrected(fact.class_id, made)
            case _:
                return  # on_air: the minutes themselves tell when media flowed; ruled: whoever opened this book chose its policy


def kinds(policy: Policy) -> Collection[Kind]:
    """Return the kinds of facts that a policy looks at: without credit, deliveries alone."""
    return DELIVERY if policy.credit is None else frozenset(Kind)


def place(header: Header) -> str:
    """Return what slots and processes of an entry belong to."""
    return f"{header.node}/{header.broadcast_id}"


def _unpacked(fact: StoredDelivery) -> Columns:
    return _whole(fact.header, fact.columns, f"window {fact.window_no}: ")


def _whole(header: Header, read: Callable[[], T], where: str = "") -> T:
    """Return what a stored fact holds; raise `DamagedEntry` when that cannot be read."""
    try:
        return read()
    except (ValueError, IndexError) as error:
        raise DamagedEntry(header.node, header.number, header.kind, f"{where}{error}") from error
