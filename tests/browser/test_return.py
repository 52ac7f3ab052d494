"""Screens and studio come back by themselves: after an announced restart, after a kill, after a minute without network."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import STUDIO_ARGUMENTS, chromium, executable
from tests.support.classroom import Classroom, Studio
from tests.support.library import class_rows, download, finished_recording
from tests.support.media import shown_counters
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(300)]

FPS = 15
BEFORE = 90
"""Pictures that are seen before something happens: three to six seconds, of which a crash may take one part of the recording."""
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"


def go_live(browser: object, demo: dict[str, object]) -> tuple[Studio, list[Classroom]]:
    studio = Studio(browser, demo["studio_url"])  # type: ignore[arg-type]
    studio.prepare()
    studio.start()
    rooms = [Classroom(browser, url) for url in demo["classroom_urls"]]  # type: ignore[arg-type, attr-defined]
    for room in rooms:
        room.enter()
        room.until("live")
    for room in rooms:
        room.until_seen(BEFORE)
    return studio, rooms


def shows_again(room: Classroom, milliseconds: float = 60_000) -> None:
    """Wait until the screen is live and its pictures advance."""
    room.until("live", milliseconds)
    before = len(room.seen())
    room.page.wait_for_function("n => window.watcher.seen.length > n + 15", arg=before, timeout=milliseconds)


@pytest.mark.parametrize("way", ["restart", "kill"])
def test_a_live_lecture_goes_on_after_the_server_came_back(server: Server, tmp_path: Path, way: str) -> None:
    demo = server.demo()
    assert demo is not None
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    with chromium(*STUDIO_ARGUMENTS, AUTOPLAY) as browser:
        studio, rooms = go_live(browser, demo)
        _, before = server.call("GET", lecture, demo["api_token"])
        drawn_before = studio.drawn()[-1][0]
        if way == "restart":
            assert server.stop() < 5
        else:
            server.kill()
        for room in rooms:
            room.until("reconnecting")
        server.start()
        for room in rooms:
            shows_again(room)
        _, after = server.call("GET", lecture, demo["api_token"])
        assert after["state"] == "live"
        assert after["broadcast_id"] == before["broadcast_id"]
        assert after["boot_id"] != before["boot_id"]
        rooms[0].page.wait_for_timeout(24_000)  # two windows of attendance: a change of path may cost most of one
        studio.end()

    entry = finished_recording(server, demo, seconds=10)
    query = f"/api/v1/recordings?lecture_id={demo['lecture_id']}"
    assert len(server.call("GET", query, demo["api_token"])[1]) == 1, "one entry for one broadcast"
    film = shown_counters(download(server, demo, entry["mp4_url"], tmp_path / "lecture.mp4"))
    counters = [counter for _, counter in film if counter is not None]
    assert counters == sorted(counters)
    assert min(counters) < drawn_before - FPS * 2, "what was recorded before the server went is there"
    assert max(counters) > drawn_before, "and what came after it"
    _, report = server.call("GET", f"{lecture}/attendance", demo["api_token"])
    assert report["totals"]["classes_connected"] == 2
    rows = class_rows(server, demo)
    for screen in demo["screens"]:
        assert float(rows[screen["school_code"], screen["class_code"]]["送达秒数"]) >= 12, "counting went on"


@pytest.fixture
def island() -> Iterator[str]:
    """A network namespace of its own; returns its name. Everything in it goes over its loopback.

    Chromium offers no loopback candidates, so there is an interface with an address, a veth pair that leads nowhere.
    """
    name = f"jt-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        loopback(name, "up")
        for command in (
            ("link", "add", "jt0", "type", "veth", "peer", "name", "jt1"),
            ("address", "add", "192.0.2.10/24", "dev", "jt0"),
            ("link", "set", "jt0", "up"),
            ("link", "set", "jt1", "up"),
        ):
            subprocess.run(["ip", "-n", name, *command], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def loopback(name: str, state: str) -> None:
    subprocess.run(["ip", "-n", name, "link", "set", "lo", state], check=True)


@pytest.mark.server
def test_a_minute_without_network_needs_no_hand(island: str, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", prefix=("ip", "netns", "exec", island))
    wrapper = tmp_path / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {island} {executable()} "$@"\n')
    wrapper.chmod(0o755)
    try:
        demo = server.start()
        with chromium(*STUDIO_ARGUMENTS, AUTOPLAY, path=str(wrapper)) as browser:
            _, rooms = go_live(browser, demo)
            loopback(island, "down")
            for room in rooms:
                room.until("reconnecting")
            rooms[0].page.wait_for_timeout(60_000)
            loopback(island, "up")
            for room in rooms:
                shows_again(room)
    finally:
        server.close()
