"""What of a lecture households are sent over HLS: told whole, with the time on the air, and to nobody else's account."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestClient

from signaling.auth.tokens import HOME, MONITOR, WatchClaims
from signaling.home import tokens
from signaling.home.tokens import Household
from tests.support.databases import once
from tests.support.hls_stage import HlsStage

pytestmark = once
Client = TestClient[Any, Any]
Told = list[tuple[str, int, int]]


@pytest.fixture
def stage(tmp_path: Path) -> HlsStage:
    return HlsStage(tmp_path)


@pytest.fixture
async def client(stage: HlsStage) -> AsyncIterator[Client]:
    async with stage.client() as made:
        yield made


def hear(stage: HlsStage) -> Told:
    """Return the list to which the routes tell what households were sent."""
    told: Told = []

    def at_home(claims: WatchClaims, times: Any) -> None:
        told.extend((claims.subject, *one) for one in times)

    stage.hls.at_home = at_home
    return told


def family(stage: HlsStage) -> str:
    return tokens.subject(Household(stage.lecture_id, str(uuid4()), "d" * 22))


async def fetch(client: Client, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    async with client.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


def dated(playlist: str) -> int:
    """Return the time of the first segment of a playlist, in Unix milliseconds."""
    match = re.search(r"PROGRAM-DATE-TIME:(\S+)", playlist)
    assert match is not None
    return round(datetime.fromisoformat(match[1]).timestamp() * 1000)


async def test_parts_and_segments_are_told_with_the_time_on_the_air(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    told, subject = hear(stage), family(stage)
    bearer = stage.bearer(subject)
    status, text = await fetch(client, stage.url("live.m3u8"), bearer)
    assert (status, told) == (200, []), "a playlist is no media"
    begin = dated(text.decode())
    for name in ("e001.init.mp4", "e001.s0.m4s", "e001.p0.m4s", "e001.p1.m4s"):
        assert (await fetch(client, stage.url(name), bearer))[0] == 200
    assert [one[0] for one in told] == [subject] * 3
    segment, first, second = (one[1:] for one in told)
    assert abs(segment[0] - begin) <= 1
    assert 3900 <= segment[1] - segment[0] <= 8000
    assert (first[0], first[1]) == (segment[0], second[0])
    assert 400 <= first[1] - first[0] <= 600


async def test_what_others_watch_is_told_to_nobody(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    told = hear(stage)
    for subject in ("screen-1", MONITOR):
        assert (await fetch(client, stage.url("e001.s0.m4s"), stage.bearer(subject)))[0] == 200
    async with client.head(stage.url("e001.s0.m4s"), headers=stage.bearer(family(stage))) as answer:
        assert answer.status == 200
    assert told == []
    assert (await fetch(client, stage.url("e001.s9.m4s"), stage.bearer(family(stage))))[0] == 404
    assert told == []


async def test_a_recording_is_seen_when_it_is_approved_and_told_by_its_ranges(stage: HlsStage, client: Client) -> None:
    stage.play(9.0)
    stage.end()
    told, subject = hear(stage), family(stage)
    bearer = stage.bearer(subject)
    assert (await fetch(client, stage.url("vod.m3u8"), bearer))[0] == 403
    stage.state("ready", approved=True)
    playlist = (await fetch(client, stage.url("vod.m3u8"), bearer))[1].decode()
    size, offset = (int(one) for one in re.findall(r"BYTERANGE:(\d+)@(\d+)", playlist)[0])
    half = bearer | {"Range": f"bytes={offset}-{offset + size // 2}"}
    assert (await fetch(client, stage.url("e001.mp4"), half))[0] == 206
    assert told == [], "half a segment is none"
    whole = bearer | {"Range": f"bytes={offset}-{offset + size - 1}"}
    assert (await fetch(client, stage.url("e001.mp4"), whole))[0] == 206
    async with asyncio.timeout(5):
        while not told:  # the answer ends for the client first
            await asyncio.sleep(0.01)
    assert [(one, begin) for one, begin, _ in told] == [(subject, dated(playlist))]
    assert stage.replaying.take() == {}, "no screen's account has it"


async def test_a_proxy_is_told_that_households_are_served_by_the_server(stage: HlsStage, client: Client) -> None:
    stage.play(6.0)
    about = {"X-Original-URI": stage.url("e001.s0.m4s")}
    for subject, uncached in ((family(stage), "1"), ("screen-1", None)):
        async with client.get("/hls-auth", headers=stage.bearer(subject) | about) as answer:
            assert (answer.status, answer.headers.get("X-Watch-Uncached")) == (204, uncached)
    assert family(stage).startswith(HOME)
