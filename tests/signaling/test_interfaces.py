"""The interfaces that other programs rely on, asked of a whole server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.server

DEMO_KEYS = {
    "base_url", "media_port", "pid", "lecture_id", "studio_url", "classroom_urls", "console_url", "console_user",
    "console_password", "api_token", "whip_url", "whip_token", "whep_url", "whep_token", "screens", "hls_url",
}  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Any]]]:
    server = Server(tmp_path_factory.mktemp("interfaces") / "data")
    try:
        yield server, server.start()
    finally:
        server.close()


def test_the_demo_file_has_exactly_its_keys_and_is_private(running: tuple[Server, dict[str, Any]]) -> None:
    server, demo = running
    assert set(demo) == DEMO_KEYS
    assert (server.data / "demo.json").stat().st_mode & 0o777 == 0o600
    assert [set(screen) for screen in demo["screens"]] == [{"school_code", "class_code", "whep_token"}] * 2
    assert demo["screens"][0]["school_code"] != demo["screens"][1]["school_code"]


def test_a_lecture_tells_state_viewers_and_publisher(running: tuple[Server, dict[str, Any]]) -> None:
    server, demo = running
    status, lecture = server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}", demo["api_token"])
    assert status == 200
    assert (lecture["state"], lecture["viewers"], lecture["publisher"]) == ("open", 0, None)
    assert lecture["autostart"] is True


def test_an_order_that_does_not_fit_is_refused_with_a_code(running: tuple[Server, dict[str, Any]]) -> None:
    server, demo = running
    status, problem = server.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/pause", demo["api_token"])
    assert (status, problem["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("path", ["/api/v1/lectures/{lecture_id}/exports/12.xlsx"], ids=["export 12"])
def test_what_is_not_offered_yet_says_so(running: tuple[Server, dict[str, Any]], path: str) -> None:
    server, demo = running
    status, problem = server.call("GET", path.format(**demo), demo["api_token"])
    assert (status, problem["code"]) == (501, "not_available")


def test_hls_wants_a_watch_token(running: tuple[Server, dict[str, Any]]) -> None:
    server, demo = running
    path = f"/hls/{demo['lecture_id']}/index.m3u8"
    status, problem = server.call("GET", path)
    assert (status, problem["code"]) == (401, "no_credential")
    status, problem = server.call("GET", path, demo["whep_token"])
    assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "11"])
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_exports_are_files(running: tuple[Server, dict[str, Any]], number: str, kind: str) -> None:
    server, demo = running
    path = f"/api/v1/lectures/{demo['lecture_id']}/exports/{number}.{kind}"
    status, raw = server.call("GET", path, demo["api_token"])
    assert status == 200
    assert raw.startswith(b"PK" if kind == "xlsx" else b"\xef\xbb\xbf")


def test_recordings_are_a_list(running: tuple[Server, dict[str, Any]]) -> None:
    server, demo = running
    query = f"/api/v1/recordings?lecture_id={demo['lecture_id']}"
    assert server.call("GET", query, demo["api_token"]) == (200, [])
    assert server.call("GET", query)[0] == 401


def test_the_api_describes_itself(running: tuple[Server, dict[str, Any]]) -> None:
    server, _ = running
    status, document = server.call("GET", "/api/v1/openapi.json")
    assert status == 200
    assert document["openapi"].startswith("3.1")
    for path in ("/api/v1/session", "/api/v1/lectures/{lecture_id}", "/api/v1/recordings"):
        assert path in document["paths"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_operations_are_answered(running: tuple[Server, dict[str, Any]], path: str) -> None:
    server, _ = running
    assert server.call("GET", path)[0] == 200


def test_secrets_outlive_a_restart(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    try:
        first = server.start()
        assert server.stop() < 5
        second = server.start()
    finally:
        server.close()
    assert {key for key in DEMO_KEYS if first[key] != second[key]} <= {"pid", "whep_token", "screens"}
    for name in ("lecture_id", "api_token", "whip_token", "console_password", "classroom_urls"):
        assert first[name] == second[name]
