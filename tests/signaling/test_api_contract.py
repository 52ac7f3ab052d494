"""Every route against its own description, asked by four roles: no server error, no answer that the document does not promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import examine
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.timeout(1200)]

# More for a longer look: JIANGTANG_CONTRACT_EXAMPLES=100.
EXAMPLES = int(os.environ.get("JIANGTANG_CONTRACT_EXAMPLES", "4"))
PASSWORD = "correct horse 电池"
LEFT_OUT = frozenset({("DELETE", "/api/v1/session")})  # it ends the login that asks


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data")
    try:
        made.start()
        yield made
    finally:
        made.close()


def cookie_of(server: Server, login: str, password: str) -> str:
    """Log in and return the cookie."""
    body = json.dumps({"login": login, "password": password}).encode()
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    request = urllib.request.Request(f"{server.url}/api/v1/session", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Set-Cookie"]).split(";")[0]


def add_person(server: Server, login: str, role: str, node: str) -> None:
    command = [sys.executable, "-m", "signaling", "user", "add", login, "--name", login, "--role", role]
    options = ["--node", node, "--data", str(server.data)] if node else ["--data", str(server.data)]
    subprocess.run([*command, *options], input=f"{PASSWORD}\n", text=True, check=True, capture_output=True, timeout=60)


def known_ids(server: Server, token: str) -> dict[str, list[str]]:
    """Values of path parameters that reach something."""

    def items(path: str) -> list[Any]:
        return list(server.call("GET", f"/api/v1{path}", token)[1]["items"])

    return {
        "lecture_id": [one["id"] for one in items("/lectures")],
        "school_code": [one["code"] for one in items("/schools?size=3")],
        "class_id": [one["id"] for one in items("/classes?size=3")],
        "screen_id": [one["id"] for one in items("/screens")],
        "channel_id": [one["id"] for one in items("/channels")],
        "alert_id": [one["id"] for one in items("/alerts?state=all")],
        "region": ["522301", "522300"],
        "term": ["2026-2027-1", "2026-2027-2"],
        "file": ["01.csv", "03.xlsx"],
    }


@pytest.mark.parametrize(
    ("role", "node"),
    [("prefecture_admin", ""), ("county_admin", "522301"), ("school_admin", "{school}"), ("lecturer", "")],
)
def test_the_api_keeps_what_it_promises(
    server: Server, role: str, node: str, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = server.demo()
    assert demo is not None
    known = known_ids(server, demo["api_token"])
    add_person(server, "asker", role, node.format(school=known["school_code"][0]))
    name, _, value = cookie_of(server, "asker", PASSWORD).partition("=")
    found = examine(server.url, {name: value}, known, examples=EXAMPLES, leave_out=LEFT_OUT)
    with capsys.disabled():
        print(f"\n{role}: {found.requests} requests, answers {dict(sorted(found.statuses.items()))}")
    assert found.failures == []
    assert found.requests > 200
    assert not [status for status in found.statuses if status >= 500 and status not in {501, 503}]
