"""Every kind of credential × every publish-like action: only the publisher's ticket or stream key publishes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from signaling.auth import opaque
from signaling.auth.models import User
from signaling.live.states import Event
from tests.support.live_web import FRAGMENT, SDP, Site, bearer, site

Headers = dict[str, str]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, real=False) as built:
        await built.home.at(Event.OPEN, Event.START)
        yield built


async def nobody(served: Site) -> Headers:
    return {}


async def paired_screen(served: Site) -> Headers:
    return bearer(served.home.screens[0][1])


async def watching_screen(served: Site) -> Headers:
    return bearer(served.home.watch())


async def monitor(served: Site) -> Headers:
    return bearer(served.monitor())


async def administrator(served: Site) -> Headers:
    return await served.login("admin")


async def county(served: Site) -> Headers:
    return await served.login("county")


async def another_lecturer(served: Site) -> Headers:
    return await served.login("guest")


async def lecturers_login(served: Site) -> Headers:
    return await served.cookie("lecturer")


async def invitation(served: Site) -> Headers:
    return bearer(opaque.mint(opaque.INVITATION))


async def ticket_of_another_lecture(served: Site) -> Headers:
    return bearer(await served.home.ticket(lecture_id=await served.home.add_lecture()))


async def forged(served: Site) -> Headers:
    return bearer(opaque.mint(opaque.TICKET))


CREDENTIALS = [
    nobody,
    paired_screen,
    watching_screen,
    monitor,
    administrator,
    county,
    another_lecturer,
    lecturers_login,
    invitation,
    ticket_of_another_lecture,
    forged,
]
Action = Callable[[Site, str, Headers], Awaitable[ClientResponse]]


async def publish(served: Site, live: str, who: Headers) -> ClientResponse:
    return await served.client.post(f"/whip/{served.home.lecture_id}", data="v=0", headers=SDP | who)


async def publish_by_the_viewers_door(served: Site, live: str, who: Headers) -> ClientResponse:
    return await served.client.post(f"/whep/{served.home.lecture_id}x", data="v=0\r\na=sendonly\r\n", headers=SDP | who)


async def restart_the_publisher(served: Site, live: str, who: Headers) -> ClientResponse:
    headers = FRAGMENT | who | {"If-Match": "*"}
    return await served.client.patch(live, data="a=ice-ufrag:evil\r\na=ice-pwd:" + "x" * 24, headers=headers)


async def send_candidates_for_the_publisher(served: Site, live: str, who: Headers) -> ClientResponse:
    headers = FRAGMENT | who | {"If-Match": '"one"'}
    return await served.client.patch(live, data="a=candidate:1 1 udp 1 192.0.2.1 9 typ host", headers=headers)


async def end_the_publisher(served: Site, live: str, who: Headers) -> ClientResponse:
    return await served.client.delete(live, headers=who)


async def end_the_publisher_as_a_viewer(served: Site, live: str, who: Headers) -> ClientResponse:
    return await served.client.delete(live.replace("whip", "whep"), headers=who)


ACTIONS: list[Action] = [
    publish,
    publish_by_the_viewers_door,
    restart_the_publisher,
    send_candidates_for_the_publisher,
    end_the_publisher,
    end_the_publisher_as_a_viewer,
]


@pytest.mark.parametrize("who", CREDENTIALS, ids=lambda who: who.__name__)
async def test_only_the_publishers_own_credential_publishes(
    served: Site, who: Callable[[Site], Awaitable[Headers]]
) -> None:
    response = await served.post("whip", "v=0", await served.home.ticket())
    assert response.status == 201
    [session] = served.home.room.open("publish")
    headers = await who(served)
    for action in ACTIONS:
        refused = await action(served, response.headers["Location"], headers)
        assert refused.status in {401, 403, 404}, action.__name__
        assert served.home.room.open("publish") == [session], action.__name__
        assert session.etag == '"one"', action.__name__


async def test_the_publishers_own_credential_does_all_that(served: Site) -> None:
    own = bearer(await served.home.ticket())
    response = await publish(served, "", own)
    live = response.headers["Location"]
    assert response.status == 201
    assert (await send_candidates_for_the_publisher(served, live, own)).status == 204
    assert (await restart_the_publisher(served, live, own)).status == 200
    assert (await end_the_publisher(served, live, own)).status == 200


@pytest.mark.parametrize("who", CREDENTIALS, ids=lambda who: who.__name__)
async def test_only_the_lecturer_gets_a_ticket(served: Site, who: Callable[[Site], Awaitable[Headers]]) -> None:
    headers = {**(await who(served)), "Sec-Fetch-Site": "same-origin"}
    response = await served.client.post(f"/api/v1/lectures/{served.home.lecture_id}/ticket", headers=headers)
    if who is lecturers_login:
        document = await response.json()
        assert response.status == 201
        assert document["expires_in"] == 60
        assert document["whip_url"] == f"/whip/{served.home.lecture_id}"
        assert (await served.post("whip", "v=0", document["ticket"])).status == 201
    else:
        assert response.status in {401, 403, 404}


@pytest.mark.parametrize("who", [lecturers_login, county, another_lecturer, paired_screen, nobody])
async def test_only_prefecture_and_operator_cut(served: Site, who: Callable[[Site], Awaitable[Headers]]) -> None:
    headers = {**(await who(served)), "Sec-Fetch-Site": "same-origin"}
    response = await served.client.post(f"/api/v1/lectures/{served.home.lecture_id}/cut", headers=headers)
    assert response.status in {401, 403, 404}
    assert served.home.room.cuts == 0


async def test_another_sites_page_cannot_use_a_login_to_get_a_ticket(served: Site) -> None:
    headers = {**(await served.cookie("lecturer")), "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    response = await served.client.post(f"/api/v1/lectures/{served.home.lecture_id}/ticket", headers=headers)
    assert response.status == 403


async def test_a_whole_lecture_over_the_api(tmp_path: Path) -> None:
    async with site(tmp_path, real=False) as served:
        seen = []
        for event in ("open", "start", "pause", "resume", "cut", "resume", "end"):
            status, document = await served.order(event)
            seen.append((status, document["state"]))
        assert seen == [(200, state) for state in ("open", "live", "paused", "live", "cut", "live", "ended")]
        assert document["id"] == served.home.lecture_id
        assert {"title", "targets", "publisher", "watching", "viewers", "broadcast_id", "boot_id"} <= set(document)
        status, document = await served.order("start")
        assert (status, document["code"], document["state"], document["event"]) == (
            409,
            "illegal_transition",
            "ended",
            "start",
        )


async def test_a_county_sees_its_own_part_of_the_board(served: Site) -> None:
    path = f"/api/v1/lectures/{served.home.lecture_id}/board"
    whole = await (await served.client.get(path, headers=await served.login("admin"))).json()
    assert [county["code"] for county in whole["counties"]] == ["C1", "C2"]
    async with served.home.db.writing() as session:
        (await session.get_one(User, "county")).node = "C2"
    own = await (await served.client.get(path, headers=await served.login("county"))).json()
    assert [county["code"] for county in own["counties"]] == ["C2"]
    assert own["totals"]["classes"] == 2


async def test_a_screen_that_asks_too_often_is_told_to_wait(served: Site) -> None:
    screen_id, device = served.home.screens[0]
    statuses = [
        (await served.client.post(f"/api/v1/screens/{screen_id}/watch", headers=bearer(device))).status
        for _ in range(50)
    ]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    other_id, other = served.home.screens[1]
    assert (await served.client.post(f"/api/v1/screens/{other_id}/watch", headers=bearer(other))).status == 200
