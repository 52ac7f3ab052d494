"""The pages: by a map, with their headers, and one sentence when they are not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yarl
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from signaling.api.pages import IMMUTABLE, Pages
from signaling.api.proxy import PROXIES, Proxies
from signaling.api.security import add_headers


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "class-assets").mkdir()
    for page in ("studio", "class", "console", "pair", "test", "sign", "home"):
        (folder / f"{page}.html").write_text(f"<title>{page}</title>", "utf-8")
    (folder / "assets" / "app-1a2b3c.js").write_text("export {}", "utf-8")
    (folder / "assets" / "app-1a2b3c.js.map").write_text("{}", "utf-8")
    (folder / "class-assets" / "class-4d5e6f.css").write_text("body{}", "utf-8")
    (folder / "favicon.svg").write_text("<svg/>", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return folder


def application(pages: Pages) -> web.Application:
    app = web.Application()
    app[PROXIES] = Proxies([])
    app.on_response_prepare.append(add_headers)
    app.add_routes(pages.routes())
    return app


@pytest.fixture
async def site(dist: Path) -> AsyncIterator[TestClient[Any, Any]]:
    pages = Pages(dist)
    assert pages.built
    async with TestClient(TestServer(application(pages))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/studio/1", "studio"),
        ("/class/1", "class"),
        ("/console", "console"),
        ("/console/lectures/1", "console"),
        ("/in/x", "sign"),
        ("/home/jth_x", "home"),
    ],
)
async def test_each_path_has_its_page_under_a_policy(site: TestClient[Any, Any], path: str, page: str) -> None:
    response = await site.get(path)
    assert page in await response.text()
    policy = response.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", f"ws://{site.host}:{site.port}"):
        assert part in policy
    assert "'unsafe-inline'" not in policy.replace("style-src-attr 'unsafe-inline'", "")
    assert response.headers["Cache-Control"] == "no-cache"


async def test_a_class_screen_may_not_listen_and_a_studio_may(site: TestClient[Any, Any]) -> None:
    for path, word in (("/class/1", "()"), ("/console", "()"), ("/studio/1", "(self)")):
        permissions = (await site.get(path)).headers["Permissions-Policy"]
        assert f"camera={word}, microphone={word}" in permissions


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        ("/assets/app-1a2b3c.js", "text/javascript", IMMUTABLE),
        ("/class-assets/class-4d5e6f.css", "text/css", IMMUTABLE),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
    ],
)
async def test_assets_have_their_type_and_hashed_ones_are_kept(
    site: TestClient[Any, Any], path: str, kind: str, cache: str
) -> None:
    response = await site.get(path)
    assert (response.status, response.content_type, response.headers["Cache-Control"]) == (200, kind, cache)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets//etc/passwd",
        "/assets/app-1a2b3c.js.map",
        "/assets/",
        "/assets/absent.js",
        "/assets/app-1a2b3c.js%00.css",
        "/studio.html",
        "/.env",
    ],
)
async def test_what_is_not_in_the_map_does_not_exist(site: TestClient[Any, Any], path: str) -> None:
    response = await site.session.get(yarl.URL(f"http://{site.host}:{site.port}{path}", encoded=True))
    assert response.status == 404
    assert "secret" not in await response.text()


async def test_text_is_compressed_for_whoever_takes_it(site: TestClient[Any, Any], dist: Path) -> None:
    (dist / "assets" / "long-7f8a9b.js").write_text("export const word = 1;\n" * 500, "utf-8")
    async with TestClient(TestServer(application(Pages(dist)))) as client:
        sizes = {}
        for encoding in ("gzip, br", "identity"):
            response = await client.get("/assets/long-7f8a9b.js", headers={"Accept-Encoding": encoding})
            assert await response.text() == "export const word = 1;\n" * 500
            assert response.headers["Vary"] == "Accept-Encoding"
            sizes[encoding] = int(response.headers["Content-Length"])
        assert sizes["gzip, br"] < sizes["identity"] / 4


async def test_a_page_that_did_not_change_is_not_sent_again(site: TestClient[Any, Any]) -> None:
    first = await site.get("/console")
    again = await site.get("/console", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    other = await site.get("/console", headers={"If-None-Match": '"other"'})
    assert other.status == 200


async def test_the_root_leads_to_the_console(site: TestClient[Any, Any]) -> None:
    response = await site.get("/", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/console")


async def test_without_pages_one_sentence_says_how_to_build_them(tmp_path: Path) -> None:
    pages = Pages(tmp_path / "absent")
    assert not pages.built
    async with TestClient(TestServer(application(pages))) as client:
        response = await client.get("/console")
        assert response.status == 503
        assert "make setup" in await response.text()
