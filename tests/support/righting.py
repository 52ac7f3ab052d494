"""A lecture that has ended, with everything that puts it right afterwards: corrections, faults, closed terms, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from config.settings import load
from signaling.api.errors import problems
from signaling.api.proxy import PROXIES, Proxies
from signaling.attendance import api as attendance_api
from signaling.attendance.sheets_service import SheetsService
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.passwords import Passwords
from signaling.auth.service import AuthService
from signaling.corrections.parts import CorrectionParts
from signaling.coverage.parts import CoverageParts
from signaling.coverage.settled_results import SettledResults
from signaling.db.engine import Database
from signaling.directory.models import Term
from signaling.directory.service import DirectoryService
from signaling.directory.terms_service import TermsService
from signaling.lectures.access import Access
from signaling.lectures.service import LectureService
from signaling.ledger.events import Subject
from signaling.ledger.facts import Confirmed
from signaling.screens.gate import ScreenGate
from signaling.screens.proofs import Proofs
from tests.support.attending import END, FIRST, SECOND, A, Attending, C
from tests.support.platform import SAME_ORIGIN, Clock
from tests.support.roll import LECTURE, MEDIA, START, at, database, populate

HOME, AWAY, TOP = "522301", "522302", "522300"
TERM = "2026-2027-1"
PEOPLE: Final = {
    "teacher": (Role.SCHOOL_ADMIN, FIRST),
    "other": (Role.SCHOOL_ADMIN, SECOND),
    "county": (Role.COUNTY_ADMIN, HOME),
    "colleague": (Role.COUNTY_ADMIN, HOME),
    "away": (Role.COUNTY_ADMIN, AWAY),
    "prefecture": (Role.PREFECTURE_ADMIN, TOP),
    "operator": (Role.OPERATOR, TOP),
    "auditor": (Role.AUDITOR, TOP),
}


@dataclass
class Office:
    """The services over one database, and an API token for each of `PEOPLE`.

    Class A of the first school and C of the second watched all of two minutes, and so did `by_hls` if there is one; B was never there.
    """

    db: Database
    folder: Path
    clock: Clock = field(default_factory=lambda: Clock(START))
    by_hls: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    client: TestClient[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        settings = load(overrides={"auth": {"totp_required": "never"}})
        self.server = Attending(self.db, self.folder, self.clock)
        self.ledger, self.attendance = self.server.ledger, self.server.attendance
        self.tell, self.report = self.server.tell, self.server.report
        passwords = Passwords(2, 64, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        self.auth = AuthService(self.db, settings.auth, passwords, clock=self.clock, key=b"k" * 32)
        self.directory = DirectoryService(self.db)
        self.terms = TermsService(self.db, settings.terms, clock=self.clock)
        self.lectures = LectureService(self.db, self.today, self.clock)
        self.access = Access(self.auth, self.lectures)
        self.parts = CorrectionParts(
            self.db, settings, self.attendance.reports, self.ledger, self.terms, self.today, self.clock
        )
        self.sheets = SheetsService(self.db, self.ledger, settings.attendance)
        self.sheets.others["10"] = self.parts.records.table
        results = SettledResults(self.attendance.decisions, self.attendance.reports.policies.covers)
        self.coverage = CoverageParts(self.db, settings, results, b"codes", self.today, self.clock)
        self.settings = settings

    def today(self) -> date:
        """Return the local day."""
        now: datetime = self.clock()
        return (now + timedelta(hours=8)).date()

    async def fill(self) -> None:
        """Give the lecture, people and the term."""
        await self.server.lecture(A, C, by_hls=self.by_hls)
        for login, (role, node) in PEOPLE.items():
            user = await self.auth.add_user(login, login.title(), role, node, "correct horse 电池")
            self.tokens[login], self.ids[login] = opaque.mint(opaque.API_TOKEN), user.id
            await self.auth.keep_api_token(self.tokens[login], user.id, "test")
        async with self.db.writing() as session:
            session.add(Term(region_code=TOP, code=TERM, starts_on=date(2026, 9, 1), ends_on=date(2027, 1, 20)))
        self.clock.now = END + timedelta(hours=1)

    def web_app(self) -> web.Application:
        """Return the application with the routes of corrections, attendance and coverage."""
        app = web.Application(middlewares=[problems])
        app[PROXIES] = Proxies((), "")
        app.add_routes(self.parts.routes(self.auth, self.access, self.directory))
        gate = ScreenGate(
            self.directory, Proofs(b"key", self.settings.screens.nonce_seconds, 10), lambda credential: None, self.clock
        )
        app.add_routes(self.coverage.routes(self.auth, self.directory, gate))
        attendance = self.settings.attendance
        app.add_routes(attendance_api.routes(self.attendance, self.sheets, self.access, self.directory, attendance))
        return app

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request as somebody; return status, document and headers."""
        sent = SAME_ORIGIN | {"Authorization": f"Bearer {self.tokens[who]}"} | dict(headers or {})
        json = {} if body is None else {"json": body}
        async with self.client.request(method, f"/api/v1{path}", headers=sent, **json) as answer:
            document = await answer.json() if "json" in answer.content_type else await answer.read()
            return answer.status, document, answer.headers

    async def request(self, who: str, scope: str, name: str, new: str, reason: str, **more: str) -> Any:
        """Ask for a correction as somebody; return the document, which must be one."""
        order = {"lecture_id": LECTURE, "scope": scope, "field": name, "new": new, "reason": reason} | more
        status, document, _ = await self.ask(who, "POST", "/corrections", order)
        assert status == 201, document
        return document

    async def decide(self, who: str, correction_id: str, decision: str = "approve", note: str = "") -> tuple[int, Any]:
        """Read a correction and decide about what was read."""
        _, _, headers = await self.ask(who, "GET", f"/corrections/{correction_id}")
        order = {"decision": decision, "note": note}
        match = {"If-Match": headers.get("ETag", '"0"')}
        status, document, _ = await self.ask(who, "POST", f"/corrections/{correction_id}/decision", order, match)
        return status, document

    async def approved(self, who: str, by: str, scope: str, name: str, new: str, reason: str, **more: str) -> str:
        """Have a correction asked for and approved, a minute each; return its id."""
        self.clock.now += timedelta(minutes=1)
        made = (await self.request(who, scope, name, new, reason, **more))["id"]
        self.clock.now += timedelta(minutes=1)
        status, document = await self.decide(by, made)
        assert status == 200, document
        return str(made)

    async def confirm(self, class_id: str, present: int, seconds: float, of: Subject = MEDIA, by: str = "room") -> None:
        """Write down a head-count."""
        fact = Confirmed(class_id, "", 45, present, 0, by, at(seconds), int(seconds))
        await self.tell(fact, subject=of)


@asynccontextmanager
async def office(
    folder: Path, more: Iterable[tuple[str, str, str, int]] = (), by_hls: str = ""
) -> AsyncIterator[Office]:
    """Yield an office whose lecture ended an hour ago; there may be `more` schools, as `populate` takes them."""
    db = await database(folder)
    await populate(db, [(FIRST, HOME, "第一小学", 2), (SECOND, AWAY, "中学", 1), *more])
    made = Office(db, folder, by_hls=by_hls)
    try:
        await made.fill()
        async with TestClient(TestServer(made.web_app())) as client:
            made.client = client
            yield made
    finally:
        made.auth.close()
        await db.close()
