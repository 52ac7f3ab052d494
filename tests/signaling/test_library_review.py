"""Who decides about a recording, who may watch it, and what a screen learns before and after."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http.cookies import Morsel
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.db.base import uuid7
from signaling.library.review import Review
from signaling.live.states import Event, State
from tests.support.library_stage import PASS_SECONDS, Stage, library_stage, run_lecture
from tests.support.live_web import bearer
from tests.support.platform import PREFECTURE, log_in

FOREIGN = "520300"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with library_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[TestClient[Any, Any]]:
    async with stage.here.client(stage.app) as made:
        yield made


async def post(client: TestClient[Any, Any], path: str, token: str = "") -> tuple[int, Any]:
    headers = {"Sec-Fetch-Site": "same-origin"} | (bearer(token) if token else {})
    answer = await client.post(path, headers=headers)
    return answer.status, await answer.json()


async def paired(stage: Stage, place: int = 0) -> tuple[str, str]:
    """Pair a screen with a class and return its id and its device token."""
    token = opaque.mint(opaque.DEVICE_TOKEN)
    return await stage.here.directory.add_screen(stage.here.classes[place].id, 1, token), token


async def audit(stage: Stage) -> list[tuple[str, str, str]]:
    statement = select(AuditEntry).where(AuditEntry.action.startswith("recording."))
    async with stage.here.db.reading() as session:
        rows = await session.scalars(statement.order_by(AuditEntry.id))
        return [(row.action, row.subject, json.loads(row.detail)["before"]) for row in rows]


def watch_cookie(client: TestClient[Any, Any]) -> Morsel[str]:
    return next(cookie for cookie in client.session.cookie_jar if cookie.key == "jt_watch")


async def test_a_decision_stands_until_another_one(stage: Stage, client: TestClient[Any, Any]) -> None:
    entry = await run_lecture(stage)
    await log_in(client, "admin")
    url = f"/api/v1/recordings/{entry.id}"
    first = await post(client, f"{url}/approve")
    assert (first[0], first[1]["review"]) == (200, "approved")
    assert await post(client, f"{url}/approve") == first
    item = stage.library.shelf.get(entry.id)
    assert item is not None
    assert item.approved
    status, withdrawn = await post(client, f"{url}/withdraw")
    assert (status, withdrawn["review"]) == (200, "withdrawn")
    assert withdrawn["reviewed_at"] > first[1]["reviewed_at"]
    assert await post(client, f"{url}/withdraw") == (200, withdrawn)
    assert await audit(stage) == [
        ("recording.approved", entry.id, "pending"),
        ("recording.withdrawn", entry.id, "approved"),
    ]
    row = await stage.entry()
    admin = await stage.here.auth.user("admin")
    assert admin is not None
    assert row.reviewed_by == admin.id


async def test_what_is_not_finished_cannot_be_approved(stage: Stage, client: TestClient[Any, Any]) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    entry = await stage.entry()
    await log_in(client, "admin")
    for state in ("recording", "failed"):
        status, problem = await post(client, f"/api/v1/recordings/{entry.id}/approve")
        assert (status, problem["code"], problem["state"]) == (409, "not_ready", state)
        await stage.event(State.LIVE, Event.END, 4)  # without any picture: it fails
        await stage.library.settle()
    assert await audit(stage) == []
    assert (await stage.entry()).review == "pending"


RIGHTS = {
    "admin": {"approve", "withdraw", "watch", "recorder"},
    "operator": {"watch", "recorder"},
    "county": {"watch"},
    "school": {"watch"},
    "teacher": set(),
}


@pytest.mark.parametrize("who", RIGHTS)
async def test_every_role_may_do_what_it_may(stage: Stage, client: TestClient[Any, Any], who: str) -> None:
    entry = await run_lecture(stage)
    await stage.here.person("operator", Role.OPERATOR, PREFECTURE)
    await stage.here.person("county", Role.COUNTY_ADMIN, stage.here.schools[0].region_code)
    await stage.here.person("school", Role.SCHOOL_ADMIN, stage.here.schools[0].code)
    await log_in(client, who)
    allowed = set()
    for action in ("approve", "withdraw", "watch"):
        status, document = await post(client, f"/api/v1/recordings/{entry.id}/{action}")
        assert status == 200 or (status, document["code"]) == (403, "forbidden")
        allowed |= {action} if status == 200 else set()
    if (await client.get("/api/v1/recorder")).status == 200:
        allowed.add("recorder")
    assert allowed == RIGHTS[who]


@pytest.mark.parametrize("action", ["approve", "withdraw", "watch"])
async def test_strangers_learn_nothing(stage: Stage, client: TestClient[Any, Any], action: str) -> None:
    entry = await run_lecture(stage)
    for recording_id in (entry.id, uuid7()):
        status, problem = await post(client, f"/api/v1/recordings/{recording_id}/{action}")
        assert (status, problem["code"]) == (401, "not_logged_in")
    assert (await client.get("/api/v1/recorder")).status == 401
    await stage.here.person("county", Role.COUNTY_ADMIN, FOREIGN)
    await log_in(client, "county")
    missing = await post(client, f"/api/v1/recordings/{uuid7()}/watch")
    assert await post(client, f"/api/v1/recordings/{entry.id}/watch") == missing
    assert missing[0] == 404


async def test_a_person_gets_token_and_cookie_of_one_lecture(stage: Stage, client: TestClient[Any, Any]) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    entry = await stage.entry()
    await log_in(client, "admin")
    status, given = await post(client, f"/api/v1/recordings/{entry.id}/watch")
    playlist = f"/hls/{stage.lecture_id}/{entry.id}/index.m3u8"
    assert (status, given["live"], given["hls_url"]) == (200, True, f"{playlist}?rewind=1")
    claims = stage.tokens.check(given["token"], now=0)
    admin = await stage.here.auth.user("admin")
    assert admin is not None
    assert (claims.subject, claims.lecture_id) == (f"person:{admin.id}", stage.lecture_id)
    cookie = watch_cookie(client)
    assert (cookie.value, cookie["path"]) == (given["token"], f"/hls/{stage.lecture_id}/")
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert (int(cookie["max-age"]), given["expires_in"]) == (PASS_SECONDS, PASS_SECONDS)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.END, 4)
    await stage.library.settle()
    _, given = await post(client, f"/api/v1/recordings/{entry.id}/watch")
    assert (given["live"], given["hls_url"]) == (False, playlist)


async def test_a_recording_of_which_nothing_is_left_gives_no_pass(stage: Stage, client: TestClient[Any, Any]) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    await stage.event(State.LIVE, Event.END, 4)
    await stage.library.settle()
    await log_in(client, "admin")
    status, problem = await post(client, f"/api/v1/recordings/{(await stage.entry()).id}/watch")
    assert (status, problem["code"]) == (409, "not_ready")
    assert [cookie.key for cookie in client.session.cookie_jar] == ["jt_login"]


async def test_the_cookie_is_secure_where_the_page_is(stage: Stage) -> None:
    entry = await run_lecture(stage)
    screen, token = await paired(stage)
    await stage.library.review(entry.id, Review.APPROVED, "x")
    app = stage.app_at("https://lectures.example.org")
    async with stage.here.client(app) as client:
        answer = await client.post(f"/api/v1/screens/{screen}/recordings/{entry.id}/watch", headers=bearer(token))
        assert answer.status == 200
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_a_screen_sees_what_was_approved_and_nothing_else(stage: Stage, client: TestClient[Any, Any]) -> None:
    entry = await run_lecture(stage)
    screen, token = await paired(stage)
    base = f"/api/v1/screens/{screen}/recordings"
    one = f"{base}/{entry.id}"

    async def seen() -> tuple[list[Any], int, int]:
        listed = await (await client.get(base, headers=bearer(token))).json()
        picture = await client.get(f"{one}/thumbnail.jpg", headers=bearer(token))
        return listed, (await post(client, f"{one}/watch", token))[0], picture.status

    assert await seen() == ([], 404, 404)
    await log_in(client, "admin")
    await post(client, f"/api/v1/recordings/{entry.id}/approve")
    [listed], watched, picture = await seen()
    assert (listed["id"], listed["review"], listed["mp4_url"]) == (entry.id, "approved", None)
    assert listed["thumbnail_url"] == f"{one}/thumbnail.jpg"
    assert (watched, picture) == (200, 200)
    _, given = await post(client, f"{one}/watch", token)
    claims = stage.tokens.check(given["token"], now=0)
    assert (claims.subject, claims.lecture_id) == (screen, stage.lecture_id)
    assert watch_cookie(client).value == given["token"]
    await post(client, f"/api/v1/recordings/{entry.id}/withdraw")
    assert await seen() == ([], 404, 404)


async def test_a_screen_of_another_school_sees_nothing(stage: Stage, client: TestClient[Any, Any]) -> None:
    teacher = await stage.here.auth.user("teacher")
    assert teacher is not None
    stage.lecture_id = await stage.here.lecture(teacher, stage.here.schools[0].code)
    entry = await run_lecture(stage)
    await log_in(client, "admin")
    assert (await post(client, f"/api/v1/recordings/{entry.id}/approve"))[0] == 200
    numbers = []
    for place in (0, len(stage.here.classes) - 1):
        screen, token = await paired(stage, place)
        listed = await (await client.get(f"/api/v1/screens/{screen}/recordings", headers=bearer(token))).json()
        status, _ = await post(client, f"/api/v1/screens/{screen}/recordings/{entry.id}/watch", token)
        numbers.append((len(listed), status))
    assert numbers == [(1, 200), (0, 404)]


async def test_only_the_screens_own_device_token_opens_its_list(stage: Stage, client: TestClient[Any, Any]) -> None:
    screen, token = await paired(stage)
    other, foreign = await paired(stage, 3)
    url = f"/api/v1/screens/{screen}/recordings"
    assert (await client.get(url, headers=bearer(token))).status == 200
    assert stage.charged == [opaque.digest(token)]
    for wrong in (foreign, stage.mint(screen, stage.lecture_id), "jta_x"):
        answer = await client.get(url, headers=bearer(wrong))
        assert (answer.status, (await answer.json())["code"]) == (401, "bad_device")
    assert (await client.get(url)).status == 401
    await stage.here.directory.revoke_screen(other)
    assert (await client.get(f"/api/v1/screens/{other}/recordings", headers=bearer(foreign))).status == 401
