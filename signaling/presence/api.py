"""Routes of class screens: rendering reports, answers to presence checks, head-counts.

1. **A report is let in by the screen's watch token and believed by its own signature**: neither needs the database, so that a prefecture can report.
2. Answers and head-counts are few and weigh more: they come through the gate of screens (device token, and a proof where there is a key).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from signaling.api.errors import QUIET
from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import Problem, not_found
from signaling.directory.listed import ScreenInfo
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.kinds import Reason
from signaling.live.http import charge, credential, retry_after
from signaling.presence import checks, counting, headcounts
from signaling.presence.documents import (
    AnswerOrder,
    AnswerReceipt,
    ConfirmationDocument,
    ReportAnswer,
    ReportOrder,
    RoomConfirmationOrder,
)
from signaling.presence.minutes import Full
from signaling.presence.reporting import Rejected, Room
from signaling.presence.service import PresenceService

PREFIX: Final = "/api/v1/screens/{screen_id}"
STATUS: Final[Mapping[Reason, int]] = {Reason.BAD_REPORT: 422, Reason.BAD_SIGNATURE: 403}
RETRY_SECONDS: Final = 5.0


class Claims(Protocol):
    """What a watch token says."""

    @property
    def subject(self) -> str: ...
    @property
    def lecture_id(self) -> str: ...
    @property
    def is_screen(self) -> bool: ...


class Tokens(Protocol):
    """What reads watch tokens (`signaling.live.watching.Watching`)."""

    def claims(self, token: str) -> Claims: ...


class Gate(Protocol):
    """What lets screens in (`signaling.screens.gate.ScreenGate`)."""

    async def admit(self, request: web.Request, free: bool = False) -> ScreenInfo: ...


def routes(presence: PresenceService, tokens: Tokens, gate: Gate) -> list[web.AbstractRouteDef]:
    """Return the routes."""
    api = PresenceApi(presence, tokens, gate)
    return [
        web.post(PREFIX + "/reports", api.report),
        web.post(PREFIX + "/answers", api.answer),
        web.post(PREFIX + "/confirmation", api.confirm),
    ]


class PresenceApi:
    """The handlers."""

    def __init__(self, presence: PresenceService, tokens: Tokens, gate: Gate) -> None:
        self._presence = presence
        self._tokens = tokens
        self._gate = gate

    @operation(
        "Report, with the watch token, what a screen showed of a minute; 409 stale_nonce, wrong_broadcast, replayed_counter, wrong_minute, 403 bad_signature",
        body=ReportOrder,
        answer=ReportAnswer,
    )
    async def report(self, request: web.Request) -> web.Response:
        screen_id, room = self._room(request)
        charge(self._presence.charges, screen_id, self._presence.clock().timestamp())
        order = await body(request, ReportOrder)
        try:
            answer = self._presence.report(room, screen_id, order.report, order.again)
        except Rejected as rejected:
            raise _refused(rejected) from None
        except Full:
            raise busy("too many reports wait to be written down") from None
        request[QUIET] = True
        return reply(answer)

    def _room(self, request: web.Request) -> tuple[str, Room]:
        claims = self._tokens.claims(credential(request))
        if not claims.is_screen or claims.subject != request.match_info["screen_id"]:
            raise Problem(403, "not_this_screen", "this token is another's")
        room = self._presence.reporting.rooms.get(claims.lecture_id)
        if room is None:
            raise Problem(409, "not_on_air", "no broadcast of this lecture takes reports")
        return claims.subject, room

    @operation(
        "Answer a presence check as the paired screen, once; 409 already_answered, 410 too_late",
        body=AnswerOrder,
        answer=AnswerReceipt,
        status=201,
    )
    async def answer(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        order = await body(request, AnswerOrder)
        presence = self._presence
        lecture_id = presence.lecture_of_check(order.challenge_id)
        try:
            delay = await presence.checking.answer(
                lecture_id, screen.id, order.challenge_id, order.tile, presence.clock()
            )
        except checks.NoSuchCheck:
            raise not_found("presence check") from None
        except checks.Answered:
            raise Problem(409, "already_answered", "this screen has answered") from None
        except checks.TooLate:
            raise Problem(410, "too_late", "the time to answer is over") from None
        except LedgerUnavailable:
            raise busy("nothing can be written down") from None
        return reply({"delay_ms": delay}, 201)

    @operation(
        "Confirm as the paired screen how many of the class are there; the newest counts; 409 too_early, headcount_over, 422 impossible_count",
        body=RoomConfirmationOrder,
        answer=ConfirmationDocument,
    )
    async def confirm(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        order = await body(request, RoomConfirmationOrder)
        counts = self._presence.counting
        await confirmed(counts, order.lecture_id, screen.class_id, order.present, order.guests, counting.ROOM)
        return reply(counts.slip(order.lecture_id, screen.class_id).document(self._presence.clock()))


async def confirmed(
    counts: counting.Counting, lecture_id: str, class_id: str, present: int, guests: int, by: str
) -> headcounts.HeadCount:
    """Take a head-count; raise its refusals as problems."""
    try:
        return await counts.confirm(lecture_id, class_id, present, guests, by)
    except counting.NotExpected:
        raise (over() if await counts.is_over(lecture_id) else not_found("head-count")) from None
    except headcounts.NotYet:
        raise Problem(409, "too_early", "head-counts begin some minutes after the start") from None
    except headcounts.Over:
        raise over() from None
    except headcounts.Impossible as error:
        raise Problem(422, "impossible_count", "more people than expected and guests", str(error)) from None
    except LedgerUnavailable:
        raise busy("nothing can be written down") from None


def over() -> Problem:
    """Return the problem of a head-count after its time: what was counted wrongly is corrected by two people."""
    return Problem(409, "headcount_over", "the time for head-counts is over; ask for a correction")


def busy(why: str) -> Problem:
    """Return the problem of a ledger that takes nothing right now."""
    return Problem(503, "busy", "try again later", why, headers=retry_after(RETRY_SECONDS))


def _refused(rejected: Rejected) -> Problem:
    fields: dict[str, Any] = {} if rejected.nonce is None else {"nonce": rejected.nonce, "counter": rejected.counter}
    return Problem(
        STATUS.get(rejected.reason, 409), rejected.reason.value, "the report does not count", str(rejected), **fields
    )
