"""Request bodies: anything that a client can send is answered 4xx, never 500."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.support.platform import SAME_ORIGIN, platform


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient[Any, Any]]:
    async with platform(tmp_path) as node, node.client() as made:
        yield made


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[" * 5000, 400, "malformed_json"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'{"login": "a"}', 422, "invalid"),
        (b'{"login": "a", "password": 1}', 422, "invalid"),
        (b'{"login": "", "password": "x"}', 422, "invalid"),
        (b'{"login": "a", "password": "x", "role": "prefecture_admin"}', 422, "invalid"),
        (b'{"login": "' + b"a" * 65 + b'", "password": "x"}', 422, "invalid"),
        (b'{"login": "a", "password": "' + b"x" * 300_000 + b'"}', 422, "invalid"),
        (b'{"login": "\\u0000", "password": "\\ud800"}', 400, "malformed_json"),
        (b'{"login": "a", "password": "' + b"x" * 1_100_000 + b'"}', 413, "too_large"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_reason(
    client: TestClient[Any, Any], raw: bytes, status: int, code: str
) -> None:
    headers = SAME_ORIGIN | {"Content-Type": "application/json"}
    response = await client.post("/api/v1/session", data=raw, headers=headers)
    assert (response.status, (await response.json())["code"]) == (status, code)


async def test_wrong_fields_are_named_and_values_are_not_repeated(client: TestClient[Any, Any]) -> None:
    response = await client.post("/api/v1/session", json={"login": "a", "passwort": "geheim"}, headers=SAME_ORIGIN)
    assert (await response.json())["errors"] == [
        {"field": "password", "reason": "missing"},
        {"field": "passwort", "reason": "extra_forbidden"},
    ]
    assert "geheim" not in await response.text()


async def test_a_form_is_not_json(client: TestClient[Any, Any]) -> None:
    response = await client.post("/api/v1/session", data={"login": "a", "password": "b"}, headers=SAME_ORIGIN)
    assert (response.status, (await response.json())["code"]) == (415, "not_json")
