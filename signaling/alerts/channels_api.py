"""`/api/v1/channels`: where alarms are told outside the console, and what became of the messages."""

from __future__ import annotations

from aiohttp import web

from signaling.alerts import channel_documents as shown
from signaling.alerts.channels_service import ChannelsService
from signaling.alerts.dispatch import Dispatcher
from signaling.alerts.messages import unpacked
from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService


def routes(auth: AuthService, channels: ChannelsService, dispatcher: Dispatcher) -> list[web.RouteDef]:
    """Return the routes."""
    api = ChannelsApi(auth, channels, dispatcher)
    one = "/api/v1/channels/{channel_id}"
    return [
        web.get("/api/v1/channels", api.listing),
        web.post("/api/v1/channels", api.add),
        web.get(one, api.one),
        web.patch(one, api.change),
        web.delete(one, api.remove),
        web.post(f"{one}/test", api.test),
        web.get(f"{one}/notices", api.notices),
    ]


class ChannelsApi:
    """The handlers."""

    def __init__(self, auth: AuthService, channels: ChannelsService, dispatcher: Dispatcher) -> None:
        self._auth = auth
        self._channels = channels
        self._dispatcher = dispatcher

    async def _caller(self, request: web.Request) -> Principal:
        return await self._auth.require(request, Permission.CHANNEL_EDIT)

    @operation("List channels", query=shown.ChannelQuery, answer=Page[shown.ChannelDocument])
    async def listing(self, request: web.Request) -> web.Response:
        await self._caller(request)
        wanted = query(request, shown.ChannelQuery)
        rows, total = await self._channels.page(wanted.size, wanted.offset)
        return reply(page_of([shown.channel_document(row) for row in rows], total, wanted))

    @operation("Add a channel", body=shown.NewChannel, answer=shown.ChannelDocument, status=201)
    async def add(self, request: web.Request) -> web.Response:
        principal = await self._caller(request)
        order = await body(request, shown.NewChannel)
        channel_id = await self._channels.add(order.model_dump(), principal.user_id)
        return await self._answer(channel_id, 201)

    @operation("Read a channel", answer=shown.ChannelDocument)
    async def one(self, request: web.Request) -> web.Response:
        await self._caller(request)
        return await self._answer(request.match_info["channel_id"])

    @operation("Change a channel", body=shown.ChannelEdit, answer=shown.ChannelDocument, if_match=True)
    async def change(self, request: web.Request) -> web.Response:
        principal, version = await self._edited(request)
        order = await body(request, shown.ChannelEdit)
        changes = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        channel_id = request.match_info["channel_id"]
        await self._channels.change(channel_id, version, changes, principal.user_id)
        return await self._answer(channel_id)

    @operation("Delete a channel; its receipts stay", status=204, if_match=True)
    async def remove(self, request: web.Request) -> web.Response:
        principal, version = await self._edited(request)
        await self._channels.remove(request.match_info["channel_id"], version, principal.user_id)
        return web.Response(status=204)

    @operation("Send a message over a channel now and tell how that ended", answer=shown.TrialDocument)
    async def test(self, request: web.Request) -> web.Response:
        principal = await self._caller(request)
        channel, notice = await self._channels.trial(request.match_info["channel_id"], principal.user_id)
        outcome = await self._dispatcher.send(channel, unpacked(notice.message))
        await self._channels.tried(notice.id, outcome)
        return reply(shown.TrialDocument(ok=outcome.ok, outcome=outcome.code, detail=outcome.detail))

    @operation(
        "List what was and will be sent over a channel", query=shown.NoticeQuery, answer=Page[shown.NoticeDocument]
    )
    async def notices(self, request: web.Request) -> web.Response:
        await self._caller(request)
        wanted = query(request, shown.NoticeQuery)
        rows, total = await self._channels.notices(request.match_info["channel_id"], wanted.size, wanted.offset)
        return reply(page_of([shown.notice_document(row) for row in rows], total, wanted))

    async def _edited(self, request: web.Request) -> tuple[Principal, int]:
        principal = await self._caller(request)
        found = await self._channels.one(request.match_info["channel_id"])
        etags.require(request, found.channel.version)
        return principal, found.channel.version

    async def _answer(self, channel_id: str, status: int = 200) -> web.Response:
        row = await self._channels.one(channel_id)
        return reply(shown.channel_document(row), status, etags.header(row.channel.version))
