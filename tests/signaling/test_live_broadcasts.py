"""Transitions on a real database: history, approval, cut, restart, autostart."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from signaling.api.problems import Problem
from signaling.lectures.models import LectureTarget
from signaling.live.broadcasts import SYSTEM, Actor
from signaling.live.events import BroadcastChanged, LiveEvent, PublisherArrived
from signaling.live.sessions import Held
from signaling.live.states import TABLE, Event, State
from tests.support.live import House, house

PERSON = Actor("lecturer")
TO: dict[State, list[Event]] = {
    State.SCHEDULED: [],
    State.OPEN: [Event.OPEN],
    State.LIVE: [Event.OPEN, Event.START],
    State.PAUSED: [Event.OPEN, Event.START, Event.PAUSE],
    State.CUT: [Event.OPEN, Event.START, Event.CUT],
    State.ENDED: [Event.OPEN, Event.END],
    State.ARCHIVED: [Event.OPEN, Event.END, Event.ARCHIVE],
}
ILLEGAL = [pair for pair in itertools.product(State, Event) if pair not in TABLE]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as built:
        yield built


async def publish(home: House) -> Held:
    right = await home.live.publishing.right(await home.ticket(), home.lecture_id)
    held = await home.live.publishing.publish(right, "v=0")
    home.room.connect(held.session)
    return held


async def test_every_transition_is_a_row_and_the_state_its_last(home: House) -> None:
    steps = [Event.OPEN, Event.START, Event.PAUSE, Event.RESUME, Event.CUT, Event.RESUME, Event.END, Event.ARCHIVE]
    for step in steps:
        home.hands.advance(10)
        await home.live.transition(home.lecture_id, step, Actor("admin", may_cut=True))
    history = await home.live.records.transitions(home.lecture_id)
    assert [row.event for row in history] == steps
    assert [(row.from_state, row.to_state) for row in history][:3] == [
        ("scheduled", "open"),
        ("open", "live"),
        ("live", "paused"),
    ]
    assert all(before.to_state == after.from_state for before, after in itertools.pairwise(history))
    assert {row.actor for row in history} == {"admin"}
    [row] = await home.live.records.broadcasts()
    assert (row.state, row.lecture_id) == ("archived", home.lecture_id)


@pytest.mark.parametrize(("state", "event"), ILLEGAL, ids=[f"{state}-{event}" for state, event in ILLEGAL])
async def test_an_illegal_event_changes_nothing(home: House, state: State, event: Event) -> None:
    await home.at(*TO[state])
    before = [vars(row) for row in await home.live.records.transitions(home.lecture_id)]
    sessions = len(home.room.sessions)
    with pytest.raises(Problem) as raised:
        await home.live.transition(home.lecture_id, event, SYSTEM)
    assert (raised.value.status, raised.value.code) == (409, "illegal_transition")
    assert (raised.value.fields["state"], raised.value.fields["event"]) == (state, event)
    assert home.live.state(home.lecture_id) is state
    assert len(await home.live.records.transitions(home.lecture_id)) == len(before)
    assert len(home.room.sessions) == sessions


async def test_a_lecture_that_is_not_approved_does_not_open(home: House) -> None:
    lecture_id = await home.add_lecture(approved=False)
    with pytest.raises(Problem) as raised:
        await home.live.transition(lecture_id, Event.OPEN, SYSTEM)
    assert (raised.value.status, raised.value.code) == (409, "not_approved")
    assert home.live.state(lecture_id) is State.SCHEDULED
    assert await home.live.records.broadcasts() == []


async def test_an_unknown_lecture_does_not_open(home: House) -> None:
    with pytest.raises(Problem) as raised:
        await home.live.transition("nothing", Event.OPEN, SYSTEM)
    assert raised.value.status == 404


async def test_opening_freezes_the_expected_classes(home: House) -> None:
    await home.at(Event.OPEN)
    async with home.db.reading() as session:
        frozen = set(await session.scalars(select(LectureTarget.class_id)))
    assert frozen == {"class-11", "class-12", "class-21", "class-22"}


async def test_packets_are_forwarded_in_live_only(home: House) -> None:
    seen = []
    for step in (Event.OPEN, Event.START, Event.PAUSE, Event.RESUME, Event.CUT, Event.RESUME):
        await home.at(step)
        seen.append((home.live.state(home.lecture_id), home.room.forwarding))
    assert [on for _, on in seen] == [False, True, False, True, False, True]
    assert all(on is (state is State.LIVE) for state, on in seen)


async def test_the_end_closes_every_session(home: House) -> None:
    await home.at(Event.OPEN)
    held = await publish(home)
    await home.at(Event.END)
    assert held.session.closed == "room_closed"
    assert home.room.open("publish") == []


async def test_only_the_prefecture_or_an_operator_cuts_and_resumes_after_a_cut(home: House) -> None:
    await home.at(Event.OPEN, Event.START)
    with pytest.raises(Problem, match="403 forbidden"):
        await home.live.transition(home.lecture_id, Event.CUT, PERSON)
    assert home.room.cuts == 0
    await home.at(Event.CUT)
    with pytest.raises(Problem, match="403 forbidden"):
        await home.live.transition(home.lecture_id, Event.RESUME, PERSON)
    assert home.live.state(home.lecture_id) is State.CUT
    await home.at(Event.RESUME)
    await home.live.transition(home.lecture_id, Event.PAUSE, PERSON)
    await home.live.transition(home.lecture_id, Event.RESUME, PERSON)


async def test_a_cut_raises_the_fence_and_revokes_what_may_publish(home: House) -> None:
    await home.at(Event.OPEN, Event.START)
    held = await publish(home)
    ticket, key = await home.ticket(), await home.key()
    await home.at(Event.CUT)
    assert held.session.closed == "cut"
    [row] = await home.live.records.broadcasts()
    assert row.fence > held.fence
    await home.at(Event.RESUME)
    for token in (ticket, key):
        with pytest.raises(Problem, match="401"):
            await home.live.publishing.right(token, home.lecture_id)
    assert (await publish(home)).fence == row.fence + 1


async def test_a_cut_stops_the_media_before_the_database_answers(home: House) -> None:
    await home.at(Event.OPEN, Event.START)
    held = await publish(home)
    async with home.db.writing():  # the database is busy
        cut = asyncio.create_task(home.live.transition(home.lecture_id, Event.CUT, SYSTEM))
        await asyncio.sleep(0)
        assert held.session.closed == "cut"
        assert home.live.state(home.lecture_id) is State.CUT
        assert not cut.done()
    await cut
    assert [row.event for row in await home.live.records.transitions(home.lecture_id)][-1] == "cut"


async def test_a_cut_that_cannot_be_written_stays_cut_and_may_be_repeated(home: House) -> None:
    await home.at(Event.OPEN, Event.START)
    genuine = home.live.records.advance

    async def fail(*_: object) -> object:
        raise OperationalError("disk full", None, Exception())

    home.live.records.advance = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(OperationalError):
        await home.live.transition(home.lecture_id, Event.CUT, SYSTEM)
    assert home.live.state(home.lecture_id) is State.CUT
    right = await home.live.publishing.right(await home.ticket(), home.lecture_id)
    with pytest.raises(Problem, match="409 cut"):
        await home.live.publishing.publish(right, "v=0")
    home.live.records.advance = genuine  # type: ignore[method-assign]
    await home.at(Event.CUT)
    assert home.live.state(home.lecture_id) is State.CUT
    await home.at(Event.RESUME)
    assert home.live.state(home.lecture_id) is State.LIVE


async def test_a_publisher_that_slips_in_during_a_cut_is_closed(home: House) -> None:
    await home.at(Event.OPEN, Event.START)
    genuine, reached, go_on = home.room.publish, asyncio.Event(), asyncio.Event()

    async def slowly(offer: str, *, fence: int) -> object:
        reached.set()
        await go_on.wait()
        return await genuine(offer, fence=fence)

    home.room.publish = slowly
    right = await home.live.publishing.right(await home.ticket(), home.lecture_id)
    publishing = asyncio.create_task(home.live.publishing.publish(right, "v=0"))
    await reached.wait()
    cut = asyncio.create_task(home.live.transition(home.lecture_id, Event.CUT, SYSTEM))
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(Problem, match="409 cut"):
        await publishing
    await cut
    assert home.room.open("publish") == []


async def test_a_cut_of_a_lecture_that_is_not_on_the_air_touches_nothing(home: House) -> None:
    await home.at(Event.OPEN)
    held = await publish(home)
    with pytest.raises(Problem, match="illegal_transition"):
        await home.live.transition(home.lecture_id, Event.CUT, SYSTEM)
    assert held.session.closed is None
    assert home.live.state(home.lecture_id) is State.OPEN


@pytest.mark.parametrize("state", [State.OPEN, State.LIVE, State.PAUSED, State.CUT, State.ENDED])
async def test_after_a_crash_the_broadcast_is_what_it_was(tmp_path: Path, state: State) -> None:
    async with house(tmp_path) as home:
        await home.at(*TO[state])
        broadcast_id = home.live.broadcast_id(home.lecture_id)
        [row] = await home.live.records.broadcasts()
    async with house(tmp_path) as again:
        assert again.live.state(again.lecture_id) is state
        assert again.live.broadcast_id(again.lecture_id) == broadcast_id
        assert again.room.forwarding is (state is State.LIVE)
        [kept] = await again.live.records.broadcasts()
        assert kept.fence == row.fence


async def test_after_a_crash_the_fence_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.at(Event.OPEN, Event.START)
        fence = (await publish(home)).fence
        key = await home.key()
    async with house(tmp_path) as again:
        right = await again.live.publishing.right(key, again.lecture_id)
        assert (await again.live.publishing.publish(right, "v=0")).fence == fence + 1


@pytest.mark.parametrize(("autostart", "state"), [(True, State.LIVE), (False, State.OPEN)], ids=["on", "off"])
async def test_a_stream_in_open_starts_the_broadcast_only_with_autostart(
    tmp_path: Path, autostart: bool, state: State
) -> None:
    async with house(tmp_path, autostart=autostart) as home:
        await home.at(Event.OPEN)
        await publish(home)
        await home.live.settled()
        await home.live.settled()
        assert home.live.state(home.lecture_id) is state
        assert len(home.seen(PublisherArrived)) == 1


async def test_autostart_does_not_end_a_pause(tmp_path: Path) -> None:
    async with house(tmp_path, autostart=True) as home:
        await home.at(Event.OPEN, Event.START, Event.PAUSE)
        await publish(home)
        await home.live.settled()
        assert home.live.state(home.lecture_id) is State.PAUSED


async def test_time_on_air_leaves_pauses_and_cuts_out(home: House) -> None:
    for step, seconds in [
        (Event.OPEN, 100),
        (Event.START, 60),
        (Event.PAUSE, 500),
        (Event.RESUME, 30),
        (Event.CUT, 500),
        (Event.RESUME, 5),
    ]:
        await home.at(step)
        home.hands.advance(seconds)
    assert (await home.live.facts(home.lecture_id))["on_air_seconds"] == 95
    await home.at(Event.END)
    home.hands.advance(1000)
    facts = await home.live.facts(home.lecture_id)
    assert facts["on_air_seconds"] == 95
    assert facts["started_at"] == "2026-03-02T01:31:40.000Z"
    assert facts["ended_at"] is not None


async def test_listeners_hear_every_change_in_order_also_beside_one_that_fails(home: House) -> None:
    async def fail(event: LiveEvent) -> None:
        raise RuntimeError("a bug")

    await home.live.stop()
    home.live.listeners.insert(0, fail)
    await home.live.start()
    await home.at(Event.OPEN, Event.START, Event.PAUSE)
    changes = home.seen(BroadcastChanged)
    assert [(change.event, change.from_state, change.to_state) for change in changes] == [
        ("open", "scheduled", "open"),
        ("start", "open", "live"),
        ("pause", "live", "paused"),
    ]
    assert {change.broadcast_id for change in changes} == {home.live.broadcast_id(home.lecture_id)}


async def test_a_slow_listener_delays_no_other_but_closes_the_door(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow(event: LiveEvent) -> None:
        await gate.wait()

    async with house(tmp_path, overrides={"live": {"facts_waiting": 2}}) as home:
        await home.live.stop()
        home.live.listeners.append(slow)
        await home.live.start()
        for step in (Event.OPEN, Event.START, Event.PAUSE):
            await home.live.transition(home.lecture_id, step, SYSTEM)
        await asyncio.wait_for(_until(lambda: len(home.seen(BroadcastChanged)) == 3), 5)
        assert home.live.is_congested()
        gate.set()
        await home.live.settled()
        assert not home.live.is_congested()


async def _until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0)


async def test_two_events_at_once_are_ordered(home: House) -> None:
    await home.at(Event.OPEN)
    results = await asyncio.gather(
        *(home.live.transition(home.lecture_id, Event.START, SYSTEM) for _ in range(10)), return_exceptions=True
    )
    assert sum(not isinstance(result, Problem) for result in results) == 1
    assert len(await home.live.records.transitions(home.lecture_id)) == 2
