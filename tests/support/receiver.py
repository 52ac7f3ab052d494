"""A web server on loopback that takes messages as the robots of WeCom and DingTalk do, and as a webhook's receiver should."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

SECRET = "SEC0123456789abcdef"


@dataclass
class Receiver:
    """What came in: path, headers and document. `answers` are given one after the other, then the usual ones."""

    url: str = ""
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)
    hang: asyncio.Event = field(default_factory=asyncio.Event)

    async def wecom(self, request: web.Request) -> web.StreamResponse:
        """Answer as WeCom: 200 always, `errcode` tells."""
        return await self._take(request, {"errcode": 0, "errmsg": "ok"})

    async def dingtalk(self, request: web.Request) -> web.StreamResponse:
        """Check time and signature as DingTalk's documentation says."""
        moment = request.query.get("timestamp", "")
        digest = hmac.new(SECRET.encode(), f"{moment}\n{SECRET}".encode(), "sha256").digest()
        right = request.query.get("sign") == base64.b64encode(digest).decode()
        told = {"errcode": 0, "errmsg": "ok"} if right else {"errcode": 310000, "errmsg": "sign not match"}
        return await self._take(request, told)

    async def hook(self, request: web.Request) -> web.StreamResponse:
        """Check the signature over time and body."""
        moment, _, given = request.headers["X-Jiangtang-Signature"].partition(",v1=")
        signed = moment.removeprefix("t=").encode() + b"." + await request.read()
        right = hmac.new(SECRET.encode(), signed, "sha256").hexdigest() == given
        return await self._take(request, {"right": right}, 200 if right else 401)

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Send the client somewhere else."""
        return web.Response(status=302, headers={"Location": f"{self.url}/hook"})

    async def slow(self, request: web.Request) -> web.StreamResponse:
        """Say nothing until the test is over."""
        await self.hang.wait()
        return web.Response()

    async def huge(self, request: web.Request) -> web.StreamResponse:
        """Answer without an end worth reading."""
        return web.Response(body=b" " * 200_000 + b'{"errcode": 0}')

    async def _take(self, request: web.Request, answer: Any, status: int = 200) -> web.StreamResponse:
        self.got.append((request.path, dict(request.headers), json.loads(await request.read())))
        return self.answers.pop(0) if self.answers else web.json_response(answer, status=status)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Yield a receiver on a free port."""
    made = Receiver()
    app = web.Application()
    for name in ("wecom", "dingtalk", "hook", "elsewhere", "slow", "huge"):
        app.router.add_post(f"/{name}", getattr(made, name))
    async with TestServer(app) as server:
        made.url = f"http://127.0.0.1:{server.port}"
        try:
            yield made
        finally:
            made.hang.set()
