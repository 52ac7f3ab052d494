"""A platform without media for tests: real SQLite, real migrations, real HTTP; argon2id with small figures."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from config.regions import load_regions
from config.settings import Settings, load
from signaling import demo_data
from signaling.alerts.parts import AlertParts
from signaling.api.errors import problems
from signaling.api.proxy import PROXIES, Proxies
from signaling.api.security import add_headers, csrf
from signaling.auth import account_api, audit_api, people_api
from signaling.auth import api as auth_api
from signaling.auth.agencies import Agencies
from signaling.auth.audit_service import AuditService
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.passwords import Passwords
from signaling.auth.people_service import PeopleService
from signaling.auth.service import AuthService
from signaling.auth.tokens import WatchTokens
from signaling.coverage.parts import CoverageParts
from signaling.db.engine import Database
from signaling.directory import api as directory_api
from signaling.directory import classes_api, import_api, tables_api, teachers_api, terms_api
from signaling.directory.import_jobs import ImportJobs
from signaling.directory.import_jobs_service import ImportJobsService
from signaling.directory.import_service import ImportService
from signaling.directory.models import School, SchoolClass
from signaling.directory.schools_service import SchoolsService
from signaling.directory.service import DirectoryService
from signaling.directory.tables_service import TablesService
from signaling.directory.teachers_service import TeachersService
from signaling.directory.terms_service import TermsService
from signaling.home.parts import HomeParts
from signaling.lectures import aims_api, plan_api
from signaling.lectures import api as lectures_api
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.models import Lecture
from signaling.lectures.parts import LectureParts
from signaling.lectures.plan_service import PlanService
from signaling.lectures.service import LectureService
from signaling.library.shelf import Shelf
from signaling.lines import api as lines_api
from signaling.lines.service import LinesService
from signaling.screens import api as screens_api
from signaling.screens.gate import ScreenGate
from signaling.screens.proofs import Proofs
from signaling.screens.service import ScreensService
from signaling.screens.sightings_service import SightingsService
from tests.support.databases import copy, database_in, keep, migrated
from tests.support.results import ToldResults

PASSWORD = "correct horse 电池"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PREFECTURE = "522300"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test sets; calling it tells the time."""

    now: Any

    def __call__(self) -> Any:
        return self.now


@dataclass
class _Tokens:
    """Watch tokens of a server that has no media."""

    wall: Callable[[], datetime]
    signer: WatchTokens = field(default_factory=lambda: WatchTokens(b"w" * 32))

    def watch(self, subject: str, lecture_id: str, seconds: float) -> str:
        """Return a watch token."""
        return self.signer.issue(subject, lecture_id, now=self.wall().timestamp(), seconds=seconds)


@dataclass
class Platform:
    """The services of a node that has no media plane."""

    db: Database
    settings: Settings
    folder: Path
    wall: Clock = field(default_factory=lambda: Clock(NOON))
    monotonic: Clock = field(default_factory=lambda: Clock(1000.0))
    schools: list[School] = field(default_factory=list)
    classes: list[SchoolClass] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        passwords = Passwords(2, 64, hasher)
        agencies = Agencies.of_file()
        self.auth = AuthService(
            self.db,
            self.settings.auth,
            passwords,
            clock=self.wall,
            monotonic=self.monotonic,
            agencies=agencies,
            key=b"k" * 32,
        )
        self.audit = AuditService(self.db)
        self.people = PeopleService(self.db, self.auth.agencies, clock=self.wall)
        self.directory = DirectoryService(self.db)
        self.schools_book = SchoolsService(self.db, self.today, clock=self.wall)
        self.terms = TermsService(self.db, self.settings.terms, clock=self.wall)
        self.teachers = TeachersService(self.db, self.today, clock=self.wall)
        self.tables = TablesService(self.db)
        self.importing = ImportService(self.db, clock=self.wall)
        self.import_table = ImportJobsService(self.db, clock=self.wall)
        self.imports = ImportJobs(self.import_table, self.settings.imports, self.folder, self.today)
        self.lectures = LectureService(self.db, self.today, self.wall)
        self.screens = ScreensService(self.db, self.settings.screens, b"key", clock=self.wall, monotonic=self.monotonic)
        self.lines = LinesService(self.db, 3, self.settings.screens.tested_days, clock=self.wall)
        self.sightings = SightingsService(self.db, 100, clock=self.wall, monotonic=self.monotonic)
        self.proofs = Proofs(b"key", self.settings.screens.nonce_seconds, self.settings.screens.proofs_remembered)
        self.plans = PlanService(self.db, self.today, self.wall)
        self.parts = LectureParts(self.db, self.settings, b"calendars", self.wall)
        self.access = Access(self.auth, self.lectures)
        self.results = ToldResults()
        self.watch_tokens = _Tokens(self.wall)
        self.coverage = CoverageParts(self.db, self.settings, self.results, b"codes", self.today, self.wall)
        self.shelf = Shelf()
        self.on_air: dict[str, dict[int, int]] = {}
        self.home = HomeParts(
            self.db,
            self.settings.home,
            b"homes",
            self.today,
            self.shelf,
            self.watch_tokens.watch,
            self.measure,
            self.coverage.rules.home_ratio,
            timedelta(days=14),
            wall=self.wall,
            clock=self.monotonic,
        )
        self.home.state_of = lambda lecture_id: self.states.get(lecture_id, "scheduled")
        self.coverage.reports.suspicions = self.home.links.suspicions
        self.alerts = AlertParts(self.db, self.settings, self.today, bytes(32), clock=self.wall)

    def today(self) -> date:
        """The local day by the clock of the test."""
        return (self.wall() + timedelta(hours=8)).date()

    async def measure(self, lecture_id: str) -> dict[int, int]:
        """Return when a lecture was on the air, as a test says in `on_air`."""
        return self.on_air.get(lecture_id, {})

    async def fill(self) -> None:
        """Load the regions and the invented schools."""
        regions = load_regions()
        await self.directory.load_regions(regions)
        units = [(region.code, region.name) for region in regions if region.parent and not region.direct]
        self.schools = list(demo_data.schools(units))
        for number, school in enumerate(self.schools):
            self.classes += demo_data.classes(school, number, NOON.date())
        await self.directory.add_schools(self.schools, self.classes)

    def gate(self, charge: Callable[[str], None] = lambda credential: None) -> ScreenGate:
        """Return the gate of screens."""
        return ScreenGate(self.directory, self.proofs, charge, self.wall)

    async def person(self, login: str, role: Role, node: str = PREFECTURE) -> User:
        """Add a person whose password is `PASSWORD`."""
        return await self.auth.add_user(login, login.title(), role, node, PASSWORD)

    async def lecture(
        self, lecturer: User, *audience: str, title: str = "珍爱生命", at: datetime = NOON, approved: bool = True
    ) -> str:
        """Add a lecture aimed at the nodes, at the whole prefecture when none is given."""
        row = Lecture(title=title, lecturer_id=lecturer.id, scheduled_at=at)
        lecture_id = await self.lectures.add(row, audience or [PREFECTURE])
        if approved:
            await self.lectures.approve(lecture_id, lecturer.id)
        return lecture_id

    async def facts(self, lecture_id: str) -> dict[str, object]:
        """The live side of a lecture: nobody has opened it, unless a test says otherwise in `states`."""
        return {"state": self.states.get(lecture_id, "scheduled"), "viewers": 0, "publisher": None}

    def web_app(self, trusted: tuple[str, ...] = (), public_url: str = "") -> web.Application:
        """Return the application with the middlewares of a server."""
        app = web.Application(middlewares=[problems, csrf])
        app[PROXIES] = Proxies(trusted, public_url)
        app.on_response_prepare.append(add_headers)
        app.add_routes(auth_api.routes(self.auth))
        app.add_routes(account_api.routes(self.auth))
        hours = self.settings.attendance.report_utc_offset_hours
        app.add_routes(people_api.routes(self.auth, self.directory, self.people))
        app.add_routes(audit_api.routes(self.auth, self.directory, self.audit, self.settings.audit, hours))
        documents = LectureDocuments(self.lectures, self.facts, "boot")
        app.add_routes(directory_api.routes(self.auth, self.directory, self.schools_book, self.today))
        app.add_routes(classes_api.routes(self.auth, self.directory, self.schools_book, self.today))
        app.add_routes(teachers_api.routes(self.auth, self.directory, self.teachers, self.today))
        place = tables_api.Place(self.today, 8)
        app.add_routes(tables_api.routes(self.auth, self.directory, self.tables, 2, place))
        services = (self.import_table, self.importing)
        app.add_routes(import_api.routes(self.auth, self.directory, self.imports, services, self.today))
        app.add_routes(terms_api.routes(self.auth, self.directory, self.terms, self.today))
        app.add_routes(lines_api.routes(self.auth, self.directory, self.screens, self.lines, self.gate()))
        app.add_routes(screens_api.routes(self.auth, self.directory, self.screens, lambda screen_id: False))
        app.add_routes(lectures_api.routes(self.auth, self.access, documents, self.lectures, self.directory))
        app.add_routes(self.coverage.routes(self.auth, self.directory, self.gate()))
        app.add_routes(self.home.routes(self.auth, self.directory))
        app.add_routes(self.alerts.routes(self.auth, self.access, self.directory))
        app.add_routes(
            plan_api.routes(
                self.access, documents, self.plans, self.parts.entrances, self.directory, self.settings.lectures
            )
        )
        app.add_routes(aims_api.routes(self.access, self.directory, self.today))
        app.add_routes(self.parts.routes(self.auth, self.access, self.directory, documents))
        return app

    @asynccontextmanager
    async def client(self, app: web.Application | None = None) -> AsyncIterator[TestClient[Any, Any]]:
        """Serve the application on a free port and yield a client with a cookie jar of its own."""
        async with TestClient(TestServer(app or self.web_app())) as client:
            yield client


@asynccontextmanager
async def platform(folder: Path, *, invented: bool = True) -> AsyncIterator[Platform]:
    """Yield a platform whose database lies in `folder`, with the regions, and schools that are `invented`."""
    path = folder / "platform.sqlite3"
    if invented:
        source, schools, classes = await _filled()
        copy(source, path)
        made = _platform(database_in(path), folder)
        made.schools, made.classes = list(schools), list(classes)
    else:
        made = _platform(await migrated(path), folder)
    await made.directory.load_regions(load_regions())  # at every start, as a server does
    try:
        yield made
    finally:
        await made.imports.stop()
        made.auth.close()
        await made.db.close()


def _platform(db: Database, folder: Path) -> Platform:
    return Platform(db, load(overrides={"auth": {"totp_required": "never"}}), folder)


async def _filled() -> tuple[Path, list[School], list[SchoolClass]]:
    """Return a database with the invented schools, made once a process, and what was written into it."""
    if not _FILLED:
        folder = tempfile.TemporaryDirectory(prefix="filled")
        path = Path(folder.name) / "template.sqlite3"
        made = _platform(await migrated(path), path.parent)
        await made.fill()
        made.auth.close()
        await keep(made.db, path)
        _FILLED.append((folder, path, made.schools, made.classes))
    return _FILLED[0][1:]


_FILLED: list[tuple[tempfile.TemporaryDirectory[str], Path, list[School], list[SchoolClass]]] = []


async def log_in(client: TestClient[Any, Any], login: str, password: str = PASSWORD) -> Any:
    """Log in and return the response."""
    body = {"login": login, "password": password}
    return await client.post("/api/v1/session", json=body, headers=SAME_ORIGIN)
