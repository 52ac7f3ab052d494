"""What a screen is told before anything is on: the next lecture to count down to, or that nothing is planned; and that nothing opens unreviewed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from signaling.api.problems import Problem
from signaling.directory.models import School, SchoolClass, Screen
from signaling.lectures.models import Lecture
from signaling.live.broadcasts import SYSTEM
from signaling.live.stamps import stamp
from signaling.live.states import Event, State
from tests.support.live import BEGIN, House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as built:
        yield built


async def told(home: House, screen_id: str) -> dict[str, Any]:
    found = await home.directory.screen(screen_id)
    assert found is not None
    return await home.live.watching.answer(found, "boot")


async def test_a_class_outside_is_told_nothing_and_one_inside_the_next_lecture(home: House) -> None:
    places = select(Screen.id, School.code).join(SchoolClass, SchoolClass.id == Screen.class_id)
    async with home.db.writing() as session:
        (await session.get_one(Lecture, home.lecture_id)).called_off_at = BEGIN
        rows = await session.execute(places.join(School, School.code == SchoolClass.school_code))
        school_of = {row[0]: row[1] for row in rows}
    inside = home.screens[0][0]
    outside = next(one for one, _ in home.screens if school_of[one] != school_of[inside])
    tomorrow = BEGIN + timedelta(days=1)
    lecture = Lecture(title="明天", lecturer_id="lecturer", scheduled_at=tomorrow)
    made = await home.lectures.add(lecture, [school_of[inside]])
    assert (await told(home, inside))["lecture_id"] is None, "nothing is told of what is not approved"
    await home.lectures.approve(made, "admin")
    next_one, nothing = await told(home, inside), await told(home, outside)
    assert (next_one["lecture_id"], next_one["state"]) == (made, "scheduled")
    assert next_one["lecture"]["scheduled_at"] == stamp(tomorrow)
    assert next_one["server_time"] == stamp(BEGIN), "a countdown goes by the server's clock"
    assert next_one["token"], "so that the screen hears of the opening"
    assert (nothing["lecture_id"], nothing["lecture"], nothing["token"], nothing["whep_url"]) == (None,) * 4


@pytest.mark.parametrize("event", list(Event))
async def test_nothing_opens_what_is_not_approved(home: House, event: Event) -> None:
    lecture = await home.add_lecture(approved=False, autostart=True)
    for token in (await home.key(lecture_id=lecture), await home.ticket(lecture_id=lecture)):
        with pytest.raises(Problem) as refused:
            await home.live.publishing.publish(await home.live.publishing.right(token, lecture), "v=0")
        assert (refused.value.status, refused.value.code) == (409, "not_open")
    with pytest.raises(Problem) as refused:
        await home.live.transition(lecture, event, SYSTEM)
    assert refused.value.code == ("not_approved" if event is Event.OPEN else "illegal_transition")
    assert home.live.state(lecture) is State.SCHEDULED
    assert home.plane.room(lecture).open("publish") == []
