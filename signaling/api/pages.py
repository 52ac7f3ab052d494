"""The pages: the files of the built web folder, read once at the start.

1. **Only what was read is served.** No request path ever becomes a file path, so there is nothing to traverse and nothing to guess.
2. Names in the asset folders carry a hash of their content: they may be kept for ever. Pages are asked for again, by their ETag.
3. Text is kept compressed too: a class screen behind a county's line loads a quarter of the bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

import web as web_package
from signaling.api.security import CLASS_PERMISSIONS, CONSOLE_PERMISSIONS, STUDIO_PERMISSIONS, page_headers

DIST = Path(web_package.__file__).parent / "dist"
ASSET_FOLDERS = ("assets", "class-assets")
PAGES = {
    "studio": STUDIO_PERMISSIONS,
    "class": CLASS_PERMISSIONS,
    "console": CONSOLE_PERMISSIONS,
    "pair": CLASS_PERMISSIONS,
    "test": CLASS_PERMISSIONS,
    "sign": CLASS_PERMISSIONS,
    "home": CLASS_PERMISSIONS,
}
IMMUTABLE = "public, max-age=31536000, immutable"
HOW_TO_BUILD = "The pages are not built. Run `make setup` (or `cd web && npm ci && npm run build`) and start again.\n"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
COMPRESSED = frozenset({".js", ".mjs", ".css", ".svg", ".html", ".json"})


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `compressed` is None when compressing it gains nothing."""

    body: bytes
    compressed: bytes | None
    content_type: str
    cache: str
    etag: str

    def response(self, request: web.Request, headers: CIMultiDict[str]) -> web.Response:
        """Return the answer to GET or HEAD."""
        headers.update({"Content-Type": self.content_type, "Cache-Control": self.cache, "ETag": f'"{self.etag}"'})
        headers["Vary"] = "Accept-Encoding"
        if any(tag.value in {self.etag, "*"} for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        if self.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=self.compressed, headers=headers)
        return web.Response(body=self.body, headers=headers)


class Pages:
    """Serves the built web folder."""

    def __init__(self, dist: Path = DIST) -> None:
        self._assets = _read(dist)

    @property
    def built(self) -> bool:
        """Whether every page is there."""
        return all(f"/{page}.html" in self._assets for page in PAGES)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of pages and assets."""
        routes = [
            web.get("/", self._index),
            web.get("/studio/{lecture_id}", self._page("studio")),
            web.get("/class/{screen_id}", self._page("class")),
            web.get("/pair", self._page("pair")),
            web.get("/t", self._page("test")),
            web.get("/in/{code:.*}", self._page("sign")),
            web.get("/home/{code:.*}", self._page("home")),
            web.get("/console", self._page("console")),
            web.get("/console/{rest:.*}", self._page("console")),
        ]
        folders = "|".join(ASSET_FOLDERS)
        routes.append(web.get(f"/{{folder:{folders}}}/{{name:.+}}", self._asset))
        single = [path for path in self._assets if path.count("/") == 1 and not path.endswith(".html")]
        return routes + [web.get(path, self._asset) for path in single]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther("/console")

    def _page(self, name: str) -> Handler:
        async def page(request: web.Request) -> web.StreamResponse:
            asset = self._assets.get(f"/{name}.html")
            if asset is None:
                return web.Response(status=503, text=HOW_TO_BUILD, headers={"Retry-After": "60"})
            return asset.response(request, page_headers(request, PAGES[name]))

        return page

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.path)
        if asset is None:
            return web.Response(status=404, text="not found\n")
        return asset.response(request, CIMultiDict())


def _read(dist: Path) -> dict[str, Asset]:
    """Return every file of the folder by its request path, source maps and hidden files left out."""
    files = (path for path in sorted(dist.rglob("*")) if path.is_file()) if dist.is_dir() else ()
    return {
        f"/{path.relative_to(dist).as_posix()}": _load(path, path.relative_to(dist).parts[0])
        for path in files
        if not path.name.startswith(".") and path.suffix != ".map"
    }


def _load(path: Path, folder: str) -> Asset:
    body = path.read_bytes()
    compressed = gzip.compress(body, mtime=0) if path.suffix in COMPRESSED else None
    return Asset(
        body,
        compressed if compressed is not None and len(compressed) < len(body) else None,
        _content_type(path),
        IMMUTABLE if folder in ASSET_FOLDERS else "no-cache",
        hashlib.sha256(body).hexdigest()[:20],
    )


def _content_type(path: Path) -> str:
    found = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found
