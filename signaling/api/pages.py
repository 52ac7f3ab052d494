"""The pages: files of the built web folder, by a map made at the start.

**Only what is in the map is served.** No request path ever becomes a file path, so there is nothing to traverse and nothing to
guess. Names in the asset folders carry a hash of their content: they may be kept for ever.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

import web as web_package
from signaling.api.security import CLASS_PERMISSIONS, CONSOLE_PERMISSIONS, STUDIO_PERMISSIONS, page_headers

DIST = Path(web_package.__file__).parent / "dist"
ASSET_FOLDERS = ("assets", "class-assets")
PAGES = {"studio": STUDIO_PERMISSIONS, "class": CLASS_PERMISSIONS, "console": CONSOLE_PERMISSIONS}
IMMUTABLE = "public, max-age=31536000, immutable"
HOW_TO_BUILD = "The pages are not built. Run `make setup` (or `cd web && npm ci && npm run build`) and start again.\n"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and what is said of it."""

    path: Path
    content_type: str
    cache: str


class Pages:
    """Serves the built web folder."""

    def __init__(self, dist: Path = DIST) -> None:
        self._dist = dist
        self._assets = _asset_map(dist)

    @property
    def built(self) -> bool:
        """Whether every page is there."""
        return all((self._dist / f"{page}.html").is_file() for page in PAGES)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of pages and assets."""
        routes = [
            web.get("/", self._index),
            web.get("/studio/{lecture_id}", self._page("studio")),
            web.get("/class/{screen_id}", self._page("class")),
            web.get("/console", self._page("console")),
            web.get("/console/{rest:.*}", self._page("console")),
        ]
        folders = "|".join(ASSET_FOLDERS)
        routes.append(web.get(f"/{{folder:{folders}}}/{{name:.+}}", self._asset))
        return routes + [web.get(path, self._asset) for path in self._assets if path.count("/") == 1]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther("/console")

    def _page(self, name: str) -> Handler:
        async def page(request: web.Request) -> web.StreamResponse:
            path = self._dist / f"{name}.html"
            if not path.is_file():
                return web.Response(status=503, text=HOW_TO_BUILD, headers={"Retry-After": "60"})
            return web.FileResponse(path, headers=page_headers(request, PAGES[name]))

        return page

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.path)
        if asset is None:
            return web.Response(status=404, text="not found\n")
        headers = CIMultiDict({"Content-Type": asset.content_type, "Cache-Control": asset.cache})
        return web.FileResponse(asset.path, headers=headers)


def _asset_map(dist: Path) -> Mapping[str, Asset]:
    found: dict[str, Asset] = {}
    if not dist.is_dir():
        return found
    for path in sorted(dist.rglob("*")):
        relative = path.relative_to(dist).as_posix()
        if path.is_file() and not path.name.startswith(".") and path.suffix not in {".html", ".map"}:
            hashed = relative.split("/")[0] in ASSET_FOLDERS
            found[f"/{relative}"] = Asset(path, _content_type(path), IMMUTABLE if hashed else "no-cache")
    return found


def _content_type(path: Path) -> str:
    return TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
