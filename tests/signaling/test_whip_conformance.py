"""The conformance points of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03) that both share, on the real media plane.

The numbers are those of the list that the project keeps: 1 POST, 2 wrong bodies, 3 answer, 4 unacceptable offers, 5 GET and HEAD,
6 OPTIONS, 7 trickle, 8 ICE restart, 9 preconditions, 10 DELETE, 11 redirects, 12 overload and closed lectures, 13 TURN, 14 credentials,
15 rate limits and session URLs. Number 16, WHEP's counter-offer, is declined: an SDP body in PATCH answers 415.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import ClientResponse

from signaling.auth import opaque
from signaling.live.states import Event
from tests.support.databases import once
from tests.support.live_web import FRAGMENT, SDP, Site, bearer, site
from tests.support.peer import Peer

pytestmark = once

Direction = Literal["whip", "whep"]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as built:
        await built.home.at(Event.OPEN)
        yield built


@pytest.fixture(params=["whip", "whep"])
def direction(request: pytest.FixtureRequest) -> Direction:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
async def peer(direction: Direction) -> AsyncIterator[Peer]:
    made = Peer("publish" if direction == "whip" else "watch")
    yield made
    made.close()


class Opened:
    """A session as its client knows it."""

    def __init__(self, served: Site, token: str, response: ClientResponse, answer: str) -> None:
        self.served = served
        self.token = token
        self.location = response.headers["Location"]
        self.etag = response.headers["ETag"]
        self.headers = response.headers
        self.answer = answer

    async def patch(self, fragment: str, if_match: str | None, **headers: str) -> ClientResponse:
        condition = {"If-Match": if_match} if if_match is not None else {}
        all_headers = {**FRAGMENT, **bearer(self.token), **condition, **headers}
        return await self.served.client.patch(self.location, data=fragment, headers=all_headers)

    async def delete(self, token: str | None = None) -> ClientResponse:
        return await self.served.client.delete(self.location, headers=bearer(token or self.token))


@pytest.fixture
async def opened(served: Site, direction: Direction, peer: Peer) -> Opened:
    token = await served.token(direction)
    response = await served.post(direction, peer.offer, token)
    assert response.status == 201, await response.text()
    answer = await response.text()
    peer.take_answer(answer)
    return Opened(served, token, response, answer)


def trickle(peer: Peer) -> str:
    return (
        f"a=ice-ufrag:{peer.words.ufrag}\r\na=ice-pwd:{peer.words.pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        "a=candidate:1 1 udp 2122194687 192.0.2.1 61764 typ host\r\n"
        "a=candidate:2 1 udp 1 unusable.local 9 typ host\r\na=end-of-candidates\r\n"
    )


async def problem(response: ClientResponse) -> tuple[int, str]:
    assert response.content_type == "application/problem+json"
    return response.status, (await response.json())["code"]


async def test_01_post_answers_201_with_sdp_location_and_strong_etag(opened: Opened, direction: Direction) -> None:
    assert opened.headers["Content-Type"].split(";")[0] == "application/sdp"
    assert opened.answer.startswith("v=0\r\n")
    assert re.fullmatch(r'"[^"]+"', opened.etag)
    assert re.fullmatch(rf"/{direction}/session/[A-Za-z0-9_-]+", opened.location)  # absolute path, no query


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/trickle-ice-sdpfrag"])
async def test_02_another_media_type_answers_415(
    served: Site, direction: Direction, peer: Peer, media_type: str
) -> None:
    token = await served.token(direction)
    response = await served.post(direction, peer.offer, token, **{"Content-Type": media_type})
    assert await problem(response) == (415, "unsupported_media_type")
    assert response.headers["Accept-Post"] == "application/sdp"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"hello", id="not SDP"),
        pytest.param(b"v=0\r\n" + b"a=rtpmap:96 H264/90000\r\n" * 4000, id="bomb"),
        pytest.param(b"v=0\r\nm=", id="torn"),
    ],
)
async def test_02_malformed_sdp_answers_400(served: Site, direction: Direction, body: bytes) -> None:
    headers = {**SDP, **bearer(await served.token(direction))}
    response = await served.client.post(f"/{direction}/{served.home.lecture_id}", data=body, headers=headers)
    assert (await problem(response))[0] == 400


async def test_02_an_offer_without_a_common_codec_answers_406(served: Site, direction: Direction, peer: Peer) -> None:
    offer = peer.offer.replace("H264/90000", "VP8/90000")
    response = await served.post(direction, offer, await served.token(direction))
    assert await problem(response) == (406, "no_common_codec")


async def test_03_the_answer_is_one_way_bundled_and_has_every_candidate(opened: Opened, direction: Direction) -> None:
    lines = opened.answer.split("\r\n")
    ways = {line for line in lines if line in {"a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive"}}
    assert ways == {"a=recvonly" if direction == "whip" else "a=sendonly"}
    assert any(line.startswith("a=group:BUNDLE") for line in lines)
    media = [line for line in lines if line.startswith("m=")]
    assert len(media) == 2
    assert not [line for line in media if line.split()[1] == "0"]  # nothing half accepted
    assert sum(line == "a=rtcp-mux" for line in lines) == len(media)
    assert "a=ice-lite" in lines
    assert [line for line in lines if line.startswith("a=candidate:") and " 127.0.0.1 " in line]
    assert "a=end-of-candidates" in lines


@pytest.mark.parametrize("way", ["inactive", "the other way"])
async def test_04_an_offer_of_the_wrong_way_is_refused(
    served: Site, direction: Direction, peer: Peer, way: str
) -> None:
    right, other = ("sendonly", "recvonly") if direction == "whip" else ("recvonly", "sendonly")
    offer = peer.offer.replace(f"a={right}", f"a={other if way == 'the other way' else way}")
    response = await served.post(direction, offer, await served.token(direction))
    assert await problem(response) == (422, "unacceptable_offer")


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_04_an_offer_with_two_of_a_kind_is_refused(
    served: Site, direction: Direction, peer: Peer, kind: str
) -> None:
    head, *sections = re.split(r"(?=^m=)", peer.offer, flags=re.MULTILINE)
    twice = next(section for section in sections if section.startswith(f"m={kind}"))
    twice = re.sub(r"a=mid:\S+", "a=mid:7", re.sub(r"a=ssrc.*\r\n", "", twice))
    head = re.sub(r"a=group:BUNDLE (.*)\r\n", r"a=group:BUNDLE \1 7\r\n", head)
    response = await served.post(direction, head + "".join(sections) + twice, await served.token(direction))
    assert (await problem(response))[0] in {400, 422}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["endpoint", "session"])
async def test_05_get_and_head_answer_2xx_without_content(
    opened: Opened, direction: Direction, method: str, path: str
) -> None:
    client, lecture_id = opened.served.client, opened.served.home.lecture_id
    url = f"/{direction}/{lecture_id}" if path == "endpoint" else opened.location
    response = await client.request(method, url, headers=bearer(opened.token))
    assert response.status in {200, 204}
    assert await response.read() == b""
    if method == "HEAD":
        assert (response.status, response.content_type) == (200, "application/sdp")


@pytest.mark.parametrize("path", ["endpoint", "session"])
async def test_06_options_is_a_preflight_for_any_origin(opened: Opened, direction: Direction, path: str) -> None:
    client, lecture_id = opened.served.client, opened.served.home.lecture_id
    url = f"/{direction}/{lecture_id}" if path == "endpoint" else opened.location
    asked = {"Origin": "https://player.example", "Access-Control-Request-Method": "PATCH"}
    response = await client.options(url, headers=asked)
    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert {name for name in ("authorization", "content-type", "if-match") if name not in allowed} == set()
    methods = response.headers["Access-Control-Allow-Methods"]
    assert {name for name in ("POST", "PATCH", "DELETE") if name not in methods} == set()
    if path == "endpoint":
        assert response.headers["Accept-Post"] == "application/sdp"


async def test_06_every_answer_to_a_foreign_page_can_be_read_by_it(served: Site, direction: Direction) -> None:
    responses = [
        await served.client.post(f"/{direction}/x", headers={"Origin": "https://player.example"}),
        await served.client.delete(f"/{direction}/session/x", headers={"Origin": "https://player.example"}),
    ]
    for response in responses:
        assert response.status == 401
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        exposed = response.headers["Access-Control-Expose-Headers"]
        assert {name for name in ("Location", "ETag", "Link") if name not in exposed} == set()


async def test_07_trickle_answers_204_without_etag_and_drops_what_it_cannot_use(opened: Opened, peer: Peer) -> None:
    response = await opened.patch(trickle(peer), opened.etag)
    assert response.status == 204
    assert "ETag" not in response.headers
    assert await response.read() == b""


async def test_07_trickle_names_the_etag_among_others(opened: Opened, peer: Peer) -> None:
    assert (await opened.patch(trickle(peer), f'"another", {opened.etag}')).status == 204


async def test_07_a_fragment_of_another_type_or_shape_is_refused(opened: Opened, peer: Peer) -> None:
    wrong_type = await opened.patch(trickle(peer), opened.etag, **{"Content-Type": "application/json"})
    assert wrong_type.status == 415
    assert wrong_type.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    counter_offer = await opened.patch(peer.offer, opened.etag, **SDP)
    assert counter_offer.status == 415  # number 16 is declined
    assert (await opened.patch("x" * 40_000, opened.etag)).status == 400


async def test_08_an_ice_restart_answers_200_with_new_credentials_and_a_new_etag(opened: Opened, peer: Peer) -> None:
    before = (peer.remote_ufrag, peer.remote_pwd)
    response = await opened.patch(peer.restart(), "*")
    assert response.status == 200
    assert response.content_type == "application/trickle-ice-sdpfrag"
    assert re.fullmatch(r'"[^"]+"', response.headers["ETag"])
    assert response.headers["ETag"] != opened.etag
    peer.take_fragment(await response.text())
    assert (peer.remote_ufrag, peer.remote_pwd) != before
    assert (await opened.patch(trickle(peer), opened.etag)).status == 412
    assert (await opened.patch(trickle(peer), response.headers["ETag"])).status == 204


async def test_08_a_restart_without_credentials_is_refused_and_keeps_the_session(opened: Opened, peer: Peer) -> None:
    assert (await opened.patch("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", "*")).status in {400, 422}
    assert (await opened.patch(trickle(peer), opened.etag)).status == 204


async def test_09_a_missing_precondition_answers_428(opened: Opened, peer: Peer) -> None:
    assert await problem(await opened.patch(trickle(peer), None)) == (428, "precondition_required")


@pytest.mark.parametrize("form", ['"stale"', "W/{}", '""'])
async def test_09_a_stale_or_weak_etag_answers_412(opened: Opened, peer: Peer, form: str) -> None:
    assert await problem(await opened.patch(trickle(peer), form.format(opened.etag))) == (412, "precondition_failed")


async def test_10_delete_answers_200_closes_the_transport_and_ignores_etags(
    served: Site, direction: Direction, peer: Peer
) -> None:
    token, locations = await served.token(direction), []  # type: ignore[var-annotated]
    await peer.connect(served.exchange(direction, token, locations))
    headers = {**bearer(token), "If-Match": '"stale"'}
    response = await served.client.delete(locations[0], headers=headers)
    assert response.status == 200
    await peer.wait_for(peer.closed.is_set, 2.0)
    assert (await served.client.delete(locations[0], headers=bearer(token))).status == 404
    assert served.home.plane.session(locations[0].rsplit("/", 1)[1]) is None


async def test_11_a_redirect_is_307_and_keeps_the_path(served: Site, direction: Direction, peer: Peer) -> None:
    async def elsewhere(lecture_id: str) -> str:
        return "https://node-2.example/"

    served.home.live.elsewhere = elsewhere
    token, path = await served.token(direction), f"/{direction}/{served.home.lecture_id}"
    headers = {**SDP, **bearer(token)}
    response = await served.client.post(path, data=peer.offer, headers=headers, allow_redirects=False)
    assert response.status == 307
    assert response.headers["Location"] == f"https://node-2.example{path}"
    if direction == "whip":  # the ticket is for the other node to consume
        assert await served.home.live.publishing.right(token, served.home.lecture_id)


@pytest.mark.parametrize("suffix", ["/", "//", "/x/y", "?x=1"])
async def test_11_nothing_answers_301_or_302(opened: Opened, direction: Direction, suffix: str) -> None:
    for method in ("POST", "PATCH", "DELETE", "GET", "OPTIONS"):
        for path in (f"/{direction}/{opened.served.home.lecture_id}", "/" + direction, opened.location):
            response = await opened.served.client.request(method, path + suffix, allow_redirects=False)
            assert response.status not in {301, 302, 303, 308}


async def test_12_too_many_joins_answer_503_with_retry_after(tmp_path: Path, direction: Direction) -> None:
    async with site(tmp_path, overrides={"media": {"joins_per_second": 1}}) as served:
        await served.home.at(Event.OPEN)
        made = [Peer("publish" if direction == "whip" else "watch") for _ in range(3)]
        responses = [await served.post(direction, peer.offer, await served.token(direction)) for peer in made]
        for peer in made:
            peer.close()
        refused = [response for response in responses if response.status != 201]
        assert len(refused) >= 1
        for response in refused:
            assert await problem(response) == (503, "busy")
            assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("steps", [[], [Event.OPEN, Event.END]], ids=["before open", "after the end"])
async def test_12_a_closed_lecture_answers_409_with_retry_after(
    tmp_path: Path, direction: Direction, peer: Peer, steps: list[Event]
) -> None:
    async with site(tmp_path) as served:
        await served.home.at(*steps)
        token = await served.home.key() if direction == "whip" else served.home.watch()
        response = await served.post(direction, peer.offer, token)
        assert await problem(response) == (409, "ended" if steps else "not_open")
        assert int(response.headers["Retry-After"]) >= 1


async def test_13_no_turn_server_no_link(opened: Opened, direction: Direction) -> None:
    preflight = await opened.served.client.options(f"/{direction}/{opened.served.home.lecture_id}")
    assert "Link" not in opened.headers
    assert "Link" not in preflight.headers


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}])
async def test_14_without_bearer_nothing_is_done(
    opened: Opened, direction: Direction, peer: Peer, header: dict[str, str]
) -> None:
    client, lecture_id = opened.served.client, opened.served.home.lecture_id
    responses = [
        await client.post(f"/{direction}/{lecture_id}", data=peer.offer, headers=SDP | header),
        await client.patch(opened.location, data=trickle(peer), headers=FRAGMENT | {"If-Match": opened.etag} | header),
        await client.delete(opened.location, headers=header),
    ]
    for response in responses:
        assert await problem(response) == (401, "no_credential")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await opened.patch(trickle(peer), opened.etag)).status == 204


async def test_14_a_token_in_the_query_is_no_credential(served: Site, direction: Direction, peer: Peer) -> None:
    token = await served.token(direction)
    path = f"/{direction}/{served.home.lecture_id}?access_token={token}"
    assert (await served.client.post(path, data=peer.offer, headers=SDP)).status == 401


async def test_14_bytes_that_are_no_text_are_no_credential(served: Site, direction: Direction) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.client.port)
    writer.write(f"POST /{direction}/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n".encode())
    writer.write(b"Authorization: Bearer \xff\xfe\xfd\r\nConnection: close\r\n\r\n")
    await writer.drain()
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in {b"400", b"401"}


async def test_14_only_the_credential_that_made_a_session_touches_it(
    opened: Opened, direction: Direction, peer: Peer
) -> None:
    for other in (await opened.served.token(direction), await opened.served.home.key(), opened.served.monitor()):
        assert await problem(await opened.delete(other)) == (403, "not_your_session")
        headers = {**FRAGMENT, **bearer(other), "If-Match": opened.etag}
        response = await opened.served.client.patch(opened.location, data=trickle(peer), headers=headers)
        assert await problem(response) == (403, "not_your_session")
    assert (await opened.patch(trickle(peer), opened.etag)).status == 204


async def test_14_a_session_is_not_reached_through_the_other_endpoint(opened: Opened, direction: Direction) -> None:
    other = opened.location.replace(direction, "whep" if direction == "whip" else "whip", 1)
    response = await opened.served.client.delete(other, headers=bearer(opened.token))
    assert await problem(response) == (404, "no_such_session")


async def test_15_requests_of_one_credential_are_limited_and_others_are_not(
    served: Site, direction: Direction, peer: Peer
) -> None:
    token = await served.token(direction)
    allowed = int(served.home.settings.live.requests_per_second * 8)
    responses = [await served.post(direction, "v=0", token) for _ in range(allowed + 1)]
    assert {response.status for response in responses[:-1]} == {400} or direction == "whip"
    assert await problem(responses[-1]) == (429, "too_many_requests")
    assert int(responses[-1].headers["Retry-After"]) >= 1
    other = await served.home.key() if direction == "whip" else served.home.watch(1)
    assert (await served.post(direction, peer.offer, other)).status == 201  # the same address
    served.home.hands.advance(1.0)
    assert (await served.post(direction, "v=0", token)).status != 429


async def test_15_patch_and_delete_are_limited(opened: Opened, peer: Peer) -> None:
    allowed = int(opened.served.home.settings.live.requests_per_second * 8)
    statuses = [(await opened.patch(trickle(peer), opened.etag)).status for _ in range(allowed)]
    assert set(statuses) == {204}
    assert (await opened.delete()).status == 429
    opened.served.home.hands.advance(1.0)
    assert (await opened.delete()).status == 200


async def test_15_guessing_sessions_is_limited_per_credential(served: Site, direction: Direction) -> None:
    token = opaque.mint(opaque.STREAM_KEY)
    statuses = [
        (await served.client.delete(f"/{direction}/session/{opaque.mint('')}", headers=bearer(token))).status
        for _ in range(60)
    ]
    assert set(statuses) == {404, 429}
    assert statuses[-1] == 429


async def test_15_session_urls_have_128_bits_at_least(served: Site, direction: Direction) -> None:
    token = await served.home.key() if direction == "whip" else served.monitor()
    seen = set()
    for _ in range(8):
        peer = Peer("publish" if direction == "whip" else "watch")
        response = await served.post(direction, peer.offer, token)
        seen.add(response.headers["Location"].rsplit("/", 1)[1])
        peer.close()
    assert len(seen) == 8
    assert min(len(name) for name in seen) * 6 >= 128
