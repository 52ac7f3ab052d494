"""The HLS routes over real HTTP with a real recorder's news, without a database, a media plane or a clock that runs."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from config.settings import StoreSettings, load
from recorder.finish import finish
from recorder.live import LiveStream
from recorder.news import News
from recorder.timeline import Timeline
from recorder.vault import Vault
from signaling.api.errors import problems
from signaling.api.problems import Problem
from signaling.api.proxy import PROXIES, Proxies
from signaling.api.security import add_headers, csrf
from signaling.auth.tokens import BadToken, WatchClaims, WatchTokens
from signaling.db.base import uuid7
from signaling.library import hls
from signaling.library.admission import Admission
from signaling.library.delivery import Deliveries
from signaling.library.finished import FinishedRecordings
from signaling.library.receipts import Receipts
from signaling.library.replaying import Replaying
from signaling.library.shelf import Item, Shelf
from tests.support.media import Clip, clip
from tests.support.taping import Deck, stream

NOW = 1_800_000_000.0


@functools.cache
def footage(seconds: float, first: int) -> Clip:
    """Return a clip, encoded once."""
    return clip(seconds, first=first)


@dataclass
class HlsStage:
    """One lecture with one recording. Set `running` and `cut` as the library and the broadcast would."""

    root: Path
    waiting_requests: int = 4000
    store: StoreSettings | None = None
    lecture_id: str = field(default_factory=uuid7)
    cut: bool = False
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.settings = load(overrides={"hls": {"waiting_requests": self.waiting_requests}})
        vault = Vault(self.root, self.store or self.settings.store)
        self.deck = Deck(self.root)
        self.recording_id = self.deck.folder.recording_id
        self.tokens = WatchTokens(bytes(range(32)))
        self.shelf = Shelf()
        self.running: LiveStream | None = LiveStream(
            self.deck.folder, Timeline(), self.settings.hls, self.settings.recorder.part_seconds
        )
        self.receipts = Receipts.of(self.tokens, self.settings.hls.receipt_seconds)
        self.deliveries = Deliveries()
        self.replaying = Replaying()
        admission = Admission(self._claims, self.shelf, self._stream, lambda _: self.cut, lambda: self.now)
        self.hls = hls.Hls(
            admission,
            self._stream,
            FinishedRecordings(vault),
            self.receipts,
            self.deliveries,
            self.replaying,
            wall=lambda: NOW,
            clock=lambda: self.now,
        )
        self.state("recording")

    def _stream(self, recording_id: str) -> LiveStream | None:
        return self.running if recording_id == self.recording_id else None

    def _claims(self, token: str) -> WatchClaims:
        try:
            return self.tokens.check(token, now=NOW)
        except BadToken as error:
            raise Problem(401, "bad_watch_token", str(error)) from None

    def state(self, state: str, *, approved: bool = False) -> None:
        """Put the recording on the shelf."""
        self.shelf.put(Item(self.recording_id, self.lecture_id, state, approved, "broadcast"))

    def play(self, seconds: float, first: int = 0) -> None:
        """Let the lecturer speak, and give the news to the stream."""
        self.deck.news += self.record(seconds, first)
        self.tell()

    def tell(self) -> None:
        """Give the stream what the recorder tells."""
        news, self.deck.news[:] = list(self.deck.news), []
        for item in news:
            if self.running is not None:
                self.running.take(item)

    def end(self, *, approved: bool = False) -> None:
        """End the lecture and finish its recording; the farewell is over."""
        self.deck.end()
        self.tell()
        finish(self.deck.folder)
        self.running = None
        self.state("ready", approved=approved)

    def token(self, subject: str = "screen-1", lecture_id: str = "", seconds: float = 60) -> str:
        """Return a watch token."""
        return self.tokens.issue(subject, lecture_id or self.lecture_id, now=NOW, seconds=seconds)

    def bearer(self, subject: str = "screen-1") -> dict[str, str]:
        """Return the header of a token for this lecture."""
        return {"Authorization": f"Bearer {self.token(subject)}"}

    def url(self, name: str) -> str:
        """Return the address of a piece of the recording."""
        return f"/hls/{self.lecture_id}/{self.recording_id}/{name}"

    def record(self, seconds: float, first: int = 0) -> list[News]:
        """Let the lecturer speak, and return the news instead of giving them to the stream."""
        self.deck.open()
        start = self.deck.now
        self.deck.play(stream(footage(seconds, first), start=start), until=start + seconds + 1)
        news, self.deck.news[:] = list(self.deck.news), []
        return news

    @property
    def app(self) -> web.Application:
        """The routes in an application like the server's."""
        app = web.Application(middlewares=[problems, csrf])
        app[PROXIES] = Proxies(())
        app.on_response_prepare.append(add_headers)
        app.add_routes(hls.routes(self.hls))
        return app

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        """Serve the routes on a free port and yield a client without a cookie jar."""
        async with TestClient(TestServer(self.app), cookie_jar=DummyCookieJar()) as client:
            yield client
