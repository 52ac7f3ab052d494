"""`/api/v1/experts`: the pool of lecturers. The office keeps it; lecturers see and change their own profile."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem, not_found
from signaling.api.proxy import origin
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.service import AuthService, not_logged_in
from signaling.lectures import expert_documents as shown
from signaling.lectures.access import Access
from signaling.lectures.experts_service import Expert, ExpertFilters, ExpertsService
from signaling.lectures.ratings_service import RatingsService

ACTIVE = {"yes": True, "no": False, "all": None}


def routes(auth: AuthService, access: Access, experts: ExpertsService, ratings: RatingsService) -> list[web.RouteDef]:
    """Return the routes."""
    api = ExpertsApi(auth, access, experts, ratings)
    one = "/api/v1/experts/{expert_id}"
    return [
        web.get("/api/v1/experts", api.pool),
        web.post("/api/v1/experts", api.add),
        web.get(one, api.one),
        web.patch(one, api.change),
    ]


class ExpertsApi:
    """The handlers."""

    def __init__(self, auth: AuthService, access: Access, experts: ExpertsService, ratings: RatingsService) -> None:
        self._auth = auth
        self._access = access
        self._experts = experts
        self._ratings = ratings

    @operation(
        "Search the pool of lecturers; with free_at only who is free then, with at who is and why others are not",
        query=shown.ExpertQuery,
        answer=Page[shown.ExpertDocument],
    )
    async def pool(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.EXPERT_READ)
        wanted = query(request, shown.ExpertQuery)
        filters = ExpertFilters(
            wanted.q,
            wanted.topic,
            wanted.stage,
            ACTIVE[wanted.active],
            wanted.free_at or wanted.at,
            wanted.minutes,
            only_free=wanted.free_at is not None,
            but=wanted.lecture_id,
        )
        found, total = await self._experts.find(filters, wanted.size, wanted.offset)
        readable = await self._access.readable(principal)
        rated = await self._rated([one.id for one in found], principal)
        documents = [_document(one, principal, readable) | {"rating": rated.get(one.id)} for one in found]
        items = [shown.ExpertDocument.model_validate(one) for one in documents]
        return reply(page_of(items, total, wanted))

    @operation(
        "Add a lecturer, who sets a password by the link of the answer",
        body=shown.NewExpert,
        answer=shown.AddedExpert,
        status=201,
    )
    async def add(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.EXPERT_EDIT)
        order = await body(request, shown.NewExpert)
        user_id, login = await self._experts.add(order.model_dump(), principal.node, principal.user_id)
        invited = await self._auth.invitations.invite(user_id, principal.user_id)
        record = await self._record(await self._there(user_id), principal)
        document = record | {"login": login, "invitation_url": origin(request) + invited.path}
        return reply(shown.AddedExpert.model_validate(document), 201, etags.header(record["version"]))

    @operation("Read a lecturer's profile with the lectures to come", answer=shown.ExpertRecord)
    async def one(self, request: web.Request) -> web.Response:
        principal = await self._reader(request, Permission.EXPERT_READ)
        record = await self._record(await self._there(request.match_info["expert_id"]), principal)
        return reply(shown.ExpertRecord.model_validate(record), headers=etags.header(record["version"]))

    @operation("Change a profile", body=shown.ExpertEdit, answer=shown.ExpertRecord, if_match=True)
    async def change(self, request: web.Request) -> web.Response:
        principal = await self._reader(request, Permission.EXPERT_EDIT)
        expert = await self._there(request.match_info["expert_id"])
        etags.require(request, expert.version)
        order = await body(request, shown.ExpertEdit)
        changes = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        if "active" in changes and not principal.may(Permission.EXPERT_EDIT):
            raise Problem(403, "forbidden", "the office decides who is active")
        await self._experts.change(expert.id, expert.version, changes, principal.user_id)
        record = await self._record(await self._there(expert.id), principal)
        return reply(shown.ExpertRecord.model_validate(record), headers=etags.header(record["version"]))

    async def _reader(self, request: web.Request, permission: Permission) -> Principal:
        """Return a caller with the permission, or a lecturer who asks about themselves; others get 403, or 404 as a lecturer."""
        principal = await self._auth.principal(request)
        if principal is None:
            raise not_logged_in()
        if principal.role is Role.LECTURER and principal.lecture_id is None:
            if principal.user_id != request.match_info["expert_id"]:
                raise not_found("expert")
            return principal
        return await self._auth.require(request, permission)

    async def _there(self, user_id: str) -> Expert:
        expert = await self._experts.one(user_id)
        if expert is None:
            raise not_found("expert")
        return expert

    async def _record(self, expert: Expert, principal: Principal) -> dict[str, Any]:
        readable = await self._access.readable(principal)
        coming = [one for one in await self._experts.coming(expert.id) if readable is None or one.id in readable]
        lectures = [
            {"id": one.id, "title": one.title, "scheduled_at": one.scheduled_at, "minutes": one.minutes}
            for one in coming
        ]
        rated = await self._rated([expert.id], principal)
        return _document(expert, principal) | {"lectures": lectures, "rating": rated.get(expert.id)}

    async def _rated(self, ids: list[str], principal: Principal) -> dict[str, dict[str, Any]]:
        """Return what planners say of lecturers, to planners; nothing to others."""
        if not principal.may(Permission.EXPERT_RATE):
            return {}
        return {who: asdict(rating) for who, rating in (await self._ratings.of(ids)).items()}


def _document(expert: Expert, principal: Principal, readable: frozenset[str] | None = frozenset()) -> dict[str, Any]:
    """Return a profile without what the caller may not know; `readable` are the lectures of which they do, None all."""
    document = asdict(expert)
    if not (principal.may(Permission.EXPERT_EDIT) or principal.user_id == expert.id):
        document["contact"] = None
    for one in document["hindrances"] or []:
        if readable is not None and one["lecture_id"] not in readable:
            one["title"] = None
    return document
