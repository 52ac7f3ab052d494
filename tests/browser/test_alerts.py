"""A lecture in 29 minutes that nobody watches over: the console says so, a webhook hears of it, somebody answers, somebody is on duty."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.console import enter, go, look
from tests.support.server import PASSWORD, Server, started

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SECRET = "a-secret-of-both"
FACES = [("zh-CN", "light"), ("en", "dark")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    trial = {"JIANGTANG_ALERTS__ALLOW_PRIVATE": "true", "JIANGTANG_ALERTS__ROUND_SECONDS": "0.5"}
    with started(Server(tmp_path / "data", environment=trial)) as made:
        yield made


@contextmanager
def hook() -> Iterator[tuple[str, list[dict[str, Any]], threading.Event]]:
    """A receiver of webhooks: its address, what came, and an event when an alarm did."""
    got: list[dict[str, Any]] = []
    alarmed = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            if got[-1]["rule"] == "no_duty":
                alarmed.set()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiver.server_port}/hook", got, alarmed
    finally:
        receiver.shutdown()
        receiver.server_close()


class Lecturer:
    """Somebody who plans a lecture of their own, over HTTP."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        server.add_person("speaker", "主讲人", "lecturer")
        self.cookie = ""
        answer, _ = self.ask("POST", "/session", {"login": "speaker", "password": PASSWORD})
        self.cookie = str(answer["Set-Cookie"]).split(";")[0]

    def ask(self, method: str, path: str, body: Any, etag: str = "") -> tuple[Any, Any]:
        """Return headers and document of an answer."""
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), method=method)
        told = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        for name, value in (told | ({"If-Match": etag} if etag else {})).items():
            request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers, json.loads(answer.read())

    def plan(self) -> tuple[str, str]:
        """Plan a lecture for the day after tomorrow; return its id and ETag."""
        body = {"title": "远离毒品", "scheduled_at": begins(minutes=2 * 24 * 60), "audience": ["522301"]}
        headers, document = self.ask("POST", "/lectures", body)
        return document["id"], headers["ETag"]


def begins(minutes: int) -> str:
    """Return the time so many minutes from now."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="seconds")


@pytest.mark.parametrize(("language", "theme"), FACES)
def test_an_alarm_is_told_answered_and_ended(server: Server, browser: Browser, language: str, theme: str) -> None:
    with hook() as (address, got, alarmed):
        lecturer = Lecturer(server)
        lecture, etag = lecturer.plan()
        page = enter(browser, server, language=language, color_scheme=theme)
        go(page, "channels")
        page.wait_for_selector("[data-testid=empty]")
        add_channel(page, address, lambda: look(page, "alerts-channel", language))
        page.click("[data-testid=channel-test]")
        page.wait_for_selector(
            ".el-message--success:has-text('测试')" if language == "zh-CN" else ".el-message--success:has-text('test')"
        )
        assert [one["event"] for one in got] == ["alert.test"]
        page.wait_for_selector("[data-testid=channels] td .mark >> nth=1")
        look(page, "alerts-channels", language)

        lecturer.ask("PATCH", f"/lectures/{lecture}", {"scheduled_at": begins(minutes=29)}, etag)
        assert alarmed.wait(60)
        go(page, "alerts?rule=no_duty")
        page.wait_for_selector("[data-testid=alerts] tbody tr")
        page.wait_for_selector("[data-testid=bell] .number")
        look(page, "alerts-alerts", language)
        go(page, "")
        page.wait_for_selector(f"[data-testid=open-alerts] a[href*='{lecture}']")
        look(page, "alerts-overview", language)
        page.click("[data-testid=all-alerts]")
        go(page, "alerts?rule=no_duty")
        page.wait_for_selector("[data-testid=alerts] tbody tr")
        page.click("[data-testid=acknowledge] >> nth=0")
        page.fill(".el-message-box__input input", "我来" if language == "zh-CN" else "mine")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-testid=alerts] tbody .mark.warn")

        page.click("[data-testid=alerts] tbody a.link >> nth=0")
        page.wait_for_selector("[data-testid=nobody]")
        page.wait_for_selector("[data-testid=calls] tbody tr")
        look(page, "alerts-duty", language)
        page.click("[data-testid=duty-pick]")
        page.wait_for_selector(".el-select-dropdown__item:visible")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.click("[data-testid=duty-save]")
        page.wait_for_selector("[data-testid=nobody]", state="detached")

        go(page, "alerts?state=all&rule=no_duty")
        page.wait_for_selector("[data-testid=alerts] tbody tr >> nth=0")
        ended = "id => fetch(`/api/v1/alerts?rule=no_duty&lecture=${id}`).then(a => a.json()).then(a => a.total === 0)"
        page.wait_for_function(ended, arg=lecture, timeout=30_000, polling=500)
        page.reload()
        page.wait_for_selector("[data-testid=alerts] tbody .mark.good")
        page.click("[data-testid=alerts] tbody tr:has(.mark.good) .el-button.is-text")
        page.wait_for_selector("[data-testid=steps] li >> nth=2")
        look(page, "alerts-history", language)


def add_channel(page: Page, address: str, see: Any) -> None:
    """Add a webhook by the keyboard and the mouse."""
    page.click("[data-testid=channel-add]")
    page.click("[data-testid=channel-save]")
    page.wait_for_selector(".el-form-item__error")
    page.fill("[data-testid=channel-name] >> visible=true", "值班群")
    page.click("[data-testid=channel-kind]")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=channel-secret]")
    page.fill("[data-testid=channel-target]", address)
    page.fill("[data-testid=channel-secret]", SECRET)
    see()
    page.click("[data-testid=channel-save]")
    page.wait_for_selector("[data-testid=channels] tbody tr")
