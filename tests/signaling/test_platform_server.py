"""A whole server process: the demo file, restarts, SIGTERM, HTTPS on a second address."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling.__main__ import main
from tests.support.server import Server

pytestmark = pytest.mark.server

KEYS = {
    "base_url", "media_port", "pid", "lecture_id", "studio_url", "classroom_urls", "console_url", "console_user",
    "console_password", "api_token", "whip_url", "whip_token", "whep_url", "whep_token", "screens", "hls_url",
}  # fmt: skip
SECOND_ADDRESS = "127.0.0.2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data")
    yield made
    made.close()


def test_the_demo_file_tells_everything_and_only_its_owner_reads_it(server: Server) -> None:
    demo = server.start()
    assert set(demo) == KEYS
    assert (server.data / "demo.json").stat().st_mode & 0o777 == 0o600
    assert (demo["base_url"], demo["media_port"]) == (server.url, server.media_port)
    assert len(demo["classroom_urls"]) == len(demo["screens"]) == 2
    schools = {screen["school_code"] for screen in demo["screens"]}
    assert len(schools) == 2
    for screen in demo["screens"]:
        assert set(screen) == {"school_code", "class_code", "whep_token"}
    status, lecture = server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}", demo["api_token"])
    assert (status, lecture["state"], lecture["approved"], lecture["autostart"]) == (200, "open", True, True)
    assert lecture["targets"]["classes"] == 60
    assert lecture["targets"]["schools"] == 20


def test_its_secrets_open_what_they_should(server: Server) -> None:
    demo = server.start()
    login = {"login": demo["console_user"], "password": demo["console_password"]}
    assert _post(server, "/api/v1/session", login)[1]["user"]["role"] == "prefecture_admin"
    invitation = {"token": demo["studio_url"].partition("#invite=")[2]}
    assert _post(server, "/api/v1/session/invitation", invitation)[1]["user"]["role"] == "lecturer"
    for url in demo["classroom_urls"]:
        screen, _, device = url.rpartition("/")[2].partition("#")
        status, document = server.call("POST", f"/api/v1/screens/{screen}/watch", device)
        assert (status, document["lecture_id"], document["state"]) == (200, demo["lecture_id"], "open")
        assert server.call("POST", f"/api/v1/screens/{screen}/watch", device[:-1] + "_")[0] == 401


def test_secrets_outlive_restarts_and_an_ended_lecture_gets_a_successor(server: Server) -> None:
    first = server.start()
    assert server.stop() < 5.0
    second = server.start()
    changing = {"pid", "whep_token", "screens"}  # signed tokens are made anew; the old ones still hold
    assert {key: first[key] for key in KEYS - changing} == {key: second[key] for key in KEYS - changing}
    for event in ("start", "end"):
        status, answer = server.call("POST", f"/api/v1/lectures/{first['lecture_id']}/{event}", first["api_token"])
        assert status == 200, answer
    server.kill()
    third = server.start()
    assert third["lecture_id"] != first["lecture_id"]
    assert third["classroom_urls"] == first["classroom_urls"]
    status, lectures = server.call("GET", "/api/v1/lectures", third["api_token"])
    assert [lecture["state"] for lecture in lectures["items"]] == ["open", "ended"]


async def test_sigterm_ends_within_five_seconds_and_tells_who_is_connected(server: Server) -> None:
    demo = await asyncio.to_thread(server.start)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        await _log_in(client, server, demo)
        polling = await _connect(client, server, demo["lecture_id"])
        idle = await client.get(f"{server.url}/healthz")
        assert idle.status == 200
        began = asyncio.get_running_loop().time()
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        told = await _read_until(client, polling, "restarting")
        assert '"window_seconds":5' in told
        code = await asyncio.to_thread(server.process.wait, 10)
        assert asyncio.get_running_loop().time() - began < 5.0
        assert code == 0


async def _log_in(client: aiohttp.ClientSession, server: Server, demo: dict[str, Any]) -> None:
    login = {"login": demo["console_user"], "password": demo["console_password"]}
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with client.post(f"{server.url}/api/v1/session", json=login, headers=headers) as response:
        assert response.status == 201


async def _connect(client: aiohttp.ClientSession, server: Server, lecture_id: str) -> str:
    """Connect a console by long polling (Engine.IO 4); return the URL to poll."""
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    async with client.get(url) as response:
        session = json.loads((await response.text())[1:])["sid"]
    connect = "40/live," + json.dumps({"lecture_id": lecture_id})
    async with client.post(f"{url}&sid={session}", data=connect, headers={"Origin": server.url}) as response:
        assert (await response.text()).lower() == "ok"
    answer = await _read_until(client, f"{url}&sid={session}", "40/live,")
    assert "44/live" not in answer
    return f"{url}&sid={session}"


async def _read_until(client: aiohttp.ClientSession, url: str, word: str) -> str:
    async with asyncio.timeout(10):
        while True:
            async with client.get(url) as response:
                text = await response.text()
            assert response.status == 200, text
            if word in text:
                return text
            if text == "2":
                await client.post(url, data="3")


def test_a_studio_on_another_address_is_served_over_https(tmp_path: Path, server: Server) -> None:
    assert main(["cert", "--out", str(tmp_path / "tls"), "--host", SECOND_ADDRESS]) == 0
    server.scheme = "https"
    server.options = (*server.options, "--host", SECOND_ADDRESS)
    server.environment = {
        "JIANGTANG_TLS__CERT": str(tmp_path / "tls" / "server.pem"),
        "JIANGTANG_TLS__KEY": str(tmp_path / "tls" / "server.key"),
    }
    demo = server.start()
    assert demo["studio_url"].startswith(f"https://{SECOND_ADDRESS}:{server.port}/studio/")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
    with urllib.request.urlopen(demo["studio_url"], context=trusting, timeout=10) as response:
        assert response.status == 200
        assert "camera=(self)" in response.headers["Permissions-Policy"]
    assert server.stop() < 5.0


def test_no_secret_is_logged(server: Server) -> None:
    server.environment = {"JIANGTANG_LOG__LEVEL": "debug"}
    demo = server.start()
    login = {"login": demo["console_user"], "password": demo["console_password"]}
    _post(server, "/api/v1/session", login)
    server.call("GET", "/api/v1/lectures", demo["api_token"])
    server.call("POST", f"/whip/{demo['lecture_id']}", demo["whip_token"])
    server.stop()
    lines = [line for line in server.log.read_text("utf-8").splitlines() if line.startswith("{")]
    assert len(lines) > 5
    written = "\n".join(lines)
    secrets = [demo["console_password"], demo["api_token"], demo["whip_token"], demo["whep_token"]]
    assert [secret for secret in secrets if secret in written] == []


def _post(server: Server, path: str, body: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(f"{server.url}{path}", json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("Sec-Fetch-Site", "same-origin")
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, json.loads(response.read())
