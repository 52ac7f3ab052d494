"""`/api/v1/lectures/{id}/rating`: what a planner of the prefecture or a county unit says of the lecturer, once the lecture has ended.

**No lecturer reads an opinion, not even about themselves**: the right to give one is the right to see them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem
from signaling.auth.identity import Permission, Principal
from signaling.directory.documents import Order
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.expert_documents import Line, RatingDocument
from signaling.lectures.models import ExpertRating
from signaling.lectures.ratings_service import RatingsService
from signaling.lectures.service import LectureInfo
from signaling.live.states import State

OVER = frozenset({State.ENDED.value, State.ARCHIVED.value})


class NewOpinion(Order):
    """One to five, and why in a line."""

    stars: Annotated[int, Field(ge=1, le=5)]
    note: Line = ""


class OpinionDocument(BaseModel):
    """What somebody said last about a lecture."""

    stars: int
    note: str
    at: datetime


class LectureRating(BaseModel):
    """The caller's own opinion, null while there is none, and those of all planners about the lecturer, null without any."""

    own: OpinionDocument | None
    lecturer: RatingDocument | None
    over: bool


def routes(access: Access, documents: LectureDocuments, ratings: RatingsService) -> list[web.RouteDef]:
    """Return the routes."""
    api = RatingsApi(access, documents, ratings)
    one = "/api/v1/lectures/{lecture_id}/rating"
    return [web.get(one, api.read), web.post(one, api.rate)]


class RatingsApi:
    """The handlers."""

    def __init__(self, access: Access, documents: LectureDocuments, ratings: RatingsService) -> None:
        self._access = access
        self._documents = documents
        self._ratings = ratings

    @operation("Read what the caller said of a lecture's lecturer, and what all say", answer=LectureRating)
    async def read(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        return await self._answer(principal, info, await self._ratings.own(info.id, principal.user_id))

    @operation(
        "Say something of the lecturer of a lecture that has ended; the newest opinion counts",
        body=NewOpinion,
        answer=LectureRating,
        status=201,
    )
    async def rate(self, request: web.Request) -> web.Response:
        principal, info = await self._lecture(request)
        if not await self._is_over(info):
            raise Problem(409, "not_over", "the lecture has not ended yet")
        order = await body(request, NewOpinion)
        row = await self._ratings.rate(info.id, info.lecturer_id, order.stars, order.note, principal.user_id)
        return await self._answer(principal, info, row, 201)

    async def _lecture(self, request: web.Request) -> tuple[Principal, LectureInfo]:
        return await self._access.lecture(request, request.match_info["lecture_id"], Permission.EXPERT_RATE)

    async def _is_over(self, info: LectureInfo) -> bool:
        document: dict[str, Any] = await self._documents.of_info(info)
        return str(document["state"]) in OVER

    async def _answer(
        self, principal: Principal, info: LectureInfo, own: ExpertRating | None, status: int = 200
    ) -> web.Response:
        all_of_them = (await self._ratings.of([info.lecturer_id])).get(info.lecturer_id)
        document = LectureRating(
            own=None if own is None else OpinionDocument(stars=own.stars, note=own.note, at=own.at),
            lecturer=None if all_of_them is None else RatingDocument(mean=all_of_them.mean, count=all_of_them.count),
            over=await self._is_over(info),
        )
        return reply(document, status)
