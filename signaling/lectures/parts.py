"""The pool of lecturers, calendars and ways in, joined: `signaling.app` makes one, the tests make one and ask it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from aiohttp import web

from config.settings import Settings
from signaling.auth.service import AuthService
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.service import DirectoryService
from signaling.lectures import calendar_api, entrances_api, experts_api, ratings_api
from signaling.lectures.access import Access
from signaling.lectures.calendar_service import CalendarService
from signaling.lectures.document import LectureDocuments
from signaling.lectures.entrances_service import EntrancesService
from signaling.lectures.experts_service import ExpertsService
from signaling.lectures.ratings_service import RatingsService


class LectureParts:
    """What stands beside the timetable; `key` is for the links of calendars alone."""

    def __init__(self, db: Database, settings: Settings, key: bytes, clock: Callable[[], datetime] = utc_now) -> None:
        self.experts = ExpertsService(db, settings.attendance.report_utc_offset_hours, clock)
        self.calendars = CalendarService(db, settings.lectures, key, clock)
        self.ratings = RatingsService(db, clock)
        self.entrances = EntrancesService(db, settings.lectures, clock)

    def routes(
        self, auth: AuthService, access: Access, directory: DirectoryService, documents: LectureDocuments
    ) -> Iterable[web.AbstractRouteDef]:
        """Yield the routes."""
        yield from experts_api.routes(auth, access, self.experts, self.ratings)
        yield from ratings_api.routes(access, documents, self.ratings)
        yield from calendar_api.routes(auth, directory, self.calendars)
        yield from entrances_api.routes(access, self.entrances)
