"""`/api/v1/lectures`: planning lectures and having them reviewed. What changes their state on the air is in `signaling.live`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from config.settings import LecturesSettings
from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem
from signaling.auth.identity import Permission, Principal, Role
from signaling.directory.codes import KINDERGARTEN
from signaling.directory.service import DirectoryService
from signaling.lectures import plan_documents as shown
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.entrances_service import EntrancesService
from signaling.lectures.plan_service import PlanService
from signaling.lectures.service import LectureInfo
from signaling.live.states import State


def routes(
    access: Access,
    documents: LectureDocuments,
    plans: PlanService,
    entrances: EntrancesService,
    directory: DirectoryService,
    settings: LecturesSettings,
) -> list[web.RouteDef]:
    """Return the routes."""
    api = PlanApi(access, documents, plans, entrances, directory, settings)
    one = "/api/v1/lectures/{lecture_id}"
    return [
        web.post("/api/v1/lectures", api.add),
        web.post("/api/v1/lectures/conflicts", api.conflicts),
        web.post("/api/v1/lectures/preview", api.preview),
        web.get("/api/v1/lecturers", api.lecturers),
        web.patch(one, api.change),
        web.get(f"{one}/plan", api.plan),
        web.get(f"{one}/reviews", api.reviews),
        web.post(f"{one}/submit", api.submit),
        web.post(f"{one}/review", api.review),
        web.post(f"{one}/call-off", api.call_off),
    ]


class PlanApi:
    """The handlers."""

    def __init__(
        self,
        access: Access,
        documents: LectureDocuments,
        plans: PlanService,
        entrances: EntrancesService,
        directory: DirectoryService,
        settings: LecturesSettings,
    ) -> None:
        self._access = access
        self._documents = documents
        self._plans = plans
        self._entrances = entrances
        self._directory = directory
        self._settings = settings

    @operation("Plan a lecture; a lecturer plans their own", body=shown.Plan, answer=shown.LectureDocument, status=201)
    async def add(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        order = await body(request, shown.Plan)
        lecturer = _lecturer(principal, order.lecturer_id)
        plan = order.model_dump() | {"lecturer_id": lecturer}
        lecture_id = await self._plans.add(plan, principal.user_id, await self._directory.scope(principal.node))
        return await self._answer(lecture_id, 201)

    @operation("Change a plan", body=shown.PlanEdit, answer=shown.LectureDocument, if_match=True)
    async def change(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request, Permission.LECTURE_EDIT)
        await self._only_before(info)
        etags.require(request, info.version)
        order = await body(request, shown.PlanEdit)
        changes = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        if "lecturer_id" in changes:
            changes["lecturer_id"] = _lecturer(principal, changes["lecturer_id"])
        scope = await self._directory.scope(principal.node)
        await self._plans.change(info.id, info.version, changes, principal.user_id, scope)
        await self._follow(info)
        return await self._answer(info.id)

    @operation("Tell whom a lecture is aimed at", answer=shown.PlanDocument)
    async def plan(self, request: web.Request) -> web.Response:
        _, info = await self._lecture(request, Permission.LECTURE_READ)
        aims, kinds, stages = await self._plans.scope(info.id)
        audience = [shown.AimedNode.model_validate(asdict(aim)) for aim in aims]
        return reply(shown.PlanDocument(audience=audience, kinds=kinds, stages=stages))

    @operation("List who may lecture, and who is busy then", query=shown.LecturerQuery, answer=shown.LecturerList)
    async def lecturers(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        wanted = query(request, shown.LecturerQuery)
        only = principal.user_id if principal.role is Role.LECTURER else None
        people = await self._plans.lecturers(wanted.q, only, wanted.scheduled_at, wanted.minutes, wanted.lecture_id)
        items = [shown.FreeLecturer(id=person.id, name=person.name, busy=busy) for person, busy in people]
        return reply(shown.LecturerList(items=items))

    @operation("Tell how many a plan would expect", body=shown.Scope, answer=shown.Counts)
    async def preview(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        order = await body(request, shown.Scope)
        scope = await self._directory.scope(principal.node)
        counts = await self._plans.preview(order.audience, order.kinds, order.stages, scope)
        return reply(shown.Counts(classes=counts.classes, schools=counts.schools, pupils=counts.pupils))

    @operation(
        "Tell which lectures are at the same time, and what to think of", body=shown.Slot, answer=shown.ConflictList
    )
    async def conflicts(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        order = await body(request, shown.Slot)
        scope = order.audience, order.kinds, order.stages
        lecturer = principal.user_id if principal.role is Role.LECTURER else order.lecturer_id
        found = await self._plans.conflicts(order.scheduled_at, order.minutes, lecturer, scope, order.lecture_id)
        items = [
            shown.ConflictDocument(
                id=one.lecture.id,
                title=one.lecture.title,
                scheduled_at=one.lecture.scheduled_at,
                minutes=one.lecture.minutes,
                lecturer=one.lecturer,
                classes=one.classes,
            )
            for one in found
        ]
        return reply(shown.ConflictList(items=items, warnings=self._warnings(order)))

    def _warnings(self, order: shown.Slot) -> list[str]:
        stages = {*order.stages, *order.kinds}
        warnings = []
        if order.minutes > self._settings.kindergarten_minutes and (KINDERGARTEN in stages or not stages):
            warnings.append("too_long_for_kindergarten")
        if order.minutes > self._settings.class_minutes:
            warnings.append("too_long_for_class")
        return warnings

    @operation("Read the steps of the review, the latest first", answer=shown.ReviewList)
    async def reviews(self, request: web.Request) -> web.Response:
        _, info = await self._lecture(request, Permission.LECTURE_READ)
        rows = await self._plans.reviews(info.id)
        return reply(shown.ReviewList(items=[shown.review_document(row, name) for row, name in rows]))

    @operation("Ask for the review", answer=shown.LectureDocument)
    async def submit(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request, Permission.LECTURE_EDIT)
        await self._plans.decide(info.id, "submit", "", principal.user_id)
        return await self._answer(info.id)

    @operation("Approve a lecture or send it back", body=shown.Decision, answer=shown.LectureDocument)
    async def review(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request, Permission.LECTURE_REVIEW)
        order = await body(request, shown.Decision)
        if order.decision == "return":
            await self._only_before(info)
        await self._plans.decide(info.id, order.decision, order.note, principal.user_id)
        return await self._answer(info.id)

    @operation("Call a lecture off", body=shown.CallingOff, answer=shown.LectureDocument, if_match=True)
    async def call_off(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request, Permission.LECTURE_EDIT)
        await self._only_before(info)
        etags.require(request, info.version)
        order = await body(request, shown.CallingOff)
        await self._plans.call_off(info.id, info.version, order.reason, principal.user_id)
        await self._follow(info)
        return await self._answer(info.id)

    async def _follow(self, before: LectureInfo) -> None:
        """Let the ways in to a lecture follow its plan."""
        after = await self._access.info(before.id)
        if after is not None:
            await self._entrances.follow(before, after)

    async def _lecture(self, request: web.Request, permission: Permission) -> tuple[Principal, LectureInfo]:
        return await self._access.lecture(request, request.match_info["lecture_id"], permission)

    async def _only_before(self, info: LectureInfo) -> None:
        """Raise 409 `has_begun` for a lecture that was opened: what classes were told does not change under them."""
        document: dict[str, Any] = await self._documents.of_info(info)
        if document["state"] != State.SCHEDULED:
            raise Problem(409, "has_begun", "the lecture was opened already", state=document["state"])

    async def _answer(self, lecture_id: str, status: int = 200) -> web.Response:
        document = await self._documents.of(lecture_id)
        return reply(document, status, etags.header(document["version"]))


def _lecturer(principal: Principal, wanted: str | None) -> str:
    """Return who lectures; raise 422 `no_lecturer` when nobody was named, 403 when a lecturer names somebody else."""
    if principal.role is Role.LECTURER:
        if wanted not in {None, principal.user_id}:
            raise Problem(403, "forbidden", "lecturers plan their own lectures")
        return principal.user_id
    if wanted is None:
        raise Problem(422, "no_lecturer", "say who lectures", errors=[{"field": "lecturer_id", "reason": "missing"}])
    return wanted
