"""Trainings of teachers: rosters for administrators, the code on a venue's screen, signing by it without an account.

`/in/{code}` is the page behind a code. It knows nothing but that training; the pass that a code opens is a cookie no script reads.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem, not_found
from signaling.api.proxy import origin
from signaling.api.qr import qr
from signaling.auth import cookies
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.coverage import training_documents as shown
from signaling.coverage.codes import PASS_SECONDS, VALID_SECONDS
from signaling.coverage.codes import Way as Direction
from signaling.coverage.obligations import Obligations
from signaling.coverage.training_service import TrainingService
from signaling.directory.service import DirectoryService
from signaling.screens.gate import ScreenGate

ENTERED: Final = "jt_in"
WAYS: Final[dict[Direction, shown.Way]] = {Direction.IN: "in", Direction.OUT: "out"}


def routes(
    auth: AuthService, directory: DirectoryService, service: TrainingService, rules: Obligations, gate: ScreenGate
) -> list[web.RouteDef]:
    """Return the routes."""
    api = TrainingApi(auth, directory, service, rules, gate)
    of_school = "/api/v1/schools/{school_code}/trainings"
    return [
        web.get(of_school, api.trainings),
        web.get(of_school + "/{lecture_id}", api.roster),
        web.post(of_school + "/{lecture_id}/marks", api.tick),
        web.post("/api/v1/screens/{screen_id}/training-code", api.code),
        web.post("/api/v1/training/arrivals", api.arrive),
        web.post("/api/v1/training/names", api.names),
        web.post("/api/v1/training/signs", api.sign),
    ]


class TrainingApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        service: TrainingService,
        rules: Obligations,
        gate: ScreenGate,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._service = service
        self._rules = rules
        self._gate = gate

    @operation("List the trainings that expected a school", answer=shown.TrainingList)
    async def trainings(self, request: web.Request) -> web.Response:
        _, school = await self._school(request, Permission.TEACHER_READ)
        items = [shown.training_document(one) for one in await self._service.trainings(school)]
        return reply(shown.TrainingList(items=items))

    @operation("Read a school's roster of a training", answer=shown.RosterDocument)
    async def roster(self, request: web.Request) -> web.Response:
        _, school = await self._school(request, Permission.TEACHER_READ)
        return await self._roster(school, request.match_info["lecture_id"])

    @operation("Tick teachers who were there, or take ticks back", body=shown.TickOrder, answer=shown.RosterDocument)
    async def tick(self, request: web.Request) -> web.Response:
        principal, school = await self._school(request, Permission.TEACHER_EDIT)
        lecture_id = request.match_info["lecture_id"]
        order = await body(request, shown.TickOrder)
        await self._service.tick(school, lecture_id, order.class_id, order.teacher_ids, order.ticked, principal.user_id)
        return await self._roster(school, lecture_id)

    @operation("Get the code that a venue's screen shows now; 404 when there is none", answer=shown.ShownCode)
    async def code(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        found = await self._service.code(screen.class_id)
        if found is None:
            raise not_found("code")
        code, training, way, seconds = found
        url = f"{origin(request)}/in/{code}"
        return reply(shown.ShownCode(title=training.title, way=WAYS[way], url=url, svg=qr(url), seconds=seconds))

    @operation("Show a code; 410 `code_expired` later than 30 s", body=shown.ArrivalOrder, answer=shown.ArrivalDocument)
    async def arrive(self, request: web.Request) -> web.Response:
        order = await body(request, shown.ArrivalOrder)
        arrival, pass_ = await self._service.arrive(order.code)
        told = shown.ArrivalDocument(
            title=arrival.title, room=arrival.room, school=arrival.school, way=WAYS[arrival.way]
        )
        response = reply(told)
        cookies.put(response, request, ENTERED, pass_, VALID_SECONDS + PASS_SECONDS)
        return response

    @operation("List four names for a work number", body=shown.NumberOrder, answer=shown.NameList)
    async def names(self, request: web.Request) -> web.Response:
        pass_ = _pass(request)
        order = await body(request, shown.NumberOrder)
        return reply(shown.NameList(names=await self._service.names(pass_, order.staff_no)))

    @operation("Sign in or out", body=shown.SignOrder, answer=shown.SignDocument)
    async def sign(self, request: web.Request) -> web.Response:
        pass_ = _pass(request)
        order = await body(request, shown.SignOrder)
        way, at = await self._service.sign(pass_, order.staff_no, order.name)
        response = reply(shown.SignDocument(way=WAYS[way], at=at))
        cookies.drop(response, request, ENTERED)
        return response

    async def _roster(self, school: str, lecture_id: str) -> web.Response:
        return reply(shown.roster_document(self._rules, await self._service.roster(school, lecture_id)))

    async def _school(self, request: web.Request, permission: Permission) -> tuple[Principal, str]:
        principal = await self._auth.require(request, permission)
        scope = await self._directory.scope(principal.node)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        return principal, found.school.code


def _pass(request: web.Request) -> str:
    found = cookies.read(request, ENTERED)
    if found is None:
        raise Problem(410, "pass_expired", "too much time went by: scan the code on the screen again")
    return found
