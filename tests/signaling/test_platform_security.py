"""Other sites, forwarded headers, response headers, problem documents."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from signaling.api.errors import problems
from signaling.api.problems import Problem
from signaling.api.proxy import PROXIES, Proxies, client, origin
from signaling.api.security import add_headers, csrf

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
OURS = "http://lecture.test:8080"


def application(proxies: Proxies) -> web.Application:
    """Return an application that tells what it saw, and one route for each kind of mistake."""

    async def seen(request: web.Request) -> web.Response:
        who = client(request)
        return web.json_response({"remote": who.remote, "scheme": who.scheme, "origin": origin(request)})

    async def breaks(request: web.Request) -> web.Response:
        raise RuntimeError("jtk_abcdefgh12345678 must not reach anybody")

    async def refuses(request: web.Request) -> web.Response:
        raise Problem(409, "not_now", "later", state="open", headers={"Retry-After": "3"})

    app = web.Application(middlewares=[problems, csrf], client_max_size=1000)
    app[PROXIES] = proxies
    app.on_response_prepare.append(add_headers)
    for path in ("/api/v1/thing", "/whip/lecture", "/api/v1/other"):
        app.router.add_route("*", path, seen)
    app.add_routes([web.get("/api/v1/breaks", breaks), web.get("/api/v1/refuses", refuses)])
    return app


@pytest.fixture
async def site() -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(application(Proxies([])))) as made:
        yield made


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": OURS}, True),
        ({"Origin": "http://lecture.test:8081"}, False),
        ({"Origin": "https://lecture.test:8080"}, False),
        ({"Origin": "http://lecture.test:8080.evil.test"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
        ({"Authorization": "Bearer x", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Authorization": "Bearer x"}, True),
    ],
)
@pytest.mark.parametrize("method", UNSAFE)
async def test_unsafe_requests_come_from_our_pages_or_carry_a_bearer(
    site: TestClient[Any, Any], method: str, headers: dict[str, str], allowed: bool
) -> None:
    response = await site.request(method, "/api/v1/thing", headers={"Host": "lecture.test:8080"} | headers)
    assert response.status == (200 if allowed else 403)
    if not allowed:
        assert (await response.json())["code"] == "cross_site"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reading_is_free(site: TestClient[Any, Any], method: str) -> None:
    assert (await site.request(method, "/api/v1/thing", headers={"Sec-Fetch-Site": "cross-site"})).status == 200


@pytest.mark.parametrize("method", UNSAFE)
async def test_media_endpoints_are_open_to_other_sites(site: TestClient[Any, Any], method: str) -> None:
    assert (await site.request(method, "/whip/lecture", headers={"Sec-Fetch-Site": "cross-site"})).status == 200


async def test_the_public_url_is_the_origin_whatever_host_is_asked_for() -> None:
    app = application(Proxies([], "https://lecture.example.org/"))
    async with TestClient(TestServer(app)) as made:
        for host, own in itertools.product(["evil.test", "lecture.example.org"], [True, False]):
            sent = "https://lecture.example.org" if own else f"https://{host}.evil.test"
            response = await made.post("/api/v1/thing", headers={"Host": host, "Origin": sent})
            assert response.status == (200 if own else 403)
        response = await made.get("/api/v1/thing", headers={"Host": "evil.test"})
        assert (await response.json())["origin"] == "https://lecture.example.org"
        assert response.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "remote", "scheme"),
    [
        ([], {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}, "127.0.0.1", "http"),
        (["127.0.0.1"], {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}, "203.0.113.5", "https"),
        (["127.0.0.0/8", "10.0.0.0/8"], {"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 10.1.1.1"}, "203.0.113.5", "http"),
        (["127.0.0.1"], {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "gopher"}, "203.0.113.5", "http"),
        (["127.0.0.1"], {}, "127.0.0.1", "http"),
        (["10.0.0.0/8"], {"X-Forwarded-For": "203.0.113.5"}, "127.0.0.1", "http"),
    ],
)
async def test_forwarded_headers_are_believed_from_trusted_proxies_alone(
    trusted: list[str], forwarded: dict[str, str], remote: str, scheme: str
) -> None:
    async with TestClient(TestServer(application(Proxies(trusted)))) as made:
        seen = await (await made.get("/api/v1/thing", headers=forwarded)).json()
    assert (seen["remote"], seen["scheme"]) == (remote, scheme)


def test_an_address_mapped_into_ipv6_is_itself() -> None:
    proxies = Proxies(["10.0.0.0/8"])
    assert proxies.trusts("::ffff:10.1.2.3")
    assert not proxies.trusts("::ffff:11.1.2.3")
    assert not proxies.trusts("not an address")


async def test_every_answer_has_the_common_headers(site: TestClient[Any, Any]) -> None:
    for path in ("/api/v1/thing", "/api/v1/breaks", "/api/v1/absent", "/nothing"):
        response = await site.get(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Server"] == "jiangtang"
        assert "Strict-Transport-Security" not in response.headers


async def test_an_unexpected_error_is_500_with_a_log_id_and_tells_nothing(site: TestClient[Any, Any]) -> None:
    response = await site.get("/api/v1/breaks")
    document = await response.json()
    assert (response.status, document["code"]) == (500, "internal")
    assert re.fullmatch(r"[0-9a-f]{8}", document["log_id"])
    assert "jtk_" not in await response.text()


async def test_a_problem_is_a_document_of_rfc_9457(site: TestClient[Any, Any]) -> None:
    response = await site.get("/api/v1/refuses")
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "3"
    assert await response.json() == {
        "type": "urn:jiangtang:problem:not_now",
        "title": "later",
        "status": 409,
        "code": "not_now",
        "state": "open",
    }


async def test_errors_of_the_http_server_are_problems_too(site: TestClient[Any, Any]) -> None:
    absent = await site.get("/api/v1/absent")
    assert (absent.status, (await absent.json())["code"]) == (404, "not_found")
    wrong = await site.post("/api/v1/breaks", headers={"Sec-Fetch-Site": "same-origin"})
    assert (wrong.status, (await wrong.json())["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET,HEAD"
