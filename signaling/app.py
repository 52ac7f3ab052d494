"""The only composition root: every part of a node is made and joined here, started in order, stopped in reverse.

    start: database, migrations, regions -> media port -> recorder -> live broadcasts -> attendance -> realtime -> HTTP
    stop:  no new connections -> screens told when to come back -> facts written -> media closed -> database

1. **A part gets what it needs as an argument**; nothing reaches for a global.
2. **The media loop never awaits a database**: media events are handed to the live service, which queues them.
"""

from __future__ import annotations

import secrets
from importlib.metadata import version
from pathlib import Path

from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from config.regions import load_regions
from config.settings import Settings
from signaling.api import openapi
from signaling.api.errors import problems
from signaling.api.pages import Pages
from signaling.api.parsing import reply
from signaling.api.proxy import PROXIES, Proxies
from signaling.api.security import add_headers, csrf
from signaling.auth import api as auth_api
from signaling.auth.service import AuthService
from signaling.cluster.base import Cluster
from signaling.cluster.single import SingleNode
from signaling.db.engine import Database
from signaling.db.migrate import upgrade
from signaling.directory.service import DirectoryService
from signaling.lectures import api as lectures_api
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.service import LectureService
from signaling.operations.health import Health
from signaling.operations.loop_lag import LoopLag
from signaling.operations.metrics import Metrics

LARGEST_BODY = 256 * 1024


class Node:
    """One running server: `start`, then serve `web_app`, then `stop`."""

    def __init__(self, settings: Settings, pages: Pages | None = None) -> None:
        self.settings = settings
        self.boot_id = secrets.token_hex(8)
        self.db = Database.sqlite(data_folder(settings) / "jiangtang.sqlite3")
        self.cluster: Cluster = SingleNode(settings.server.node)
        self.auth = AuthService(self.db, settings.auth)
        self.directory = DirectoryService(self.db)
        self.lectures = LectureService(self.db)
        self.access = Access(self.auth, self.lectures)
        self.pages = pages or Pages()
        self.lag = LoopLag()
        self.metrics = Metrics(self.lag)
        self.documents = LectureDocuments(self.lectures, _off_air, self.boot_id)
        self.web_app = self._web_app()

    async def start(self) -> None:
        """Start every part; raises `StartError`, `SchemaError` or `RegionFileError` when one cannot."""
        self.lag.start()
        await upgrade(self.db)
        await self.directory.load_regions(load_regions(self.settings.server.regions_file))

    async def stop(self) -> None:
        """Stop every part; may be called after a start that failed."""
        self.lag.stop()
        self.auth.close()
        await self.cluster.close()
        await self.db.close()

    def _web_app(self) -> web.Application:
        app = web.Application(middlewares=[problems, csrf], client_max_size=LARGEST_BODY)
        app[PROXIES] = Proxies(self.settings.http.trusted_proxies, self.settings.http.public_url)
        app.on_response_prepare.append(add_headers)
        app.add_routes(auth_api.routes(self.auth, self.settings.auth.login_seconds))
        app.add_routes(lectures_api.routes(self.auth, self.access, self.documents))
        app.add_routes(self._health().routes())
        app.add_routes([web.get("/metrics", self.metrics.handle), web.get("/api/v1/openapi.json", self._openapi)])
        app.add_routes(self.pages.routes())
        return app

    def _health(self) -> Health:
        about = {"version": version("jiangtang"), "node": self.settings.server.node, "boot_id": self.boot_id}
        return Health(about, {"database": self._database_answers, "pages": self._pages_built})

    async def _database_answers(self) -> str:
        try:
            async with self.db.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            return type(error).__name__
        return ""

    async def _pages_built(self) -> str:
        return "" if self.pages.built else "not built"

    async def _openapi(self, request: web.Request) -> web.Response:
        """Return this document."""
        return reply(openapi.document(request.app.router.routes(), version("jiangtang")))


async def _off_air(lecture_id: str) -> dict[str, object]:
    return {"state": "scheduled", "viewers": 0, "publisher": None}


def data_folder(settings: Settings) -> Path:
    """Return the data folder, made when missing, readable by this user alone."""
    folder = settings.server.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
