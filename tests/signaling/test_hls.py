"""HLS over HTTP: every status that the routes give, on a real recording."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

from recorder.playlist import FIRST_MSN
from signaling.auth.tokens import MONITOR, PERSON
from signaling.library.admission import BURST
from tests.support.databases import once
from tests.support.hls_stage import NOW, HlsStage

pytestmark = once

Client = TestClient[Any, Any]
RAW = {"Accept-Encoding": "identity"}


@pytest.fixture
async def stage(tmp_path: Path) -> HlsStage:
    return HlsStage(tmp_path)


@pytest.fixture
async def client(stage: HlsStage) -> AsyncIterator[Client]:
    async with stage.client() as made:
        yield made


async def ask(client: Client, url: str, headers: dict[str, str], method: str = "GET") -> tuple[int, Any]:
    """Return status and body: bytes, or the code of a problem."""
    async with client.request(method, url, headers=headers) as answer:
        if answer.content_type == "application/problem+json":
            return answer.status, (await answer.json())["code"]
        return answer.status, await answer.read()


async def names(client: Client, stage: HlsStage, playlist: str = "dvr.m3u8") -> list[str]:
    """Return the addresses in a media playlist."""
    status, text = await ask(client, stage.url(playlist), stage.bearer())
    assert status == 200, text
    lines = text.decode().splitlines()
    inside = [found for line in lines for found in re.findall(r'URI="([^"]+)"', line)]
    return [*inside, *(line for line in lines if line and not line.startswith("#"))]


async def test_nothing_recorded_yet_is_503_with_a_time(stage: HlsStage, client: Client) -> None:
    for name in ("index.m3u8", "live.m3u8", "dvr.m3u8"):
        async with client.get(stage.url(name), headers=stage.bearer()) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (await answer.json())["code"] == "hls_not_yet"


async def test_the_index_leads_to_live_or_to_the_rewind(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    lecture = f"/hls/{stage.lecture_id}/index.m3u8"
    for url, target in [
        (lecture, f"{stage.recording_id}/live.m3u8"),
        (lecture + "?rewind=1", f"{stage.recording_id}/dvr.m3u8"),
        (stage.url("index.m3u8"), "live.m3u8"),
        (stage.url("index.m3u8?rewind=1"), "dvr.m3u8"),
    ]:
        status, text = await ask(client, url, stage.bearer())
        assert status == 200
        assert text.decode().splitlines()[-1] == target
        assert b"avc1." in text


async def test_everything_that_a_playlist_names_is_there(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    found = [name for name in await names(client, stage) if not name.endswith(_hint(stage))]
    assert {name.split(".")[1][0] for name in found} == {"i", "s", "p"}
    for name in found:
        async with client.get(stage.url(name), headers=stage.bearer()) as answer:
            data = await answer.read()
            assert (answer.status, answer.content_type) == (200, "video/mp4"), name
            assert "immutable" in answer.headers["Cache-Control"]
            assert data[4:8] in (b"moof", b"ftyp")
        async with client.head(stage.url(name), headers=stage.bearer()) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(data)))


def _hint(stage: HlsStage) -> str:
    assert stage.running is not None
    reel, seq = stage.running._timeline.hint
    return f"{reel}.p{seq}.m4s"


async def test_segments_are_the_bytes_of_their_parts_from_memory_and_from_the_disk(
    stage: HlsStage, client: Client
) -> None:
    stage.play(60.0)
    status, text = await ask(client, stage.url("dvr.m3u8"), stage.bearer())
    assert status == 200
    assert stage.running is not None
    assert stage.running._window.first > 0, "nothing has left the memory yet"
    whole = b""
    for name in [line for line in text.decode().splitlines() if line.endswith(".m4s")]:
        status, data = await ask(client, stage.url(name), stage.bearer())
        assert status == 200
        whole += data
    file = (stage.deck.folder.path / "e001.mp4").read_bytes()
    assert len(whole) > 10_000
    assert whole in file


async def test_live_playlists_are_never_cached_and_carry_a_receipt(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    for name in ("live.m3u8", "dvr.m3u8"):
        async with client.get(stage.url(name), headers=stage.bearer()) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            receipt = stage.receipts.verify(answer.headers["X-Watch-Receipt"])
            assert (receipt.subject, receipt.lecture_id, receipt.begins_at) == ("screen-1", stage.lecture_id, NOW)


async def test_a_playlist_is_compressed_for_those_who_take_it(stage: HlsStage, client: Client) -> None:
    stage.play(20.0)
    url, headers = stage.url("dvr.m3u8"), stage.bearer()
    async with client.get(url, headers=headers | RAW) as plain:
        text = await plain.read()
        assert "Content-Encoding" not in plain.headers
    packing = aiohttp.ClientSession(auto_decompress=False)
    wanted = headers | {"Accept-Encoding": "gzip"}
    async with packing as session, session.get(client.make_url(url), headers=wanted) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await packed.read()) == text


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=1",
        "_HLS_msn=99",
        "_HLS_msn=2&_HLS_part=99",
        "_HLS_msn=-1",
        "_HLS_msn=0",
        "_HLS_msn=x",
        "_HLS_msn=9999999999",
    ],
)
async def test_a_directive_that_no_playlist_leads_to_is_400(stage: HlsStage, client: Client, query: str) -> None:
    stage.play(6.0)
    assert await ask(client, stage.url(f"live.m3u8?{query}"), stage.bearer()) == (400, "bad_directive")


@pytest.mark.parametrize("name", ["e001.s99.m4s", "e001.p999.m4s", "e009.init.mp4", "e009.s0.m4s"])
async def test_media_that_is_not_there_is_404(stage: HlsStage, client: Client, name: str) -> None:
    stage.play(6.0)
    assert await ask(client, stage.url(name), stage.bearer()) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "journal.jsonl",
        "manifest.json",
        "e001.idx",
        "video.mp4",
        "..%2f..%2fwatch.key",
        "%2e%2e/e001.mp4",
        "e001.mp4%00",
        "e001.mp4/",
        ".",
        "e001.init.mp4\u0660",
        "e\u0661\u0661\u0661.mp4",
        "e" + "1" * 300 + ".mp4",
        "E001.mp4",
        "e001.MP4",
        "e001.mp4%20",
        "%65001.mp4",
        "e001.s0x1.m4s",
        "e001.s-1.m4s",
        "thumbs.vtt/../manifest.json",
    ],
)
async def test_a_name_that_is_none_is_404_for_everybody(stage: HlsStage, client: Client, path: str) -> None:
    stage.play(6.0)
    stage.end(approved=True)
    url = client.make_url("/").with_path(f"/hls/{stage.lecture_id}/{stage.recording_id}/", encoded=True)
    raw = URL(f"{url}{path}", encoded=path.isascii())
    async with client.session.get(raw, headers=stage.bearer()) as answer:
        assert answer.status == 404
        if answer.content_type == "application/problem+json":
            assert (await answer.json())["code"] == "not_found"


async def test_a_recording_of_another_lecture_is_404(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    other = "0" * 8
    url = stage.url("live.m3u8").replace(stage.lecture_id, other)
    headers = {"Authorization": f"Bearer {stage.token(lecture_id=other)}"}
    assert await ask(client, url, headers) == (404, "not_found")
    assert await ask(client, f"/hls/{other}/index.m3u8", headers) == (404, "not_found")


async def test_no_token_a_bad_one_an_expired_one_are_401(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    url = stage.url("live.m3u8")
    assert await ask(client, url, {}) == (401, "no_credential")
    assert await ask(client, url, {"Authorization": "Bearer x"}) == (401, "bad_watch_token")
    expired = {"Authorization": f"Bearer {stage.token(seconds=-1)}"}
    assert await ask(client, url, expired) == (401, "bad_watch_token")
    assert await ask(client, url, {"Cookie": "jt_watch=x"}) == (401, "bad_watch_token")


async def test_the_cookie_is_as_good_as_the_header(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    assert (await ask(client, stage.url("live.m3u8"), {"Cookie": f"jt_watch={stage.token()}"}))[0] == 200


async def test_a_token_for_another_lecture_is_403(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    headers = {"Authorization": f"Bearer {stage.token(lecture_id='another')}"}
    for name in ("index.m3u8", "live.m3u8", "e001.init.mp4", "e001.s0.m4s", "e001.mp4"):
        assert await ask(client, stage.url(name), headers) == (403, "wrong_lecture")


async def test_after_the_end_screens_see_what_was_approved_and_people_see_all(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    stage.end()
    lecture = f"/hls/{stage.lecture_id}/index.m3u8"
    held = (lecture, *map(stage.url, ("index.m3u8", "vod.m3u8", "e001.mp4", "e001.s0.m4s", "thumbs.vtt")))
    for subject in ("screen-1", MONITOR):
        for url in held:
            assert await ask(client, url, stage.bearer(subject)) == (403, "not_released")
    for url in held:
        assert (await ask(client, url, stage.bearer(PERSON + "user-1")))[0] == 200, url
    stage.state("ready", approved=True)
    for url in held:
        assert (await ask(client, url, stage.bearer()))[0] == 200, url
    assert await ask(client, stage.url("live.m3u8"), stage.bearer()) == (404, "not_found")


async def test_while_it_is_being_finished_there_is_a_little_to_wait(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    stage.running = None
    stage.state("finalising")
    assert await ask(client, stage.url("vod.m3u8"), stage.bearer(PERSON + "u")) == (503, "hls_not_yet")
    assert await ask(client, stage.url("vod.m3u8"), stage.bearer()) == (403, "not_released")


async def test_byte_ranges_of_the_finished_playlist_are_its_media(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    stage.end(approved=True)
    status, text = await ask(client, stage.url("vod.m3u8"), stage.bearer())
    assert status == 200
    assert text.endswith(b"#EXT-X-ENDLIST\n")
    ranges = [tuple(map(int, found)) for found in re.findall(r"BYTERANGE:(\d+)@(\d+)", text.decode())]
    assert len(ranges) >= 2
    file = (stage.deck.folder.path / "e001.mp4").read_bytes()
    for length, offset in ranges:
        wanted = {"Range": f"bytes={offset}-{offset + length - 1}"}
        status, data = await ask(client, stage.url("e001.mp4"), stage.bearer() | wanted)
        assert (status, data) == (206, file[offset : offset + length])
        assert data[4:8] == b"moof"
    beyond = stage.bearer() | {"Range": f"bytes={len(file) + 1}-"}
    assert (await ask(client, stage.url("e001.mp4"), beyond))[0] == 416


async def test_previews_and_chapters_have_their_media_types(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    stage.end(approved=True)
    for name, media_type in (("thumbs.vtt", "text/vtt"), ("chapters.vtt", "text/vtt"), ("sprite.jpg", "image/jpeg")):
        async with client.get(stage.url(name), headers=stage.bearer()) as answer:
            assert (answer.status, answer.content_type) == (200, media_type), name


async def test_a_cut_sends_everybody_away_at_once_and_resuming_lets_them_back(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    assert stage.running is not None
    msn, part = stage.running._timeline.next
    urls = [stage.url(f"live.m3u8?_HLS_msn={msn + FIRST_MSN}&_HLS_part={part}"), stage.url(_hint(stage))]
    waiting = [asyncio.create_task(ask(client, url, stage.bearer())) for url in urls]
    while stage.running.waiting < len(urls):
        await asyncio.sleep(0)
    stage.cut = True
    stage.running.cut()
    async with asyncio.timeout(1):
        assert await asyncio.gather(*waiting) == [(410, "cut")] * 2
    for name in ("index.m3u8", "live.m3u8", "dvr.m3u8", "e001.init.mp4", "e001.s0.m4s"):
        assert await ask(client, stage.url(name), stage.bearer()) == (410, "cut")
    stage.cut = False
    stage.running.uncut()
    assert (await ask(client, stage.url("live.m3u8"), stage.bearer()))[0] == 200


async def test_a_request_that_waits_is_answered_by_the_next_part(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    assert stage.running is not None
    msn, part = stage.running._timeline.next
    url = stage.url(f"live.m3u8?_HLS_msn={msn + FIRST_MSN}&_HLS_part={part}")
    hint = _hint(stage)
    waiting = [asyncio.create_task(ask(client, one, stage.bearer())) for one in (url, stage.url(hint))]
    while stage.running.waiting < 2:
        await asyncio.sleep(0)
    stage.play(4.0, first=500)
    async with asyncio.timeout(2):
        (status, text), (media_status, _) = await asyncio.gather(*waiting)
    assert status == 200
    assert text
    assert media_status in (200, 404), "the hinted part came, or another reel did"


async def test_more_waiting_requests_than_may_wait_are_503(tmp_path: Path) -> None:
    stage = HlsStage(tmp_path, waiting_requests=1)
    async with stage.client() as client:
        stage.play(6.0)
        assert stage.running is not None
        msn, part = stage.running._timeline.next
        url = stage.url(f"live.m3u8?_HLS_msn={msn + FIRST_MSN}&_HLS_part={part}")
        first = asyncio.create_task(ask(client, url, stage.bearer()))
        while stage.running.waiting < 1:
            await asyncio.sleep(0)
        assert await ask(client, url, stage.bearer()) == (503, "hls_busy")
        stage.running.cut()
        assert await first == (410, "cut")


async def test_a_token_that_asks_too_often_is_429_and_others_are_not(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    url, headers = stage.url("e001.init.mp4"), stage.bearer()
    for _ in range(int(BURST)):
        assert (await ask(client, url, headers))[0] == 200
    assert await ask(client, url, headers) == (429, "too_many_requests")
    assert (await ask(client, url, stage.bearer("screen-2")))[0] == 200
    stage.now += 1.0
    assert (await ask(client, url, headers))[0] == 200


async def test_screens_that_follow_are_seen_and_monitors_are_not(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    for subject in ("screen-1", MONITOR, PERSON + "u"):
        for part in (0, 1):
            url = stage.url(f"live.m3u8?_HLS_msn=1&_HLS_part={part}")
            assert (await ask(client, url, stage.bearer(subject)))[0] == 200
            stage.now += 0.5
    assert set(stage.deliveries.ages(stage.lecture_id, stage.now)) == {"screen-1"}


async def test_only_get_and_head_are_answered_and_all_is_counted(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    assert await ask(client, stage.url("live.m3u8"), stage.bearer(), "POST") == (405, "method_not_allowed")
    await ask(client, stage.url("live.m3u8"), stage.bearer())
    await ask(client, stage.url("live.m3u8"), {})
    numbers = stage.hls.metrics()
    assert numbers["requests_total"] == {"playlist": 2}
    assert numbers["refused_total"] == {"401": 1}
    assert numbers["pending"] == 0


async def test_the_proxy_hears_yes_with_a_receipt_or_no(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)

    def about(name: str, query: str = "") -> dict[str, str]:
        return {"X-Original-URI": stage.url(name) + query}

    async with client.get("/hls-auth", headers=stage.bearer() | about("e001.s0.m4s", "?a=b")) as answer:
        assert answer.status == 204
        assert answer.headers["Cache-Control"] == "max-age=10"
        receipt = stage.receipts.verify(answer.headers["X-Watch-Receipt"])
        assert (receipt.subject, receipt.lecture_id) == ("screen-1", stage.lecture_id)
        assert receipt.ends_at >= NOW + 10
    cookie = {"Cookie": f"jt_watch={stage.token()}"}
    assert (await ask(client, "/hls-auth", cookie | about("e001.p3.m4s")))[0] == 204
    assert await ask(client, "/hls-auth", about("e001.s0.m4s")) == (401, "no_credential")
    assert await ask(client, "/hls-auth", stage.bearer()) == (403, "not_found")
    assert await ask(client, "/hls-auth", stage.bearer() | about("../x")) == (403, "not_found")
    other = {"Authorization": f"Bearer {stage.token(lecture_id='another')}"}
    assert await ask(client, "/hls-auth", other | about("e001.s0.m4s")) == (403, "wrong_lecture")
    stage.cut = True
    assert await ask(client, "/hls-auth", stage.bearer() | about("e001.s0.m4s")) == (403, "cut")
    stage.cut = False
    stage.end()
    assert await ask(client, "/hls-auth", stage.bearer() | about("e001.mp4")) == (403, "not_released")
