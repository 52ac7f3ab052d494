"""Every route against its own description, asked by four roles: no server error, no answer that the document does not promise."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import examine
from tests.support.server import PASSWORD, Server, started

pytestmark = [pytest.mark.server, pytest.mark.timeout(1200)]

# More for a longer look: JIANGTANG_CONTRACT_EXAMPLES=100.
EXAMPLES = int(os.environ.get("JIANGTANG_CONTRACT_EXAMPLES", "4"))
# Who may least asks first: what somebody ends is not there for the next.
ROLES = {"lecturer": "", "school_admin": "{school}", "county_admin": "522301", "prefecture_admin": ""}
LEFT_OUT = frozenset({("DELETE", "/api/v1/session")})  # it ends the login that asks


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with started(Server(tmp_path / "data")) as made:
        yield made


def cookie_of(server: Server, login: str, password: str) -> str:
    """Log in and return the cookie."""
    body = json.dumps({"login": login, "password": password}).encode()
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    request = urllib.request.Request(f"{server.url}/api/v1/session", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Set-Cookie"]).split(";")[0]


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


def test_the_api_keeps_what_it_promises(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    demo = server.demo()
    assert demo is not None
    known = known_ids(server, demo["api_token"])
    askers = {}
    for role, node in ROLES.items():
        login = f"asker.{role.partition('_')[0]}"
        options = ["--node", node.format(school=known["school_code"][0])] if node else []
        server.user("add", login, "--name", role, "--role", role, *options)
        name, _, value = cookie_of(server, login, PASSWORD).partition("=")
        askers[role] = {name: value}
    found = examine(server.url, askers, known, examples=EXAMPLES, leave_out=LEFT_OUT)
    with capsys.disabled():
        for role, statuses in found.statuses.items():
            print(f"\n{role}: {statuses.total()} requests, answers {dict(sorted(statuses.items()))}")
    assert not found.failures, "\n".join(found.failures)
    for statuses in found.statuses.values():
        assert statuses.total() > 200
