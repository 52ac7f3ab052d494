"""HTTPS from another machine with `jiangtang cert`, plain HTTP that says what to do, and a reverse proxy before the server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Error

from signaling.__main__ import main
from signaling.auth.cookies import HOST, LOGIN
from tests.support.chromium import STUDIO_ARGUMENTS, chromium, watch_errors
from tests.support.classroom import Classroom, Studio
from tests.support.ffmpeg_whip import running
from tests.support.obs import Obs
from tests.support.observer import looks
from tests.support.peer import Peer
from tests.support.remote import Remote, another_machine
from tests.support.reverse_proxy import reverse_proxy
from tests.support.server import Server, started

AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
STRANGER = "127.0.0.2"


@pytest.fixture
def remote() -> Iterator[Remote]:
    with another_machine() as made:
        yield made


def certificate(folder: Path, *hosts: str) -> Path:
    """Make a certificate as an administrator does; return its folder."""
    names = [word for host in hosts for word in ("--host", host)]
    assert main(["cert", "--out", str(folder / "tls"), *names]) == 0
    return folder / "tls"


def trust(authority: Path) -> str:
    """Return the argument that makes Chromium trust chains of this authority, and of no other."""
    key = x509.load_pem_x509_certificate(authority.read_bytes()).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(info).digest()).decode()}"


def before(address: str, port: int, scheme: str, tls: Path | None = None) -> dict[str, str]:
    """Return the settings of a server that is reached under an address."""
    settings = {"JIANGTANG_HTTP__PUBLIC_URL": f"{scheme}://{address}:{port}"}
    if tls is not None:
        settings |= {"JIANGTANG_TLS__CERT": str(tls / "server.pem"), "JIANGTANG_TLS__KEY": str(tls / "server.key")}
    return settings


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(180)
def test_a_studio_on_another_machine_publishes_over_https(remote: Remote, tmp_path: Path) -> None:
    tls = certificate(tmp_path, "127.0.0.1", remote.server)
    server = Server(tmp_path / "data", options=("--host", "0.0.0.0", "--media-host", remote.server), scheme="https")
    server.environment = before(remote.server, server.port, "https", tls)
    arguments = (*STUDIO_ARGUMENTS, AUTOPLAY)
    try:
        demo = server.start()
        assert demo["studio_url"].startswith(f"https://{remote.server}:{server.port}/studio/")
        with (
            chromium(*arguments, path=remote.browser(tmp_path)) as browser,
            pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"),
        ):
            browser.new_page().goto(demo["studio_url"])
        with chromium(*arguments, trust(tls / "ca.pem"), path=remote.browser(tmp_path)) as browser:
            studio = Studio(browser, demo["studio_url"])
            assert studio.page.evaluate("window.isSecureContext")
            studio.prepare()
            studio.start()
            room = Classroom(browser, demo["classroom_urls"][0])
            room.enter()
            room.until("live")
            room.until_seen(30)
            assert room.page.evaluate("window.isSecureContext")
            [cookie] = [cookie for cookie in studio.context.cookies() if cookie["name"] == HOST + LOGIN]
            assert cookie["secure"]
            assert cookie["httpOnly"]
            studio.end()
            room.until("ended")
            assert studio.errors + room.errors == []
    finally:
        server.close()


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(180)
def test_a_studio_over_plain_http_says_what_to_do_and_a_class_screen_works(remote: Remote, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", options=("--host", "0.0.0.0", "--media-host", remote.server))
    server.environment = before(remote.server, server.port, "http")
    try:
        demo = server.start()
        with chromium(*STUDIO_ARGUMENTS, AUTOPLAY, path=remote.browser(tmp_path)) as browser:
            page = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN").new_page()
            errors = watch_errors(page)
            page.goto(demo["studio_url"])
            assert not page.evaluate("window.isSecureContext")
            prepare, refusal = page.get_by_test_id("prepare"), page.get_by_test_id("refusal")
            prepare.or_(refusal).first.wait_for()
            if prepare.is_visible():
                prepare.click()
            refusal.wait_for()
            assert refusal.get_attribute("data-refusal") == "insecure"
            said = refusal.inner_text()
            for part in ("原因", "当前网址不是 https 开头", "下一步", "请改用 https 网址打开", "jiangtang cert"):
                assert part in said
            link = refusal.get_by_role("link").get_attribute("href")
            assert link is not None
            assert link.startswith(f"https://{remote.server}:{server.port}/studio/{demo['lecture_id']}")
            assert "#" not in link
            assert page.get_by_test_id("retry").count() == 0
            start = page.get_by_test_id("start")
            assert start.count() == 0 or start.is_disabled()
            assert errors == []

            room = Classroom(browser, demo["classroom_urls"][0], watch=False)
            room.enter()
            room.until("waiting")
            here = {**demo, "whip_url": f"http://127.0.0.1:{server.port}/whip/{demo['lecture_id']}"}
            with running(here, tmp_path, frames=1800):
                room.until("live")
                shown = looks(room.page, count=30)
            assert shown.size == (320, 180)
            assert shown.luma > 20
            assert room.errors == []
        assert server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}", demo["api_token"])[1]["state"] == "live"
    finally:
        server.close()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on plain HTTP that believes 127.0.0.1."""
    environment = {"JIANGTANG_HTTP__TRUSTED_PROXIES": '["127.0.0.1"]'}
    with started(Server(tmp_path_factory.mktemp("proxied") / "data", environment=environment)) as made:
        yield made


@asynccontextmanager
async def through(server: Server, folder: Path, address: str) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """Yield the URL of a proxy that connects from `address`, and a client that trusts its certificate."""
    tls = certificate(folder, "127.0.0.1")
    ending = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ending.load_cert_chain(tls / "server.pem", tls / "server.key")
    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(tls / "ca.pem")))
    async with (
        reverse_proxy(f"http://127.0.0.1:{server.port}", ending, address) as url,
        aiohttp.ClientSession(connector=trusting, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
    ):
        yield url, client


async def log_in(
    client: aiohttp.ClientSession, url: str, demo: dict[str, Any], **headers: str
) -> aiohttp.ClientResponse:
    login = {"login": demo["console_user"], "password": demo["console_password"]}
    async with client.post(f"{url}/api/v1/session", json=login, headers=headers) as response:
        await response.read()
        return response


@pytest.mark.server
async def test_behind_a_trusted_proxy_everything_is_https(proxied: Server, tmp_path: Path) -> None:
    demo = proxied.demo()
    assert demo is not None
    async with through(proxied, tmp_path, "127.0.0.1") as (url, client):
        answer = await log_in(client, url, demo, Origin=url)
        assert answer.status == 201
        assert answer.cookies[HOST + LOGIN]["secure"]
        wrong = await log_in(client, url, demo, Origin=url.replace("https:", "http:"))
        assert wrong.status == 403
        async with client.get(f"{url}/studio/{demo['lecture_id']}") as page:
            policy = page.headers["Content-Security-Policy"]
            assert "ws://" not in policy
        async with client.get(f"{url}/socket.io/?EIO=4&transport=polling", headers={"Origin": url}) as opened:
            assert opened.status == 200
            assert (await opened.text()).startswith("0{")


@pytest.mark.server
async def test_whip_and_whep_work_behind_a_proxy(proxied: Server, tmp_path: Path) -> None:
    demo = proxied.demo()
    assert demo is not None
    async with through(proxied, tmp_path, "127.0.0.1") as (url, client), Peer("watch") as viewer:
        obs = Obs(client, f"{url}/whip/{demo['lecture_id']}", demo["whip_token"])
        await obs.start()
        assert obs.resource.startswith(f"{url}/whip/session/")

        async def watch(offer: str) -> str:
            headers = {"Authorization": f"Bearer {demo['whep_token']}", "Content-Type": "application/sdp"}
            async with client.post(f"{url}/whep/{demo['lecture_id']}", data=offer, headers=headers) as response:
                assert response.status == 201
                assert response.headers["Location"].startswith("/whep/session/")
                assert response.headers["ETag"]
                return await response.text()

        await viewer.connect(watch)
        sending = asyncio.create_task(_frames(obs))
        await viewer.wait_for(lambda: len(viewer.rtp) > 50)
        sending.cancel()
        assert await obs.stop() == 200


async def _frames(obs: Obs) -> None:
    """A lecture with a keyframe a second."""
    obs.peer.lecture.gop = 30
    while True:
        obs.peer.send_frame()
        await asyncio.sleep(1 / 30)


@pytest.mark.server
async def test_forwarded_headers_of_an_untrusted_machine_are_ignored(proxied: Server, tmp_path: Path) -> None:
    demo = proxied.demo()
    assert demo is not None
    known = proxied.log.stat().st_size
    async with through(proxied, tmp_path, STRANGER) as (url, client):
        claimed = await log_in(client, url, demo, Origin=url)
        assert claimed.status == 403, "for the server this is plain HTTP: its origin is not https"
        plain = await log_in(client, url, demo, Origin=url.replace("https:", "http:"))
        assert plain.status == 201
        assert not plain.cookies[LOGIN]["secure"]
    lines = [json.loads(line) for line in proxied.log.read_bytes()[known:].splitlines() if line.startswith(b"{")]
    seen = {line["client"] for line in lines if line.get("path") == "/api/v1/session"}
    assert seen == {STRANGER}
