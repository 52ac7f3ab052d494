"""Pairing by six digits, again by a sticker, the inventory: over HTTP, with guessers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.screens import stickers
from tests.support.databases import dumped
from tests.support.devices import jwk_of
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform, platform

AGENT = "Mozilla/5.0 (X11) Chrome/109.0"


class Person:
    """Somebody at the API; without a token a screen."""

    def __init__(self, client: TestClient[Any, Any], token: str = "") -> None:
        self.client = client
        self.headers = SAME_ORIGIN | ({"Authorization": f"Bearer {token}"} if token else {}) | {"User-Agent": AGENT}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=self.headers)
        return answer.status, await answer.json() if answer.status != 204 else None

    async def outcome(self, method: str, path: str, body: Any = None) -> tuple[int, str | None]:
        status, document = await self.call(method, path, body)
        return status, document["code"] if status >= 400 else None


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


async def person(here: Platform, client: TestClient[Any, Any], role: Role, node: str) -> Person:
    login = f"{role.value}-{node}"
    user = await here.auth.user(login) or await here.person(login, role, node)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    return Person(client, token)


@pytest.fixture
async def school(here: Platform, client: TestClient[Any, Any]) -> Person:
    return await person(here, client, Role.SCHOOL_ADMIN, here.schools[0].code)


async def begin(client: TestClient[Any, Any]) -> dict[str, Any]:
    status, offer = await Person(client).call("POST", "/pairings")
    assert status == 201
    return dict(offer)


async def poll(client: TestClient[Any, Any], offer: dict[str, Any]) -> dict[str, Any]:
    status, state = await Person(client, offer["secret"]).call("GET", f"/pairings/{offer['id']}")
    assert status == 200
    return dict(state)


async def pair(here: Platform, client: TestClient[Any, Any], school: Person, terminal_no: int = 1) -> dict[str, Any]:
    offer = await begin(client)
    order = {"code": offer["code"], "class_id": here.classes[0].id, "terminal_no": terminal_no}
    assert (await school.call("POST", f"/pairings/{offer['id']}/confirm", order))[0] == 200
    return await poll(client, offer)


async def sticker(here: Platform, school: Person) -> str:
    _, sheet = await school.call("GET", f"/schools/{here.schools[0].code}/stickers")
    return str(sheet["items"][0]["code"])


async def audited(here: Platform, action: str) -> int:
    async with here.db.reading() as session:
        counted = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == action)
        return await session.scalar(counted) or 0


async def test_a_screen_is_paired_by_its_six_digits(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    offer = await begin(client)
    assert (await poll(client, offer))["state"] == "waiting"
    _, seen = await school.call("POST", "/pairings/lookup", {"code": offer["code"]})
    assert (seen["id"], seen["agent"], seen["address"]) == (offer["id"], AGENT, "127.0.0.1")
    order = {"code": offer["code"], "class_id": here.classes[0].id}
    status, screen = await school.call("POST", f"/pairings/{offer['id']}/confirm", order)
    assert (status, screen["class"]["id"], screen["school"]["code"]) == (200, here.classes[0].id, here.schools[0].code)
    paired = await poll(client, offer)
    assert (paired["state"], paired["screen_id"]) == ("confirmed", screen["id"])
    assert await here.directory.screen_by_device(screen["id"], paired["device_token"]) is not None
    assert await poll(client, offer) == {"state": "collected", "screen_id": None, "device_token": None}
    stored = await dumped(here.db)
    assert not [secret for secret in (paired["device_token"], offer["secret"]) if secret in stored]
    assert await audited(here, "screen.paired") == 1


async def test_a_code_is_over_after_ten_minutes(here: Platform, client: TestClient[Any, Any], school: Person) -> None:
    offer = await begin(client)
    here.wall.now += timedelta(minutes=10)
    assert (await poll(client, offer))["state"] == "expired"
    assert await school.outcome("POST", "/pairings/lookup", {"code": offer["code"]}) == (404, "no_such_code")


async def test_another_screen_learns_nothing(client: TestClient[Any, Any]) -> None:
    first, second = await begin(client), await begin(client)
    stranger = Person(client, second["secret"])
    assert await stranger.outcome("GET", f"/pairings/{first['id']}") == (401, "bad_secret")
    assert await Person(client).outcome("GET", f"/pairings/{first['id']}") == (401, "bad_secret")


async def test_two_who_confirm_at_once_hang_one_screen(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    other = await person(here, client, Role.PREFECTURE_ADMIN, PREFECTURE)
    offer = await begin(client)
    orders = [{"code": offer["code"], "class_id": made.id} for made in here.classes[:2]]
    path = f"/pairings/{offer['id']}/confirm"
    answers = await asyncio.gather(
        *(who.outcome("POST", path, order) for who, order in zip((school, other), orders, strict=True))
    )
    assert sorted(status for status, _ in answers)[0] == 200
    assert {answer for answer in answers if answer[0] != 200} <= {(409, "pairing_over"), (404, "no_such_code")}
    assert await audited(here, "screen.paired") == 1


async def test_a_school_hangs_screens_in_its_own_rooms_alone(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    offer = await begin(client)
    foreign = next(made.id for made in here.classes if made.school_code == here.schools[1].code)
    for class_id in (foreign, "absent"):
        order = {"code": offer["code"], "class_id": class_id}
        assert await school.outcome("POST", f"/pairings/{offer['id']}/confirm", order) == (404, "not_found")
    assert (await poll(client, offer))["state"] == "waiting"


async def test_a_screen_that_is_sent_away_says_so(client: TestClient[Any, Any], school: Person) -> None:
    offer = await begin(client)
    assert (await school.call("POST", f"/pairings/{offer['id']}/refuse", {"code": offer["code"]}))[0] == 204
    assert (await poll(client, offer))["state"] == "refused"


async def test_ten_thousand_guesses_of_a_code_get_nowhere(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    offer = await begin(client)
    wrong = [f"{number:06d}" for number in range(10_000) if f"{number:06d}" != offer["code"]]
    answers = [await school.outcome("POST", "/pairings/lookup", {"code": code}) for code in wrong[:300]]
    assert answers[:5] == [(404, "no_such_code")] * 5
    assert set(answers[5:]) == {(429, "too_many_attempts")}, "not even looked at"
    assert await audited(here, "pairing.wrong_code") == 5
    looked_at = 5
    for code in wrong[300:900]:  # one a second, for as long as the code lives
        here.monotonic.now += 1
        looked_at += (await school.outcome("POST", "/pairings/lookup", {"code": code}))[0] == 404
    assert looked_at < 25, "of a million codes"


async def test_a_room_is_paired_again_by_its_sticker_and_the_old_token_is_worthless(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    ended: list[str] = []
    here.screens.revoked = lambda screen_id, at: ended.append(screen_id)
    old = await pair(here, client, school)
    code = await sticker(here, school)
    for typed in (code, code.lower(), code.replace("-", ""), f" {code} "):
        status, new = await Person(client).call("POST", "/screens/repair", {"sticker": typed})
        assert (status, new["screen_id"]) == (200, old["screen_id"])
    assert new["url"] == f"/class/{new['screen_id']}#{new['device_token']}"
    assert await here.directory.screen_by_device(old["screen_id"], old["device_token"]) is None
    assert await here.directory.screen_by_device(new["screen_id"], new["device_token"]) is not None
    assert ended == [old["screen_id"]] * 5
    assert await audited(here, "screen.repaired") == 4


async def test_a_sticker_that_is_used_all_day_asks_for_the_school(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    await pair(here, client, school)
    code, screen = await sticker(here, school), Person(client)
    answers = [await screen.outcome("POST", "/screens/repair", {"sticker": code}) for _ in range(7)]
    assert answers == [(200, None)] * 6 + [(409, "repaired_too_often")]
    here.wall.now += timedelta(days=1, seconds=1)
    assert await screen.outcome("POST", "/screens/repair", {"sticker": code}) == (200, None)


async def test_a_screen_is_bound_to_the_key_that_its_browser_brought(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    key = ECKey.generate_key("P-256")

    async def bound() -> str | None:
        info = await here.directory.screen(paired["screen_id"])
        assert info is not None
        return info.key

    async def listed(wanted: str) -> int:
        return int((await school.call("GET", f"/screens?key={wanted}"))[1]["total"])

    status, offer = await Person(client).call("POST", "/pairings", {"key": jwk_of(key)})
    order = {"code": offer["code"], "class_id": here.classes[0].id, "terminal_no": 1}
    assert (status, (await school.call("POST", f"/pairings/{offer['id']}/confirm", order))[0]) == (201, 200)
    paired = await poll(client, offer)
    assert await bound() == key.thumbprint()
    _, shown = await school.call("GET", f"/screens/{paired['screen_id']}")
    assert (shown["key"], shown["capability"], await listed("held"), await listed("none")) == ("held", None, 1, 0)
    code, other = await sticker(here, school), ECKey.generate_key("P-256")
    await Person(client).call("POST", "/screens/repair", {"sticker": code, "key": jwk_of(other)})
    assert await bound() == other.thumbprint(), "a restore card wiped the first one"
    await Person(client).call("POST", "/screens/repair", {"sticker": code})
    assert (await bound(), await listed("held"), await listed("none")) == (None, 0, 1), "on the sticker's word alone"


async def test_what_is_no_public_key_pairs_nothing(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    good = jwk_of(ECKey.generate_key("P-256"))
    private = ECKey.generate_key("P-256").as_dict(private=True)
    for wrong in (good | {"x": good["y"]}, good | {"kty": "RSA"}, good | {"x": "short"}, private, "key", [], {}):
        assert await Person(client).outcome("POST", "/pairings", {"key": wrong}) == (422, "invalid"), wrong
        order = {"sticker": "whatever", "key": wrong}
        assert await Person(client).outcome("POST", "/screens/repair", order) == (422, "invalid"), wrong
    assert await Person(client).outcome("POST", "/pairings", {"key": None}) == (201, None)


async def test_a_renewed_or_revoked_sticker_pairs_nothing(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    paired = await pair(here, client, school)
    first, path = await sticker(here, school), f"/screens/{paired['screen_id']}"
    assert (await school.call("POST", f"{path}/sticker"))[0] == 200
    second = await sticker(here, school)
    assert second != first
    assert await Person(client).outcome("POST", "/screens/repair", {"sticker": first}) == (404, "no_such_sticker")
    status, screen = await school.call("POST", f"{path}/revoke")
    assert (status, screen["revoked_at"] is not None) == (200, True)
    assert await Person(client).outcome("POST", "/screens/repair", {"sticker": second}) == (404, "no_such_sticker")
    assert await here.directory.screen_by_device(paired["screen_id"], paired["device_token"]) is None
    again = await pair(here, client, school)
    assert again["screen_id"] == paired["screen_id"], "the room keeps its screen"


async def test_a_server_that_starts_knows_whose_tokens_became_worthless(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    before = here.wall()
    paired = await pair(here, client, school)
    here.wall.now += timedelta(hours=2)
    assert (await school.call("POST", f"/screens/{paired['screen_id']}/revoke"))[0] == 200
    since = before + timedelta(hours=1)
    assert await here.screens.revoked_since(since) == [(paired["screen_id"], here.wall())]
    assert await here.screens.revoked_since(since + timedelta(hours=2)) == []


async def test_ten_thousand_guesses_of_a_sticker_get_nowhere(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    await pair(here, client, school)
    right = await sticker(here, school)
    near = [right[:-1] + letter for letter in stickers.ALPHABET if letter != right[-1]]
    guesses = near + [stickers.code_of(b"another key", str(number), 0) for number in range(10_000 - len(near))]
    with_check = [guess for guess in guesses if stickers.normal(guess) is not None]
    assert len(with_check) == len(guesses) - len(near), "a wrong check letter is refused before anything is looked up"
    for guess in [*near, *with_check[:200]]:
        assert await Person(client).outcome("POST", "/screens/repair", {"sticker": guess}) == (404, "no_such_sticker")


@given(st.binary(min_size=16, max_size=32), st.uuids(), st.integers(0, 99), st.integers(0, 11), st.data())
def test_one_wrong_letter_is_always_found(
    key: bytes, screen: Any, serial: int, place: int, data: st.DataObject
) -> None:
    code = stickers.code_of(key, str(screen), serial)
    assert stickers.normal(stickers.grouped(code)) == code
    other = data.draw(st.sampled_from([letter for letter in stickers.ALPHABET if letter != code[place]]))
    assert stickers.normal(code[:place] + other + code[place + 1 :]) is None


async def test_a_school_has_bounded_codes(here: Platform, client: TestClient[Any, Any]) -> None:
    for _ in range(here.settings.screens.codes_alive_per_address):
        await begin(client)
    assert await Person(client).outcome("POST", "/pairings") == (429, "too_many_pairings")
    here.wall.now += timedelta(minutes=10)
    await begin(client)


async def test_the_inventory_shows_a_node_its_own_screens(
    here: Platform, client: TestClient[Any, Any], school: Person
) -> None:
    paired = await pair(here, client, school)
    await here.sightings.seen(paired["screen_id"], AGENT)
    own = here.schools[0]
    foreign = next(one for one in here.schools if one.region_code != own.region_code)
    people = {
        (Role.PREFECTURE_ADMIN, PREFECTURE): 1,
        (Role.COUNTY_ADMIN, own.region_code): 1,
        (Role.SCHOOL_ADMIN, own.code): 1,
        (Role.COUNTY_ADMIN, foreign.region_code): 0,
        (Role.SCHOOL_ADMIN, foreign.code): 0,
    }
    for (role, node), number in people.items():
        who = await person(here, client, role, node)
        _, page = await who.call("GET", "/screens?state=there")
        assert page["total"] == number
        for method, path in (("GET", ""), ("POST", "/sticker")):
            status = (await who.call(method, f"/screens/{paired['screen_id']}{path}"))[0]
            assert status == (200 if number else 404)
    here.wall.now += timedelta(minutes=6)
    assert (await school.call("GET", "/screens?state=idle"))[1]["items"][0]["agent"] == AGENT
    lecturer = await person(here, client, Role.LECTURER, PREFECTURE)
    for path in ("/screens", f"/schools/{own.code}/stickers"):
        assert await lecturer.outcome("GET", path) == (403, "forbidden")
