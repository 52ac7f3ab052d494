"""FFmpeg's own `whip` muxer publishes to the transport: it offers `setup:passive`, so this side is the DTLS client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from aiohttp import web

from broadcaster.rtp.packet import RtpPacket
from tests.support.desk import Desk

FRAMES = 45


@pytest.mark.server
async def test_ffmpeg_publishes(tmp_path: Path) -> None:
    tokens = []
    async with Desk(hosts=["127.0.0.1"]) as desk:
        exchange = desk.exchange("publish")

        async def whip(request: web.Request) -> web.Response:
            tokens.append(request.headers["Authorization"])
            answer = await exchange(await request.text())
            headers = {"Location": "/whip/session/1"}
            return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)

        async def delete(request: web.Request) -> web.Response:
            return web.Response()

        app = web.Application()
        app.add_routes([web.post("/whip/1", whip), web.delete("/whip/session/1", delete)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            url = f"http://127.0.0.1:{port}/whip/1"
            command = ["-m", "tests.support.ffmpeg_whip", url, "token", str(tmp_path), str(FRAMES)]
            process = await asyncio.create_subprocess_exec(sys.executable, *command)
            async with asyncio.timeout(60):
                assert await process.wait() == 0
        finally:
            await runner.cleanup()
        packets = [RtpPacket.parse(data) for data in desk.rtp]
    assert tokens == ["Bearer token"]
    assert desk.transports[0].local.setup == "active"
    frames = {packet.timestamp for packet in packets if packet.payload_type == 106}
    assert len(frames) >= FRAMES - 3
    assert sum(packet.payload_type == 111 for packet in packets) >= FRAMES - 5
    print(desk.closed, desk.drops.as_dict())
