"""Every route against its own description, asked by four roles: no server error, no answer that the document does not promise."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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


def brought(server: Server, token: str, school: str) -> str:
    """Bring a file of classes; return the id of the import."""
    data = f"学校标识码,班级名称,班级人数\n{school},一年级（9）班,40\n{school},火箭班,40\n".encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    asked = urllib.parse.urlencode({"kind": "classes", "name": "班级.csv"})
    request = urllib.request.Request(f"{server.url}/api/v1/imports?{asked}", data, headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["id"])


def furnished(server: Server, token: str, school: str) -> dict[str, list[str]]:
    """Make one of each of what a new server has none of, and return where it is. Nobody who asks is among the people."""

    def made(path: str, body: Any) -> str:
        status, document = server.call("POST", f"/api/v1{path}", token, body)
        assert status == 201, document
        return str(document["id"])

    server.add_person("somebody", "某人", "auditor")
    people = server.call("GET", "/api/v1/people?q=somebody", token)[1]["items"]
    lecturer = server.call("GET", "/api/v1/lecturers", token)[1]["items"][0]["id"]
    begins = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    plan = {"title": "另一讲", "scheduled_at": begins, "audience": [school], "lecturer_id": lecturer}
    lecture = made("/lectures", plan)
    return {
        "teacher_id": [made(f"/schools/{school}/teachers", {"staff_no": "1", "name": "教师甲", "subject": "语文"})],
        "expert_id": [made("/experts", {"name": "讲师甲", "topics": ["毒品认识"], "stages": ["21"]})],
        "person_id": [one["id"] for one in people],
        "rehearsal_id": [made(f"/lectures/{lecture}/rehearsal", None)],
        "import_id": [brought(server, token, school)],
    }


def known_ids(server: Server, token: str) -> dict[str, list[str]]:
    """Values of path parameters that reach something."""

    def items(path: str) -> list[Any]:
        return list(server.call("GET", f"/api/v1{path}", token)[1]["items"])

    schools = [one["code"] for one in items("/schools?size=3")]
    return furnished(server, token, schools[0]) | {
        "format": ["csv", "xlsx"],
        "template": ["schools.xlsx", "classes.xlsx", "teachers.xlsx"],
        "lecture_id": [one["id"] for one in items("/lectures")],
        "school_code": schools,
        "class_id": [one["id"] for one in items("/classes?size=3")],
        "screen_id": [one["id"] for one in items("/screens")],
        "channel_id": [one["id"] for one in items("/channels")],
        "alert_id": [one["id"] for one in items("/alerts?state=all")],
        "region": ["522301", "522300"],
        "term": ["2026-2027-1", "2026-2027-2"],
        "kind": ["quiz", "survey"],
        "day": ["2026-10-12", "2027-03-15"],
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
