"""Who may do what with one lecture. Every route under `/lectures/{id}` asks here.

1. **Deny by default**: a role needs the permission (`signaling.auth.identity.GRANTS`).
2. **A lecturer's rights hold for their own lectures**, a login by invitation for its one lecture.
3. **County and school roles see only approved lectures that concern their node**; others do not exist for them (404).
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.service import AuthService
from signaling.lectures.queries import LectureFilters
from signaling.lectures.service import LectureInfo, LectureService

ALL = LectureFilters()
SCOPED = frozenset({Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN})


class Access:
    """Joins identity with lectures."""

    def __init__(self, auth: AuthService, lectures: LectureService) -> None:
        self._auth = auth
        self._lectures = lectures

    async def lecture(
        self, request: web.Request, lecture_id: str, permission: Permission
    ) -> tuple[Principal, LectureInfo]:
        """Return caller and lecture, or raise the problem 401, 403 or 404."""
        principal = await self._auth.require(request, permission)
        lecture = await self._lectures.info(lecture_id)
        if lecture is None:
            raise not_found("lecture")
        await self.check(principal, lecture, permission)
        return principal, lecture

    async def guard(self, request: web.Request, permission: Permission, lecture_id: str) -> Principal:
        """Return the caller if they may do this with the lecture, or raise the problem 401, 403 or 404."""
        principal, _ = await self.lecture(request, lecture_id, permission)
        return principal

    async def planner(self, request: web.Request) -> Principal:
        """Return a caller who may plan lectures, or raise the problem 401 or 403: who came by a link is there for one lecture."""
        principal = await self._auth.require(request, Permission.LECTURE_EDIT)
        if principal.lecture_id is not None:
            raise Problem(403, "forbidden", "an invitation is for one lecture")
        return principal

    async def info(self, lecture_id: str) -> LectureInfo | None:
        """Return a lecture, whoever asks."""
        return await self._lectures.info(lecture_id)

    async def may_read(self, principal: Principal, lecture_id: str) -> bool:
        """Whether the caller may see the lecture."""
        lecture = await self._lectures.info(lecture_id)
        if lecture is None:
            return False
        try:
            await self.check(principal, lecture, Permission.LECTURE_READ)
        except Problem:
            return False
        return True

    async def may_watch_rehearsal(self, principal: Principal, lecture_id: str) -> bool:
        """Whether the caller may see a rehearsal of the lecture: who may control or review it."""
        lecture = await self._lectures.info(lecture_id)
        if lecture is None:
            return False
        for permission in (Permission.LECTURE_CONTROL, Permission.LECTURE_REVIEW):
            try:
                await self.check(principal, lecture, permission)
            except Problem:
                continue
            return True
        return False

    async def readable(self, principal: Principal) -> frozenset[str] | None:
        """Return the ids of the lectures that the caller may see, None for all: one question for a whole list."""
        if not principal.may(Permission.LECTURE_READ):
            return frozenset()
        if principal.role is Role.LECTURER:
            own = await self._lectures.ids(lecturer_id=principal.user_id)
            return own if principal.lecture_id is None else own & {principal.lecture_id}
        return await self._lectures.ids(node=principal.node) if principal.role in SCOPED else None

    async def check(self, principal: Principal, lecture: LectureInfo, permission: Permission) -> None:
        """Raise the problem 403 or 404 when the caller may not do this with the lecture."""
        if not principal.may(permission):
            raise Problem(403, "forbidden", "your role may not do this")
        if principal.lecture_id not in {None, lecture.id}:
            raise not_found("lecture")
        if principal.role is Role.LECTURER and principal.user_id != lecture.lecturer_id:
            raise not_found("lecture")
        if principal.role in SCOPED and not (
            lecture.approved and await self._lectures.concerns(lecture.id, principal.node)
        ):
            raise not_found("lecture")

    async def visible(
        self, principal: Principal, wanted: LectureFilters = ALL, limit: int = 200, offset: int = 0
    ) -> tuple[list[LectureInfo], int]:
        """Return a page of the lectures that the caller may read, newest first, and how many there are in all."""
        own = principal.user_id if principal.role is Role.LECTURER else None
        node = principal.node if principal.role in SCOPED else None
        scoped = replace(wanted, lecturer_id=own, lecture_id=principal.lecture_id, node=node)
        return await self._lectures.page(scoped, limit, offset)
