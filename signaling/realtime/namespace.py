"""What peers say: `connect`, `report` of a screen, `takeover_answer` of a studio. Fields: signaling/PROTOCOL.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import socketio
import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused

from signaling.api.problems import Problem
from signaling.auth.identity import Principal
from signaling.db.base import utc_now
from signaling.live.service import LiveService
from signaling.live.stamps import stamp
from signaling.realtime.gate import Gate
from signaling.realtime.peers import NAMESPACE, Peer, Peers
from signaling.realtime.pushes import Document, Pushes, for_screens

log = structlog.get_logger(__name__)
Identify = Callable[[web.Request], Awaitable[Principal | None]]
MayRead = Callable[[Principal, str], Awaitable[bool]]


class Report(BaseModel):
    """What a screen says of itself every ten seconds: hints, never evidence."""

    model_config = ConfigDict(extra="ignore", strict=True)

    playing: bool
    sound: Literal["on", "muted", "blocked"]
    visible: bool
    frames: int = Field(ge=0, lt=1 << 53)
    freezes: int = Field(ge=0, lt=1 << 53)
    path: str = Field(max_length=16)


class TakeoverAnswer(BaseModel):
    """The live studio's answer to `takeover_requested`."""

    model_config = ConfigDict(extra="ignore", strict=True)

    request_id: str = Field(max_length=64)
    allow: bool


class LiveNamespace(socketio.AsyncNamespace):  # type: ignore[misc]  # the library has no types
    """The handlers of `/live`. An acknowledgement is `{"ok": true}` or `{"ok": false, "code": ...}`."""

    def __init__(
        self,
        live: LiveService,
        peers: Peers,
        pushes: Pushes,
        gate: Gate,
        *,
        identify: Identify,
        may_read: MayRead,
        document: Document,
    ) -> None:
        super().__init__(NAMESPACE)
        self._live = live
        self._peers = peers
        self._pushes = pushes
        self._gate = gate
        self._identify = identify
        self._may_read = may_read
        self._document = document

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        """Let a screen with a watch token, or a person who may read the lecture, join; refuse anybody else."""
        if self._peers.get(sid) is not None:
            return  # a message that calls itself `connect`
        peer = await self._peer(sid, environ, auth if isinstance(auth, dict) else {})
        older = self._peers.add(peer)
        for room in peer.rooms:
            await self.enter_room(sid, room)
        self._gate.joined(self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        if older is not None:
            await self.emit("replaced", {}, to=older)
            await self.disconnect(older)
        self.server.start_background_task(self._welcome, peer)

    async def _peer(self, sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> Peer:
        watch, lecture_id = auth.get("watch"), auth.get("lecture_id")
        if isinstance(watch, str):
            return self._screen(sid, watch)
        if not isinstance(lecture_id, str):
            raise Refused("no_credential")
        principal = await self._identify(environ["aiohttp.request"])
        if principal is None:
            raise Refused("not_logged_in")
        if not await self._may_read(principal, lecture_id):
            raise Refused("not_found")
        return Peer(sid, lecture_id, principal=principal)

    def _screen(self, sid: str, token: str) -> Peer:
        try:
            claims = self._live.watching.claims(token)
        except Problem as problem:
            raise Refused(problem.code) from None
        if not claims.is_screen:
            raise Refused("not_a_screen")
        return Peer(sid, claims.lecture_id, screen_id=claims.subject)

    async def _welcome(self, peer: Peer) -> None:
        document = await self._document(peer.lecture_id)
        if peer.screen_id is None:
            await self._pushes.remember(peer.lecture_id)
        else:
            document = for_screens(document)
        message = {"boot_id": self._live.boot_id, "server_time": stamp(utc_now()), "lecture": document}
        await self.emit("hello", message, to=peer.sid)

    async def on_disconnect(self, sid: str, reason: Any = None) -> None:
        """Forget a peer."""
        self._peers.remove(sid)

    async def on_report(self, sid: str, message: Any = None) -> dict[str, Any]:
        """Keep a screen's hints for the board."""
        peer = self._peers.get(sid)
        if peer is None or peer.screen_id is None:
            return _refusal("not_a_screen")
        try:
            report = Report.model_validate(message)
        except ValidationError:
            return _refusal("invalid")
        self._live.audience.hint(peer.lecture_id, peer.screen_id, report.model_dump())
        return {"ok": True}

    async def on_takeover_answer(self, sid: str, message: Any = None) -> dict[str, Any]:
        """Pass on what the live studio decided; nobody else's answer counts."""
        peer = self._peers.get(sid)
        if peer is None or peer.principal is None:
            return _refusal("forbidden")
        try:
            answer = TakeoverAnswer.model_validate(message)
            self._live.publishing.answer(answer.request_id, peer.principal.user_id, answer.allow)
        except ValidationError:
            return _refusal("invalid")
        except Problem as problem:
            return _refusal(problem.code)
        return {"ok": True}


def _refusal(code: str) -> dict[str, Any]:
    return {"ok": False, "code": code}
