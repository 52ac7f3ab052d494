"""`/hls`: the lecture that runs, the rewind and the finished recording, as the bytes that were recorded.

1. **Nothing here asks the database**: tokens are signed, rights are on the shelf, media is in memory or in a file by a checked name.
2. An HLS request never holds up the media loop: it waits for a part without a thread, and reads files in one.
3. A cut answers 410 to everybody at once, those who wait too.
4. `/hls-auth` says the same of a request that a reverse proxy answers from its cache, with a receipt for its log. What households
   watch is counted by what leaves this server: their media is not to come from a cache (`UNCACHED`).
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import hdrs, web

from recorder.errors import HlsError, NotYet, ObjectStoreError
from recorder.live import LiveStream
from recorder.vault import RemoteObject
from signaling.api.problems import Problem, not_found
from signaling.auth.tokens import WatchClaims
from signaling.library import pieces, running, sending
from signaling.library.admission import Admission
from signaling.library.delivery import Deliveries, Place
from signaling.library.finished import BASE, FinishedRecordings, Programme
from signaling.library.pieces import Aside, Asked, Index, Init, PartName, Playlist, ReelFile, SegmentName
from signaling.library.receipts import HEADER, Receipts
from signaling.library.replaying import Replaying, Viewing, Watched, inside
from signaling.library.shelf import Item
from signaling.live.http import retry_after

log = structlog.get_logger("hls")
ORIGINAL_URI = "X-Original-URI"
UNCACHED = "X-Watch-Uncached"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Times = Sequence[tuple[int, int]]
"""When media was on the air: begin and end, excluded, in Unix milliseconds."""


def routes(hls: Hls) -> list[web.AbstractRouteDef]:
    """Return the routes; every name below `/hls` that means nothing is 404."""
    return [web.get("/hls-auth", hls.guarded(hls.auth)), web.get("/hls/{path:.*}", hls.guarded(hls.get))]


class Hls:
    """The handlers. `stream` returns the running stream of a recording, None when there is none any more."""

    def __init__(
        self,
        admission: Admission,
        stream: Callable[[str], LiveStream | None],
        finished: FinishedRecordings,
        receipts: Receipts,
        deliveries: Deliveries,
        replaying: Replaying,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admission = admission
        self._stream = stream
        self._finished = finished
        self._receipts = receipts
        self._deliveries = deliveries
        self._replaying = replaying
        self._wall = wall
        self._clock = clock
        self.at_home: Callable[[WatchClaims, Times], None] = lambda claims, times: None
        """Is told what a household was sent whole; the composition root sets it."""
        self._playlists = sending.Playlists()
        self._requests: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._pending = 0

    def metrics(self) -> dict[str, object]:
        """Return counters: requests by kind, refusals by status, requests under way (those that wait for a part included)."""
        return {
            "requests_total": self._requests,
            "refused_total": self._refused,
            "pending": self._pending,
            "replays_refused_total": self._replaying.refused,
        }

    def guarded(self, handler: Handler) -> Handler:
        """Turn errors of the stream into problems, and count."""

        @functools.wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            self._pending += 1
            try:
                return await handler(request)
            except HlsError as error:
                problem = running.problem_of(error)
            except Problem as raised:
                problem = raised
            except ObjectStoreError as error:
                log.warning("x object store", path=request.path, error=str(error))
                problem = Problem(503, "store_unreachable", "the object store does not answer", headers=retry_after(5))
            except OSError as error:
                log.warning("x media cannot be read", path=request.path, error=str(error))
                problem = not_found("media")
            finally:
                self._pending -= 1
            self._refused[str(problem.status)] += 1
            raise problem

        return handle

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer a playlist or a piece of media: 200, 206, or 400, 401, 403, 404, 410, 416, 429, 503."""
        asked = pieces.parse_path(request.rel_url.raw_path)
        if asked is None:
            raise not_found("media")
        self._requests[type(asked.piece).__name__.lower()] += 1
        claims = self._admission.bearer(request, asked.lecture_id)
        self._admission.charge(claims)
        item = self._find(claims, asked)
        response = await self._answer(request, claims, item, asked)
        if isinstance(asked.piece, Index | Playlist):
            response.headers[HEADER] = self._receipts.sign(claims.subject, claims.lecture_id, self._wall())
        return response

    async def auth(self, request: web.Request) -> web.Response:
        """Say whether the request in `X-Original-URI` may be answered: 204 with a receipt, or 401, 403.

        A proxy knows no other refusal (410 of a cut is 403 here), and may keep the answer for that token and that recording.
        """
        self._requests["auth"] += 1
        asked = pieces.parse_path(request.headers.get(ORIGINAL_URI, "").partition("?")[0])
        if asked is None:
            raise Problem(403, "not_found", "no such media")
        claims = self._admission.bearer(request, asked.lecture_id)
        try:
            self._find(claims, asked)
        except Problem as problem:
            raise Problem(403, problem.code, problem.title) from None
        headers = {
            HEADER: self._receipts.sign(claims.subject, claims.lecture_id, self._wall()),
            hdrs.CACHE_CONTROL: f"max-age={self._receipts.seconds}",
        }
        if claims.is_home:
            headers[UNCACHED] = "1"
        return web.Response(status=204, headers=headers)

    def _find(self, claims: WatchClaims, asked: Asked) -> Item:
        if asked.recording_id is None:
            return self._admission.newest(claims)
        return self._admission.recording(claims, asked.recording_id, live=pieces.is_live(asked.piece))

    async def _answer(self, request: web.Request, claims: WatchClaims, item: Item, asked: Asked) -> web.StreamResponse:
        stream = self._stream(item.recording_id)
        match asked.piece:
            case Index():
                return await self._index(
                    request, item, stream, f"{item.recording_id}/" if not asked.recording_id else ""
                )
            case Playlist("live" | "dvr" as kind):
                if stream is None:
                    raise self._over(item)
                return await self._live(request, claims, stream, kind)
            case Init() | SegmentName() | PartName() as piece if stream is not None:
                return self._told(claims, stream, piece, await running.media(stream, piece))
        return await self._from_files(request, claims, item, asked.piece)

    async def _index(
        self, request: web.Request, item: Item, stream: LiveStream | None, base: str
    ) -> web.StreamResponse:
        if stream is not None and not item.is_finished:
            rewind = request.query.get("rewind", "0") not in ("", "0")
            return self._playlists.answer(request, stream.index(rewind, base))
        programme = await self._programme(item)
        return self._playlists.answer(request, programme.index.replace(BASE, base).encode())

    async def _live(
        self, request: web.Request, claims: WatchClaims, stream: LiveStream, kind: str
    ) -> web.StreamResponse:
        msn, part = running.number(request, "_HLS_msn"), running.number(request, "_HLS_part")
        skip = request.query.get("_HLS_skip") in ("YES", "v2")
        text = await stream.playlist("dvr" if kind == "dvr" else "live", msn, part, skip)
        if msn is not None and claims.is_screen:  # only what was really given: an invented number is refused above
            between = stream.seconds_between if kind == "live" else _rewound
            self._deliveries.asked(claims.lecture_id, claims.subject, (msn, part or 0), self._clock(), between)
        return self._playlists.answer(request, text)

    def _told(
        self, claims: WatchClaims, stream: LiveStream, piece: Init | SegmentName | PartName, answer: sending.SentBytes
    ) -> web.Response:
        """Have it told when a household was sent a piece of the running stream whole."""
        if claims.is_home:
            when = running.when(stream, piece)
            answer.sent = None if when is None else lambda first, end: self.at_home(claims, [when])
        return answer

    async def _from_files(
        self, request: web.Request, claims: WatchClaims, item: Item, piece: pieces.Piece
    ) -> web.StreamResponse:
        """Answer from a finished recording."""
        programme, recording_id = await self._programme(item), item.recording_id
        match piece:
            case Playlist():
                return self._playlists.answer(request, programme.vod, sending.SHORT)
            case Init(reel) if reel in programme.inits:
                return await sending.media([programme.inits[reel]])
            case SegmentName(reel, msn) if span := self._finished.segment(recording_id, programme, reel, msn):
                return await sending.segment(span, self._sent(claims, item, programme, reel))
            case Init(reel):
                return await self._file(request, recording_id, f"{reel}.init.mp4", sending.MP4, sending.IMMUTABLE)
            case ReelFile(reel):
                sent = self._sent(claims, item, programme, reel)
                return await self._file(request, recording_id, f"{reel}.mp4", sending.MP4, sending.IMMUTABLE, sent)
            case Aside(name, media_type):
                return await self._file(request, recording_id, name, media_type, sending.SHORT)
        raise not_found("media")

    def _sent(self, claims: WatchClaims, item: Item, programme: Programme, reel: str) -> sending.Sent | None:
        """Return whom to tell what was sent of a reel; what others than screens and households watch is nobody's evidence."""
        stretches = programme.stretches.get(reel, ())
        if claims.is_home:
            return lambda first, end: self.at_home(claims, inside(stretches, first, end))
        if not claims.is_screen or not item.broadcast_id:
            return None
        watched = Watched(item.lecture_id, item.broadcast_id)
        viewing = Viewing(watched, claims.subject, stretches)
        return functools.partial(self._replaying.sent, viewing)

    async def _file(
        self,
        request: web.Request,
        recording_id: str,
        name: str,
        media_type: str,
        cache: str,
        sent: sending.Sent | None = None,
    ) -> web.StreamResponse:
        """Answer a file by ranges, from the disk or from the object store."""
        place = await self._finished.file(recording_id, name)
        if place is None:
            raise not_found("media")
        if isinstance(place, RemoteObject):
            return await sending.remote(request, place, media_type, cache, sent)
        return sending.file(place, media_type, cache, sent)

    async def _programme(self, item: Item) -> Programme:
        """Return what was finished; raise 503 `hls_not_yet` while it is being finished, 404 when there is nothing."""
        if not item.is_finished:
            raise self._over(item)
        programme = await self._finished.programme(item.recording_id)
        if programme is None:
            raise not_found("media")
        return programme

    def _over(self, item: Item) -> Problem:
        if item.state == "finalising" or item.is_running:
            return running.problem_of(NotYet("the recording is not ready"))
        return not_found("playlist")


def _rewound(earlier: Place, later: Place) -> float:
    """Who plays an earlier part of the lecture reads the same playlist; what is seen of it cannot be told from there."""
    return 0.0
