"""Routes of the console: head-counts by the school's administrator, and whose reports were refused."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Role
from signaling.auth.service import AuthService
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access
from signaling.lectures.service import LectureService
from signaling.lectures.targets import TargetClass
from signaling.ledger.kinds import FORGERY
from signaling.presence import counting, sums
from signaling.presence import documents as shown
from signaling.presence.api import confirmed, over
from signaling.presence.counting import Counting, Slip
from signaling.presence.service import PresenceService

PATH: Final = "/api/v1/lectures/{lecture_id}/classes/{class_id}/confirmation"


def routes(
    auth: AuthService, access: Access, directory: DirectoryService, lectures: LectureService, presence: PresenceService
) -> list[web.AbstractRouteDef]:
    """Return the routes."""
    api = HeadCountApi(auth, access, directory, lectures, presence)
    return [
        web.get("/api/v1/head-counts", api.listing),
        web.get("/api/v1/head-counts/schools", api.schools),
        web.get(PATH, api.read),
        web.post(PATH, api.confirm),
        web.get("/api/v1/lectures/{lecture_id}/refused-reports", api.refused),
    ]


class HeadCountApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        access: Access,
        directory: DirectoryService,
        lectures: LectureService,
        presence: PresenceService,
    ) -> None:
        self._auth = auth
        self._access = access
        self._directory = directory
        self._lectures = lectures
        self._presence = presence

    @property
    def _counts(self) -> Counting:
        return self._presence.counting

    @operation(
        "List the classes of a school whose head-count can be confirmed now",
        query=shown.HeadCountQuery,
        answer=shown.HeadCountList,
    )
    async def listing(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.ATTENDANCE_READ)
        wanted = query(request, shown.HeadCountQuery).school
        code = wanted or (principal.node if principal.role is Role.SCHOOL_ADMIN else "")
        found = await self._directory.school(await self._directory.scope(principal.node), code) if code else None
        if found is None:
            raise not_found("school") if code else Problem(400, "bad_query", "name a school")
        rows = []
        for lecture_id in list(self._counts.of):
            if await self._access.may_read(principal, lecture_id):
                expected = await self._lectures.expected_at(lecture_id, found.school.code)
                rows += [(one, slip) for one in expected if (slip := self._slip(lecture_id, one)) is not None]
        rows.sort(key=lambda row: row[1].window.opens_at, reverse=True)
        return reply(shown.HeadCountList(items=[_row(one.class_id, one.class_name, slip) for one, slip in rows]))

    @operation(
        "Sum the head-counts of a lecture that can be confirmed now, school by school: no class is named",
        query=shown.SumsQuery,
        answer=shown.SumsPage,
    )
    async def schools(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.ATTENDANCE_READ)
        wanted = query(request, shown.SumsQuery)
        lectures = [one for one in self._open() if await self._access.may_read(principal, one.lecture_id)]
        chosen = next((one for one in lectures if wanted.lecture_id in (None, one.lecture_id)), None)
        if chosen is None:
            if wanted.lecture_id is not None:
                raise not_found("lecture")
            return reply(shown.SumsPage(lectures=[]))
        scope = await self._directory.scope(principal.node)
        expected = await self._lectures.expected_in(chosen.lecture_id, scope)
        counts = self._counts.of[chosen.lecture_id]
        every = await asyncio.to_thread(sums.by_school, expected, counts.of)
        return reply(shown.sums_page(lectures, chosen, every, wanted))

    def _open(self) -> list[shown.CountedLecture]:
        """Return the lectures whose head-counts are taken now or soon, the newest first."""
        found = []
        for lecture_id in list(self._counts.of):
            window = self._counts.window(self._counts.broadcasts.peek(lecture_id))
            if window is not None:
                told = {"lecture_id": lecture_id, "title": self._counts.about[lecture_id].title}
                times = {"opens_at": window.opens_at, "closes_at": window.closes_at}
                found.append(shown.CountedLecture.model_validate(told | times))
        return sorted(found, key=lambda one: one.opens_at, reverse=True)

    def _slip(self, lecture_id: str, expected: TargetClass) -> Slip | None:
        try:
            return self._counts.slip(lecture_id, expected.class_id)
        except counting.NotExpected:
            return None

    @operation("Read the head-count of a class at a lecture, with its ETag", answer=shown.HeadCountRow)
    async def read(self, request: web.Request) -> web.Response:
        _, slip, class_id, name = await self._of(request, Permission.ATTENDANCE_READ)
        return _answer(class_id, name, slip)

    @operation(
        "Confirm how many of a class were there; the newest counts, none is taken back; 409 too_early, headcount_over",
        body=shown.ConfirmationOrder,
        answer=shown.HeadCountRow,
        if_match=True,
    )
    async def confirm(self, request: web.Request) -> web.Response:
        user_id, slip, class_id, name = await self._of(request, Permission.ATTENDANCE_CONFIRM)
        order = await body(request, shown.ConfirmationOrder)
        etags.require(request, _version(slip))
        await confirmed(self._counts, slip.lecture_id, class_id, order.present, order.guests, user_id)
        return _answer(class_id, name, self._counts.slip(slip.lecture_id, class_id))

    async def _of(self, request: web.Request, permission: Permission) -> tuple[str, Slip, str, str]:
        lecture_id, class_id = request.match_info["lecture_id"], request.match_info["class_id"]
        principal, _ = await self._access.lecture(request, lecture_id, permission)
        found = await self._directory.school_class(await self._directory.scope(principal.node), class_id)
        if found is None:
            raise not_found("class")
        try:
            slip = self._counts.slip(lecture_id, class_id)
        except counting.NotExpected:
            if not await self._counts.is_over(lecture_id):
                raise not_found("head-count") from None
            expected = await self._lectures.expected_at(lecture_id, found[0].school_class.school_code)
            raise (over() if class_id in {one.class_id for one in expected} else not_found("head-count")) from None
        return principal.user_id, slip, class_id, found[0].school_class.name

    @operation("List the screens whose rendering reports were refused, and why", answer=shown.RefusalList)
    async def refused(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        principal, _ = await self._access.lecture(request, lecture_id, Permission.BOARD_READ)
        found = await self._presence.refused(lecture_id)
        if principal.role in {Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN}:
            scope = await self._directory.scope(principal.node)
            covered = await self._directory.covered_screens(scope, list(found))
            found = {screen: reasons for screen, reasons in found.items() if screen in covered}
        forged = {reason.value for reason in FORGERY}
        rows = [
            shown.RefusedScreen(screen_id=screen, reasons=dict(reasons), forged=not forged.isdisjoint(reasons))
            for screen, reasons in found.items()
        ]
        return reply(shown.RefusalList(items=rows))


def _version(slip: Slip) -> int:
    return 0 if slip.found is None else slip.found.version


def _answer(class_id: str, name: str, slip: Slip) -> web.Response:
    return reply(_row(class_id, name, slip), headers=etags.header(_version(slip)))


def _row(class_id: str, name: str, slip: Slip) -> shown.HeadCountRow:
    found = slip.found
    return shown.HeadCountRow(
        lecture_id=slip.lecture_id,
        title=slip.about.title,
        audience=slip.about.audience,
        class_id=class_id,
        class_name=name,
        expected=slip.expected,
        opens_at=slip.window.opens_at,
        closes_at=slip.window.closes_at,
        present=None if found is None else found.present,
        guests=None if found is None else found.guests,
        by=None if found is None else found.by,
        at=None if found is None else found.at,
        version=_version(slip),
    )
