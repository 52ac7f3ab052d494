"""The fan-out of facts: every listener gets every fact in order, screens that come together cost one call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from signaling.live.events import LiveEvent, PublisherArrived, ScreenJoined, ScreenLeft
from signaling.live.feed import MOST_TOGETHER, Feed, Grouped

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def joined(number: int) -> ScreenJoined:
    return ScreenJoined("lecture", "broadcast", AT, f"screen-{number}", f"session-{number}")


def left(number: int) -> ScreenLeft:
    return ScreenLeft("lecture", "broadcast", AT, f"screen-{number}", f"session-{number}", "closed_by_peer")


class Ears:
    """A listener of each kind."""

    def __init__(self) -> None:
        self.single: list[LiveEvent] = []
        self.groups: list[list[LiveEvent]] = []
        self.fails = False

    async def one(self, event: LiveEvent) -> None:
        self.single.append(event)

    async def many(self, events: Sequence[LiveEvent]) -> None:
        self.groups.append(list(events))
        if self.fails:
            raise RuntimeError("this listener fails")


async def test_screens_that_come_together_are_handed_over_together() -> None:
    ears = Ears()
    feed = Feed([ears.one, Grouped(ears.many)])
    feed.start()
    told: list[LiveEvent] = [
        *map(joined, range(20)),
        left(3),
        PublisherArrived("lecture", "broadcast", AT, "p", 1),
        left(4),
    ]
    for event in told:
        feed.publish(event)
    assert feed.backlog() == len(told)
    await feed.settled()
    assert ears.single == told
    assert ears.groups == [told]
    await feed.stop()


async def test_a_group_is_bounded_and_nothing_is_lost_between_two() -> None:
    ears = Ears()
    feed = Feed([Grouped(ears.many)])
    feed.start()
    told = [joined(number) for number in range(2 * MOST_TOGETHER + 5)]
    for event in told:
        feed.publish(event)
    await feed.settled()
    assert [len(group) for group in ears.groups] == [MOST_TOGETHER, MOST_TOGETHER, 5]
    assert [event for group in ears.groups for event in group] == told
    await feed.stop()


async def test_a_listener_that_fails_gets_the_next_group() -> None:
    ears = Ears()
    ears.fails = True
    feed = Feed([Grouped(ears.many), ears.one])
    feed.start()
    for number in (1, 2):
        feed.publish(joined(number))
        await feed.settled()
    assert ears.groups == [[joined(1)], [joined(2)]]
    assert ears.single == [joined(1), joined(2)]
    await feed.stop()


async def test_what_waits_is_delivered_before_the_end() -> None:
    ears = Ears()
    feed = Feed([Grouped(ears.many)])
    feed.start()
    feed.publish(left(1))
    await feed.stop()
    assert ears.groups == [[left(1)]]
