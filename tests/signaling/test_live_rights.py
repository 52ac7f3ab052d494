"""Who may publish and watch: tickets, stream keys, takeover, fence, one session a screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.tokens import MONITOR
from signaling.directory.listed import ScreenInfo
from signaling.live.events import (
    PublisherArrived,
    PublisherLost,
    ScreenConflict,
    ScreenJoined,
    ScreenLeft,
    TakeoverRequested,
)
from signaling.live.sessions import Held
from signaling.live.states import Event
from tests.support.databases import dumped
from tests.support.live import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as built:
        await built.at(Event.OPEN)
        yield built


async def publish(home: House, token: str) -> Held:
    right = await home.live.publishing.right(token, home.lecture_id)
    return await home.live.publishing.publish(right, "v=0")


async def watch(home: House, token: str) -> Held:
    claims = home.live.watching.claims(token)
    return await home.live.watching.subscribe(claims, opaque.digest(token), home.lecture_id, "v=0")


async def refusal(action: object) -> tuple[int, str]:
    with pytest.raises(Problem) as raised:
        await action  # type: ignore[misc]
    return raised.value.status, raised.value.code


async def test_a_ticket_publishes_once(home: House) -> None:
    token = await home.ticket()
    held = await publish(home, token)
    assert held.belongs_to(opaque.digest(token))
    assert await refusal(publish(home, token)) == (401, "bad_ticket")


async def test_a_ticket_expires(home: House) -> None:
    token = await home.ticket()
    home.hands.advance(60)
    assert await refusal(publish(home, token)) == (401, "bad_ticket")


async def test_a_ticket_that_was_used_between_check_and_claim_does_not_publish(home: House) -> None:
    token = await home.ticket()
    first, second = [await home.live.publishing.right(token, home.lecture_id) for _ in range(2)]
    await home.live.publishing.publish(first, "v=0")
    assert await refusal(home.live.publishing.publish(second, "v=0")) == (401, "bad_ticket")
    assert len(home.room.open("publish")) == 1


async def test_one_ticket_presented_a_hundred_times_at_once_publishes_once(home: House) -> None:
    token = await home.ticket()
    results = await asyncio.gather(*(publish(home, token) for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(result, Held) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Problem)} == {"bad_ticket"}
    assert len(home.room.open("publish")) == 1


async def test_a_hundred_users_race_and_exactly_one_publishes(home: House) -> None:
    keys = [await home.key(f"user-{n}") for n in range(100)]
    results = await asyncio.gather(*(publish(home, key) for key in keys), return_exceptions=True)
    assert sum(isinstance(result, Held) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Problem)} == {"publisher_busy"}
    assert len(home.room.open("publish")) == 1


async def test_a_hundred_tickets_of_one_user_end_with_the_newest_alone(home: House) -> None:
    tickets = [await home.ticket() for _ in range(100)]
    held = await asyncio.gather(*(publish(home, ticket) for ticket in tickets))
    assert sorted(one.fence for one in held) == list(range(1, 101))
    for one in sorted(held, key=lambda one: one.fence):
        home.room.connect(one.session)
    assert [session.fence for session in home.room.open("publish")] == [100]


async def test_the_fence_is_in_the_database_before_the_media_plane_hears_of_it(home: House) -> None:
    seen: list[tuple[int, int]] = []
    genuine = home.room.publish

    async def look(offer: str, *, fence: int) -> object:
        [row] = await home.live.records.broadcasts()
        seen.append((row.fence, fence))
        return await genuine(offer, fence=fence)

    home.room.publish = look
    for _ in range(3):
        await publish(home, await home.ticket())
    assert seen == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("token", [opaque.mint(opaque.TICKET), opaque.mint(opaque.STREAM_KEY)], ids=["ticket", "key"])
async def test_an_invented_credential_does_not_publish(home: House, token: str) -> None:
    status, code = await refusal(publish(home, token))
    assert status == 401
    assert code in {"bad_ticket", "bad_stream_key"}


async def test_a_credential_of_another_lecture_does_not_publish(home: House) -> None:
    other = await home.add_lecture()
    for token in (await home.ticket(lecture_id=other), await home.key(lecture_id=other)):
        assert await refusal(publish(home, token)) == (403, "wrong_lecture")


async def test_a_stream_key_publishes_again_and_again_within_its_window(home: House) -> None:
    key = await home.key()
    first = await publish(home, key)
    second = await publish(home, key)
    assert first.fence < second.fence
    home.room.connect(second.session)
    assert first.session.closed == "taken_over"


@pytest.mark.parametrize(("early", "late"), [(10, 20), (-20, -10)], ids=["before", "after"])
async def test_a_stream_key_is_worthless_outside_its_window(home: House, early: int, late: int) -> None:
    now = home.hands.wall()
    window = {"not_before": now + timedelta(minutes=early), "not_after": now + timedelta(minutes=late)}
    key = await home.live.add_stream_key(home.lecture_id, home.lecturer, **window)
    assert await refusal(publish(home, key)) == (401, "bad_stream_key")


async def test_a_revoked_stream_key_is_worthless_also_when_given_a_new_window(home: House) -> None:
    key, now = await home.key(), home.hands.wall()
    window = {"not_before": now, "not_after": now + timedelta(minutes=5)}
    key_id = await home.live.records.add_key(opaque.digest(key), home.lecture_id, home.lecturer, now=now, **window)
    await home.live.records.revoke_key(key_id, now)
    await home.live.add_stream_key(home.lecture_id, home.lecturer, token=key, **window)
    assert await refusal(publish(home, key)) == (401, "bad_stream_key")


async def test_secrets_are_not_in_the_database(home: House) -> None:
    tokens = [await home.ticket(), await home.key()]
    stored = await dumped(home.db)
    assert opaque.digest(tokens[0]) in stored
    assert not [token for token in tokens if token in stored]


async def test_the_same_user_takes_over_at_once(home: House) -> None:
    first = await publish(home, await home.ticket())
    home.room.connect(first.session)
    second = await publish(home, await home.ticket())
    assert first.session.closed is None  # make before break
    home.room.connect(second.session)
    assert first.session.closed == "taken_over"
    await home.live.settled()
    assert [event.fence for event in home.seen(PublisherArrived)] == [1, 2]
    assert [(event.fence, event.reason) for event in home.seen(PublisherLost)] == [(1, "taken_over")]


async def test_another_user_waits_for_the_live_studio(home: House) -> None:
    home.room.connect((await publish(home, await home.ticket())).session)
    ticket = await home.ticket(home.guest)
    assert await refusal(publish(home, ticket)) == (409, "publisher_busy")
    await home.live.settled()
    [request] = home.seen(TakeoverRequested)
    assert (request.owner_id, request.by_id, request.by) == ("lecturer", "guest", "Guest")
    home.live.publishing.answer(request.request_id, "lecturer", allow=True)
    held = await publish(home, ticket)  # the refused ticket was not consumed
    home.room.connect(held.session)
    assert [session.fence for session in home.room.open("publish")] == [held.fence]


async def test_asking_again_does_not_ring_again(home: House) -> None:
    await publish(home, await home.ticket())
    ticket = await home.ticket(home.guest)
    for _ in range(5):
        assert await refusal(publish(home, ticket)) == (409, "publisher_busy")
    await home.live.settled()
    assert len(home.seen(TakeoverRequested)) == 1


async def test_the_live_studio_refuses(home: House) -> None:
    await publish(home, await home.ticket())
    key = await home.key(home.guest)
    assert await refusal(publish(home, key)) == (409, "publisher_busy")
    await home.live.settled()
    [request] = home.seen(TakeoverRequested)
    home.live.publishing.answer(request.request_id, "lecturer", allow=False)
    with pytest.raises(Problem) as raised:
        await publish(home, key)
    assert raised.value.fields["refused"] is True


@pytest.mark.parametrize("who", ["guest", "stranger"])
async def test_only_the_live_studio_answers(home: House, who: str) -> None:
    await publish(home, await home.ticket())
    key = await home.key(home.guest)
    await refusal(publish(home, key))
    await home.live.settled()
    [request] = home.seen(TakeoverRequested)
    with pytest.raises(Problem, match="no_such_request"):
        home.live.publishing.answer(request.request_id, who, allow=True)
    assert await refusal(publish(home, key)) == (409, "publisher_busy")


async def test_a_request_expires(home: House) -> None:
    await publish(home, await home.ticket())
    key = await home.key(home.guest)
    await refusal(publish(home, key))
    await home.live.settled()
    [request] = home.seen(TakeoverRequested)
    home.hands.advance(home.settings.live.takeover_seconds)
    with pytest.raises(Problem, match="no_such_request"):
        home.live.publishing.answer(request.request_id, "lecturer", allow=True)


async def test_a_publisher_that_is_gone_blocks_nobody(home: House) -> None:
    held = await publish(home, await home.ticket())
    held.session.close("consent_lost")
    await publish(home, await home.key(home.guest))
    assert home.live.publishing.owner(home.lecture_id) == home.guest


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "not_open"),
        ([Event.OPEN, Event.END], "ended"),
        ([Event.OPEN, Event.START, Event.CUT], "cut"),
    ],
    ids=["scheduled", "ended", "cut"],
)
async def test_nobody_publishes_or_watches_unless_the_lecture_is_open(
    tmp_path: Path, steps: list[Event], code: str
) -> None:
    async with house(tmp_path) as home:
        await home.at(*steps)
        key = await home.key()
        for action in (publish(home, key), watch(home, home.watch())):
            with pytest.raises(Problem) as raised:
                await action
            assert (raised.value.status, raised.value.code) == (409, code)
            assert int(raised.value.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("steps", [[], [Event.START], [Event.START, Event.PAUSE]], ids=["open", "live", "paused"])
async def test_screens_and_lecturer_connect_while_the_lecture_is_open(home: House, steps: list[Event]) -> None:
    await home.at(*steps)
    await publish(home, await home.ticket())
    await watch(home, home.watch())
    assert [len(home.room.open(role)) for role in ("publish", "watch")] == [1, 1]


async def test_the_newest_session_of_a_screen_wins(home: House) -> None:
    first = await watch(home, home.watch())
    second = await watch(home, home.watch())
    assert first.session.closed == "replaced"
    assert home.room.open("watch") == [second.session]


async def test_two_screens_do_not_disturb_each_other(home: House) -> None:
    await watch(home, home.watch(0))
    await watch(home, home.watch(1))
    assert len(home.room.open("watch")) == 2


async def test_monitors_have_any_number_of_sessions_and_are_counted_nowhere(home: House) -> None:
    token = home.live.watch_token(MONITOR, home.lecture_id)
    held = [await watch(home, token) for _ in range(20)]
    for one in held:
        home.room.connect(one.session)
        home.room.acknowledged[one.owner] = 0.1
    await home.live.settled()
    assert len(home.room.open("watch")) == 20
    assert home.live.viewers(home.lecture_id) == set()
    assert not home.seen(ScreenJoined)
    assert (await home.live.facts(home.lecture_id))["viewers"] == 0


async def test_joining_and_leaving_are_facts_of_a_screen(home: House) -> None:
    held = await watch(home, home.watch())
    home.room.connect(held.session)
    held.session.close("closed_by_peer")
    await home.live.settled()
    [joined], [left] = home.seen(ScreenJoined), home.seen(ScreenLeft)
    assert joined.screen_id == left.screen_id == home.screens[0][0]
    assert joined.broadcast_id == home.live.broadcast_id(home.lecture_id)
    assert left.reason == "closed_by_peer"


async def test_too_many_replacements_raise_a_conflict(home: House) -> None:
    limit = home.settings.live.replacements_per_minute
    for _ in range(limit + 1):
        await watch(home, home.watch())
    await home.live.settled()
    assert home.seen(ScreenConflict) == []
    await watch(home, home.watch())
    await home.live.settled()
    assert [event.screen_id for event in home.seen(ScreenConflict)] == [home.screens[0][0]]


async def test_slow_replacements_are_no_conflict(home: House) -> None:
    for _ in range(10):
        await watch(home, home.watch())
        home.hands.advance(21)
    await home.live.settled()
    assert home.seen(ScreenConflict) == []


async def test_viewers_are_screens_with_delivery_in_the_last_seconds(home: House) -> None:
    await home.at(Event.START)
    first, second = home.screens[0][0], home.screens[1][0]
    home.room.acknowledged = {first: 9.9, second: 10.1}
    assert home.live.viewers(home.lecture_id) == {first}
    facts = await home.live.facts(home.lecture_id)
    assert facts["viewers"] == 1
    assert facts["watching"] == {"classes": 1, "schools": 1}


async def test_a_watch_token_is_for_its_lecture_only(home: House) -> None:
    other = await home.add_lecture()
    token = home.live.watch_token(home.screens[0][0], other)
    assert await refusal(watch(home, token)) == (403, "wrong_lecture")


async def paired(home: House, screen_id: str) -> ScreenInfo:
    found = await home.directory.screen(screen_id)
    assert found is not None
    return found


async def test_a_screen_is_told_what_to_watch(home: House) -> None:
    screen_id = home.screens[0][0]
    answer = await home.live.watching.answer(await paired(home, screen_id), "boot")
    assert answer["lecture_id"] == home.lecture_id
    assert (answer["state"], answer["whep_url"]) == ("open", f"/whep/{home.lecture_id}")
    assert answer["screen"] == {
        "id": screen_id,
        "terminal_no": 1,
        "class": "七年级1班",
        "school": "1中",
        "county": "1县",
    }
    assert answer["lecture"]["title"] == "极限的概念"
    await watch(home, answer["token"])


async def test_a_screen_is_answered_when_nothing_is_on(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.at(Event.OPEN, Event.END, Event.ARCHIVE)
        answer = await home.live.watching.answer(await paired(home, home.screens[0][0]), "boot")
        assert (answer["lecture_id"], answer["token"], answer["lecture"]) == (None, None, None)
        assert answer["state"] == "scheduled"
        assert answer["retry_after"] > 0


async def test_a_screen_that_is_paired_again_owes_its_old_tokens(home: House) -> None:
    old, screen = home.watch(), home.screens[0][0]
    held = await watch(home, old)
    home.hands.advance(60)
    home.live.bar_screen(screen, home.hands.wall())
    assert held.session.closed == "replaced"
    assert await refusal(watch(home, old)) == (401, "bad_watch_token")
    await watch(home, home.watch())
    home.hands.advance(60)
    home.live.bar_screen(screen, home.hands.wall())
    home.live.bar_screen("another", home.hands.wall())
    assert await refusal(watch(home, old)) == (401, "bad_watch_token")


async def test_the_screens_of_a_prefecture_are_barred_in_no_time(home: House) -> None:
    begun = time.process_time()
    for number in range(5000):
        home.live.bar_screen(f"screen-{number}", home.hands.wall())
    assert time.process_time() - begun < 2  # each looking through all the others takes ten times as long
