"""Answers from the running stream of a recording, and what is said when there is none."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from recorder.errors import BadDirective, Cut, HlsError, NoSuchPart, NotYet, TooManyWaiting
from recorder.live import LiveStream
from signaling.api.problems import Problem
from signaling.library import sending
from signaling.library.pieces import Init, PartName, SegmentName
from signaling.live.http import retry_after


def problem_of(error: HlsError) -> Problem:
    """Return the problem behind an error of the running stream."""
    match error:
        case BadDirective():
            return Problem(400, "bad_directive", "no playlist leads to this request", str(error))
        case NotYet(retry_after=seconds):
            return Problem(503, "hls_not_yet", "nothing to serve yet", str(error), headers=retry_after(seconds))
        case Cut():
            return Problem(410, "cut", "the lecture was cut")
        case TooManyWaiting():
            return Problem(503, "hls_busy", "too many requests wait", str(error), headers=retry_after(1))
        case NoSuchPart():
            return Problem(404, "not_found", "no such media", str(error))
    raise error


async def media(stream: LiveStream, piece: Init | SegmentName | PartName) -> sending.SentBytes:
    """Answer from the running stream."""
    match piece:
        case Init(reel):
            return await sending.media([stream.init(reel)])
        case SegmentName(reel, msn):
            return await sending.media(await stream.segment(reel, msn))
        case PartName(reel, seq):
            return await sending.media([await stream.part(reel, seq)])


def when(stream: LiveStream, piece: Init | SegmentName | PartName) -> tuple[int, int] | None:
    """Return when a piece was on the air: begin and end, excluded, in Unix milliseconds. None for what has no time, or is gone."""
    match piece:
        case SegmentName(_, msn):
            return stream.when_segment(msn)
        case PartName(reel, seq):
            return stream.when(reel, seq)
    return None


def number(request: web.Request, name: str) -> int | None:
    """Return a delivery directive, None when it is not given; raise 400 `bad_directive` when it is no number."""
    text: Any = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise problem_of(BadDirective(f"{name} is not a number"))
    return int(text)
