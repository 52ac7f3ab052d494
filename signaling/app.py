"""The only composition root: every part of a node is made and joined here, started in order, stopped in order.

    start: database, migrations, regions -> media port -> live broadcasts -> library -> ledger -> attendance -> realtime -> HTTP
    stop:  no new connections -> screens told when to come back -> facts written -> recordings and media closed -> database

1. **A part gets what it needs as an argument**; nothing reaches for a global.
2. **The media loop never awaits a database**: media events are handed to the live service, which queues them.
3. A part that fails to stop is logged and does not keep the others from stopping.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import date, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from broadcaster.plane import MediaPlane
from config.regions import load_regions
from recorder.errors import ObjectStoreError
from recorder.recorder import Recorder
from recorder.vault import Vault
from signaling.alerts.parts import AlertParts
from signaling.api import openapi, proxy
from signaling.api.errors import problems
from signaling.api.pages import Pages
from signaling.api.parsing import reply
from signaling.api.security import add_headers, csrf
from signaling.attendance.arrivals_service import ArrivalsService
from signaling.attendance.service import AttendanceService
from signaling.attendance.sheets_service import SheetsService
from signaling.auth.agencies import Agencies
from signaling.auth.audit_service import AuditService
from signaling.auth.people_service import PeopleService
from signaling.auth.service import AuthService
from signaling.auth.tokens import WatchTokens
from signaling.cluster.single import SingleNode
from signaling.corrections.parts import CorrectionParts
from signaling.coverage.parts import CoverageParts
from signaling.coverage.settled_results import SettledResults
from signaling.db.base import utc_now
from signaling.db.migrate import upgrade
from signaling.db.opening import open_database
from signaling.directory.import_jobs import ImportJobs
from signaling.directory.import_jobs_service import ImportJobsService
from signaling.directory.import_service import ImportService
from signaling.directory.schools_service import SchoolsService
from signaling.directory.service import DirectoryService
from signaling.directory.tables_service import TablesService
from signaling.directory.teachers_service import TeachersService
from signaling.directory.terms_service import TermsService
from signaling.folder import data_folder
from signaling.home.parts import HomeParts
from signaling.joints import join, measure
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.parts import LectureParts
from signaling.lectures.plan_service import PlanService
from signaling.lectures.service import LectureService
from signaling.ledger.roots_service import RootsService
from signaling.ledger.service import LedgerService
from signaling.ledger.watchman import Watchman
from signaling.library.admission import Admission
from signaling.library.delivery import Deliveries
from signaling.library.finished import FinishedRecordings
from signaling.library.hls import Hls
from signaling.library.keeping import Keeping
from signaling.library.receipts import Receipts
from signaling.library.replaying import Replaying
from signaling.library.service import LibraryService
from signaling.library.space import Space
from signaling.lines.service import LinesService
from signaling.listen import StartError
from signaling.live.http import charge
from signaling.live.rehearsal_api import RehearsalDocuments
from signaling.live.rehearsal_service import RehearsalService
from signaling.live.rehearsals import is_rehearsal
from signaling.live.service import LiveService
from signaling.live.states import State
from signaling.operations.health import Health
from signaling.operations.loop_lag import LoopLag
from signaling.operations.metrics import Metrics
from signaling.presence.book import Book
from signaling.presence.deliveries import Overseer
from signaling.presence.service import PresenceService
from signaling.realtime.server import Realtime
from signaling.routes import routes
from signaling.screens.gate import ScreenGate
from signaling.screens.proofs import Proofs
from signaling.screens.service import ScreensService
from signaling.screens.sightings_service import SightingsService
from signaling.wall.keeper import Wall

if TYPE_CHECKING:
    from config.settings import Settings
    from signaling.auth.identity import Principal
    from signaling.cluster.base import Cluster

log = structlog.get_logger("node")


class Node:
    """One running server: `start`, then serve `web_app`, then `stop`."""

    def __init__(self, settings: Settings, pages: Pages | None = None) -> None:
        folder = data_folder(settings)
        tokens = WatchTokens.in_folder(folder)
        self.settings = settings
        self.boot_id = secrets.token_hex(8)
        self.db = open_database(settings)
        self.cluster: Cluster = SingleNode(settings.server.node)
        self._make_people(tokens)
        self._make_directory(folder)
        self._make_screens(tokens)
        self._make_timetable(tokens)
        self._make_live(tokens)
        self._make_library(folder, tokens)
        self.ledger = self._make_ledger(folder)
        self.roots = RootsService(self.db)
        self.watchman = Watchman(self.roots, settings.ledger.verify_hours, self.live.is_on_air)
        self._make_presence(tokens)
        self.arrivals = ArrivalsService(self.ledger)
        self.attendance = self._make_attendance()
        self.sheets = SheetsService(self.db, self.ledger, settings.attendance)
        self.wall = self._make_wall()
        self.coverage = self._make_coverage(tokens)
        self.home = self._make_home(tokens)
        self.corrections = CorrectionParts(
            self.db, settings, self.attendance.reports, self.ledger, self.terms, self.today
        )
        self.alerts = AlertParts(self.db, settings, self.today, tokens.derived_key("channels"))
        self.realtime = self._make_realtime()
        self.pages = pages or Pages()
        self.lag = LoopLag()
        self.metrics = Metrics(self.lag)
        join(self)
        measure(self)
        self.web_app = self._web_app()
        self._connections_ended = False

    # -- the parts, room by room; each may use those above it

    def _make_people(self, tokens: WatchTokens) -> None:
        self.auth = AuthService(
            self.db,
            self.settings.auth,
            agencies=Agencies.of_file(self.settings.server.agencies_file),
            key=tokens.derived_key("one-time codes"),
        )
        self.audit = AuditService(self.db)
        self.people = PeopleService(self.db, self.auth.agencies)

    def _make_directory(self, folder: Path) -> None:
        settings = self.settings
        self.directory = DirectoryService(self.db)
        self.schools = SchoolsService(self.db, self.today)
        self.terms = TermsService(self.db, settings.terms)
        self.teachers = TeachersService(self.db, self.today)
        self.tables = TablesService(self.db)
        self.importing = ImportService(self.db)
        self.import_table = ImportJobsService(self.db)
        self.imports = ImportJobs(self.import_table, settings.imports, folder, self.today, settings.server.node)

    def _make_screens(self, tokens: WatchTokens) -> None:
        settings = self.settings
        self.screens = ScreensService(self.db, settings.screens, tokens.derived_key("stickers"))
        self.lines = LinesService(self.db, settings.line_tests.kept_per_screen, settings.screens.tested_days)
        self.sightings = SightingsService(self.db, settings.screens.seen_remembered)

    def _make_timetable(self, tokens: WatchTokens) -> None:
        self.lectures = LectureService(self.db, self.today)
        self.plans = PlanService(self.db, self.today)
        self.parts = LectureParts(self.db, self.settings, tokens.derived_key("calendars"))
        self.access = Access(self.auth, self.lectures)

    def _make_live(self, tokens: WatchTokens) -> None:
        settings = self.settings
        self.plane = MediaPlane(settings, on_event=lambda event: self.live.on_media_event(event))
        self.live = LiveService(
            self.db,
            self.plane,
            settings,
            lectures=self.lectures,
            tokens=tokens,
            boot_id=self.boot_id,
        )
        self.gate = self._make_gate(tokens)
        self.documents = LectureDocuments(self.lectures, self.live.facts, self.boot_id)
        self.rehearsals = RehearsalService(self.db, self.live, self.lectures, settings.live)
        self.rehearsal_documents = RehearsalDocuments(self.live, self.rehearsals, self.documents.of)

    def _make_library(self, folder: Path, tokens: WatchTokens) -> None:
        settings = self.settings
        self.recorder = Recorder(
            folder / "recordings",
            settings.recorder,
            settings.hls,
            on_event=lambda event: self.library.recording_changed(event),
        )
        self.library = LibraryService(self.db, self.recorder, self.plane.room, self.lectures)
        self.vault = _vault(settings, folder)
        self.keeping = Keeping(self.vault, settings.retention, self.library.list, self.library.removed)
        self.space = Space(settings.recorder.admission_hours, self.recorder.capacity, self.library.running)
        self.deliveries = Deliveries()
        self.replaying = Replaying()
        self.finished = FinishedRecordings(self.vault)
        self.hls = self._make_hls(tokens)

    def _make_coverage(self, tokens: WatchTokens) -> CoverageParts:
        results = SettledResults(self.attendance.decisions, self.attendance.reports.policies.covers)
        return CoverageParts(self.db, self.settings, results, tokens.derived_key("coverage"), self.today)

    def _make_home(self, tokens: WatchTokens) -> HomeParts:
        reports = self.attendance.reports
        return HomeParts(
            self.db,
            self.settings.home,
            tokens.derived_key("homes"),
            self.today,
            self.library.shelf,
            self.live.watching.token,
            reports.on_air,
            self.coverage.rules.home_ratio,
            reports.replay_time(),
        )

    def _make_realtime(self) -> Realtime:
        return Realtime(
            self.settings,
            self.live,
            identify=self.auth.principal,
            may_read=self._may_read,
            document=self._document,
            origin=proxy.origin,
        )

    def today(self) -> date:
        """Return the local day of the schools."""
        return (utc_now() + timedelta(hours=self.settings.attendance.report_utc_offset_hours)).date()

    def _make_gate(self, tokens: WatchTokens) -> ScreenGate:
        def count(credential: str) -> None:
            charge(self.live.requests, credential, self.live.clock())

        limits = self.settings.screens
        proofs = Proofs(tokens.derived_key("proofs of screens"), limits.nonce_seconds, limits.proofs_remembered)
        return ScreenGate(self.directory, proofs, count)

    def _make_hls(self, tokens: WatchTokens) -> Hls:
        return Hls(
            Admission(self.live.watching.claims, self.library.shelf, self.library.stream, self._is_cut),
            self.library.stream,
            self.finished,
            Receipts.of(tokens, self.settings.hls.receipt_seconds),
            self.deliveries,
            self.replaying,
        )

    def _make_attendance(self) -> AttendanceService:
        return AttendanceService(
            self.db,
            self.settings.attendance,
            self.ledger,
            boot=self.boot_id,
            room=self.overseer.room(self.plane.room),
            hls=self.overseer.hls(self.deliveries.take),
            replays=self.replaying.take,
        )

    def _make_ledger(self, folder: Path) -> LedgerService:
        settings = self.settings
        zone = timezone(timedelta(hours=settings.attendance.report_utc_offset_hours))
        return LedgerService(
            self.db, settings.ledger, node=settings.server.node, boot=self.boot_id, data_dir=folder, zone=zone
        )

    def _make_presence(self, tokens: WatchTokens) -> None:
        self.presence = PresenceService(
            self.settings.presence,
            Book(self.ledger),
            self.live.broadcasts,
            self.lectures,
            self.live.viewers,
            lambda lecture_id: self.attendance.reports.policies.credit(lecture_id),
            key=tokens.derived_key("presence"),
            boot_id=self.boot_id,
        )
        self.overseer = Overseer(self.presence.reporting.deliver, utc_now)

    def _make_wall(self) -> Wall:
        return Wall(
            self.live,
            self.presence,
            self.attendance.reports.reached,
            self.directory.scope,
            share=self.attendance.reports.render_share(),
            seconds=self.settings.realtime.board_push_seconds,
            wall=utc_now,
        )

    async def _may_read(self, principal: Principal, lecture_id: str) -> bool:
        rehearsal = await self.rehearsals.find(lecture_id)
        if rehearsal is not None:
            return await self.access.may_watch_rehearsal(principal, rehearsal.lecture_id)
        return await self.access.may_read(principal, lecture_id)

    async def _document(self, lecture_id: str) -> dict[str, Any]:
        return await (self.rehearsal_documents if is_rehearsal(lecture_id) else self.documents).of(lecture_id)

    def _is_cut(self, lecture_id: str) -> bool:
        return self.live.state(lecture_id) is State.CUT

    async def start(self) -> None:
        """Start every part; raises `StartError`, `SchemaError` or `RegionFileError` when one cannot."""
        self.lag.start()
        await upgrade(self.db)
        await self.directory.load_regions(load_regions(self.settings.server.regions_file))
        await self.terms.seed(self.today())
        try:
            await self.plane.start()
        except OSError as error:
            raise StartError(f"UDP port {self.settings.media.port} cannot be opened for media: {error}") from None
        await self.live.start()
        await self.rehearsals.start()
        for screen_id, at in await self.screens.revoked_since(utc_now() - timedelta(days=1)):
            self.live.bar_screen(screen_id, at)
        await self.library.start()
        await self.vault.start()
        self.keeping.start(timedelta(hours=self.settings.attendance.report_utc_offset_hours))
        await self.ledger.start()
        self.watchman.start()
        await self.attendance.start()
        self.corrections.start()
        await self.home.keeper.start()
        await self.presence.start()
        await self.realtime.start()
        self.wall.start()
        self.alerts.start()
        await self.imports.start()

    async def stop(self) -> None:
        """Stop every part; may be called after a start that failed."""
        self.lag.stop()
        await self._end_connections()
        self.auth.close()
        await _each(self.cluster.close, self.db.close)

    async def _end_connections(self, app: web.Application | None = None) -> None:
        """End what holds connections and files; runs when the listening socket is closed, before connections are awaited."""
        if self._connections_ended:
            return
        self._connections_ended = True
        await _each(
            self.alerts.stop,
            self.imports.stop,
            self.wall.stop,
            self.realtime.stop,
            self.rehearsals.stop,
            self.live.stop,
            self.presence.stop,
            self.corrections.stop,
            self.home.keeper.stop,
            self.attendance.stop,
            self.watchman.stop,
            self.ledger.stop,
            self.plane.stop,
            self.keeping.stop,
            self.vault.stop,
            self.library.stop,
        )

    def _web_app(self) -> web.Application:
        app = web.Application(middlewares=[problems, csrf], client_max_size=self.settings.http.max_body_bytes)
        app[proxy.PROXIES] = proxy.Proxies(self.settings.http.trusted_proxies, self.settings.http.public_url)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._end_connections)
        app.add_routes(routes(self))
        self.realtime.attach(app)
        app.add_routes(self._health().routes())
        app.add_routes([web.get("/metrics", self.metrics.handle), web.get("/api/v1/openapi.json", self._openapi)])
        app.add_routes(self.pages.routes())
        return app

    def _health(self) -> Health:
        about = {
            "version": version("jiangtang"),
            "node": self.settings.server.node,
            "boot_id": self.boot_id,
            "fanout": self.plane.twin,
        }
        checks = {
            "database": self._database,
            "ledger": self.ledger.trouble,
            "media": self._media,
            "pages": self._built_pages,
        }
        return Health(about, checks, {"ledger": lambda: self.ledger.ledger.state})

    async def _database(self) -> str:
        try:
            async with self.db.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            return type(error).__name__
        return ""

    async def _media(self) -> str:
        return "" if self.plane.media_port else "port is not open"

    async def _built_pages(self) -> str:
        return "" if self.pages.built else "not built"

    async def _openapi(self, request: web.Request) -> web.Response:
        """Return this document."""
        return reply(openapi.document(request.app.router.routes(), version("jiangtang")))


def _vault(settings: Settings, folder: Path) -> Vault:
    try:
        return Vault(folder / "recordings", settings.store)
    except ObjectStoreError as error:
        raise StartError(str(error)) from None


async def _each(*steps: Callable[[], Awaitable[None]]) -> None:
    """Take every step; one that raises is logged."""
    for step in steps:
        try:
            await step()
        except Exception:
            log.exception("x a part did not stop cleanly", part=getattr(step, "__qualname__", repr(step)))
