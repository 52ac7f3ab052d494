"""Keys of screens: what a copied token is worth, replays, wrong clocks, browsers without a key; and the proofs themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey

from signaling.live.states import Event
from signaling.screens import proofs
from signaling.screens.proofs import Asked, BadProof, Proofs, Seen, StaleNonce
from tests.support.devices import Device, jwk_of, signed
from tests.support.live_web import Site, bearer, site
from tests.support.platform import SAME_ORIGIN

NOW = 1_800_000_000.0
URL = "https://jiangtang.example/api/v1/screens/s/watch"
TOKEN = "jtd_token"
ASKED = Asked("POST", {URL}, TOKEN)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, real=False) as made:
        yield made


async def device(served: Site, key: ECKey | None = None) -> Device:
    """A screen whose browser has a key."""
    made = Device(
        served.client, served.home.screens[0][0], served.home.screens[0][1], key or ECKey.generate_key("P-256")
    )
    await served.home.bind(made.screen_id, proofs.thumbprint(jwk_of(made.key)))
    return made


async def test_a_screen_with_a_key_signs_what_it_asks(served: Site) -> None:
    screen = await device(served)
    assert await screen.watch(proof=None) == (401, "proof_needed")
    assert await screen.watch() == (200, None)
    assert await screen.watch() == (200, None), "each answer brings the nonce of the next request"


async def test_a_copied_token_is_worth_nothing(served: Site) -> None:
    screen = await device(served)
    assert await screen.watch(proof=None) == (401, "proof_needed")
    thief = Device(served.client, screen.screen_id, screen.token, ECKey.generate_key("P-256"), screen.nonce)
    assert await thief.watch() == (401, "bad_proof"), "another key"
    claimed = Device(served.client, screen.screen_id, screen.token, thief.key, screen.nonce, shown=jwk_of(screen.key))
    assert await claimed.watch() == (401, "bad_proof"), "the right key in the header, signed with another"
    screen.nonce = thief.nonce
    assert await screen.watch() == (200, None)


async def test_a_proof_works_once(served: Site) -> None:
    screen = await device(served)
    await screen.watch(proof=None)
    proof = screen.proof()
    assert await screen.watch(proof=proof) == (200, None)
    assert await screen.watch(proof=proof) == (401, "bad_proof")
    served.home.hands.advance(served.home.settings.screens.nonce_seconds + 2)
    assert await screen.watch(proof=proof) == (401, "use_dpop_nonce"), "and is too old when it is forgotten"
    assert await screen.watch() == (200, None)


async def test_a_proof_for_another_request_is_refused(served: Site) -> None:
    screen = await device(served)
    await screen.watch(proof=None)
    for wrong in (
        {"htm": "GET"},
        {"htu": f"https://elsewhere.example{screen.path}"},
        {"htu": str(served.client.make_url(screen.path + "/recordings"))},
        {"ath": "AAAA"},
        {"ath": None},
        {"jti": ""},
        {"jti": "x" * 200},
        {"jti": 7},
    ):
        assert await screen.watch(proof=screen.proof(**wrong)) == (401, "bad_proof"), wrong
        served.home.hands.advance(1)


async def test_a_proof_without_our_nonce_is_asked_for_another(served: Site) -> None:
    screen = await device(served)
    for nonce in ("", None, 7, "AAAA", "你好", "!!!", "x" * 500):
        assert await screen.watch(proof=screen.proof(nonce=nonce)) == (401, "use_dpop_nonce"), nonce
        served.home.hands.advance(1)
    assert await screen.watch() == (200, None)


async def test_a_clock_that_is_wrong_by_years_does_not_matter(served: Site) -> None:
    screen = await device(served)
    await screen.watch(proof=None)
    for years in (-26, -1, 1, 50):
        iat = int(served.home.hands.wall().timestamp()) + years * 31_557_600
        assert await screen.watch(proof=screen.proof(iat=iat)) == (200, None), years


async def test_a_screen_without_a_key_goes_on_with_its_token(served: Site) -> None:
    screen_id, token = served.home.screens[1]
    old = Device(served.client, screen_id, token, ECKey.generate_key("P-256"))
    assert await old.watch(proof=None) == (200, None)
    assert old.nonce == "", "nobody asks it for proofs"


async def test_a_wrong_token_is_refused_before_any_proof(served: Site) -> None:
    screen = await device(served)
    await screen.watch(proof=None)
    for token in ("jtd_wrong", "jta_x", served.home.screens[1][1]):
        wrong = Device(served.client, screen.screen_id, token, screen.key, screen.nonce)
        assert await wrong.watch() == (401, "bad_device"), token
    answer = await served.client.post(screen.path, headers=SAME_ORIGIN)
    assert (answer.status, (await answer.json())["code"]) == (401, "no_credential")


async def test_one_live_session_per_screen_holds_with_keys(served: Site) -> None:
    screen = await device(served)
    await served.home.at(Event.OPEN)
    await screen.watch(proof=None)
    status, first = await screen.ask()
    assert status == 200
    home, second = served.home, (await screen.ask())[1]
    held = [
        await home.live.watching.subscribe(home.live.watching.claims(one["token"]), one["token"], home.lecture_id, "")
        for one in (first, second)
    ]
    assert [one.session.closed for one in held] == ["replaced", None]  # type: ignore[attr-defined]


async def test_what_a_browser_can_do_is_noted_and_bounded(served: Site) -> None:
    screen_id, token = served.home.screens[1]
    can = {
        "tier": "T1",
        "engine": "Chromium 109",
        "secure": True,
        "webrtc": True,
        "mse": True,
        "h264": True,
        "aac": True,
        "opus": True,
        "wake_lock": False,
    }
    url = f"/api/v1/screens/{screen_id}/watch"
    headers = SAME_ORIGIN | bearer(token)
    answer = await served.client.post(url, json={"capability": can | {"younger": 1}}, headers=headers)
    assert answer.status == 200
    row = await served.home.screen_row(screen_id)
    assert (row.tier, '"engine": "Chromium 109"' in row.capability, "younger" in row.capability) == ("T1", True, False)
    for wrong in (can | {"engine": "x" * 41}, can | {"tier": "T9"}, {"tier": "T1"}):
        answer = await served.client.post(url, json={"capability": wrong}, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (422, "invalid")


# The proofs themselves.


def proof(key: ECKey, made: Proofs, **changes: Any) -> str:
    return signed(key, method="POST", url=URL, token=TOKEN, nonce=made.nonce(NOW), **changes)


def test_only_es256_with_a_public_p256_key_is_a_proof() -> None:
    made, key = Proofs(b"k", 300, 100), ECKey.generate_key("P-256")
    bound = proofs.thumbprint(jwk_of(key))
    made.check(proof(key, made), bound, ASKED, NOW)
    other = ECKey.generate_key("P-384")
    secret = OctKey.import_key(b"0" * 32)
    private = {name: str(value) for name, value in key.as_dict(private=True).items()}
    for wrong in (
        proof(key, made, typ="JWT"),
        proof(key, made, typ=None),
        proof(key, made, shown=private),
        proof(key, made, shown={"kty": "EC"}),
        proof(key, made, shown="key"),
        proof(key, made, shown=None),
        signed(other, method="POST", url=URL, token=TOKEN, nonce=made.nonce(NOW), alg="ES384"),
        signed(secret, method="POST", url=URL, token=TOKEN, nonce=made.nonce(NOW), alg="HS256", shown=jwk_of(key)),
        proof(key, made).rsplit(".", 1)[0] + ".",
        "eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ.e30.",
        "你好",
        "x" * 3000,
        "..",
        "",
    ):
        with pytest.raises(BadProof):
            made.check(wrong, bound, ASKED, NOW)


@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}"))
def test_no_text_is_more_than_refused(text: str) -> None:
    with pytest.raises(BadProof):
        Proofs(b"k", 300, 100).check(text, "x" * 43, ASKED, NOW)


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "RSA", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-384", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": "你" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": []},
        {},
    ],
    ids=range(6),
)
def test_what_is_no_point_of_p256_is_no_key(jwk: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="P-256"):
        proofs.thumbprint(jwk)


def test_a_thumbprint_is_that_of_the_rfc() -> None:
    key = ECKey.generate_key("P-256")
    assert proofs.thumbprint(jwk_of(key) | {"kid": "x", "ext": True}) == key.thumbprint()


def test_forgetting_never_lets_a_proof_in_twice() -> None:
    seen = Seen(seconds=300, capacity=10)
    shown = [(second, str(number).encode()) for second in range(100, 110) for number in range(4)]
    for second, name in shown:
        assert seen.first(second, name, 110)
        assert len(seen) <= 10
    for second, name in shown:
        try:
            assert not seen.first(second, name, 110)
        except StaleNonce:
            assert second < seen.floor
    assert seen.first(110, b"new", 110)
    seen.first(500, b"x", 500)
    assert len(seen) == 1, "what is older than a nonce lives is forgotten"


def test_a_proof_is_checked_fast_enough_for_a_prefecture_that_returns(record_property: Any) -> None:
    made, key = Proofs(b"k", 300, 100_000), ECKey.generate_key("P-256")
    bound = proofs.thumbprint(jwk_of(key))
    shown = [proof(key, made, jti=str(number)) for number in range(300)]
    begun = time.process_time()
    for one in shown:
        made.check(one, bound, ASKED, NOW)
    each = (time.process_time() - begun) / len(shown)
    record_property("microseconds", round(each * 1e6))
    assert each * 15_600 / 60 < 0.3, f"{each * 1e6:.0f} µs each: less than a third of a core for 15,600 in a minute"
