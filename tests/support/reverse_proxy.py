"""A reverse proxy as administrators put it before a server: ends TLS, tells by forwarded headers who asked and how."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"})


@asynccontextmanager
async def reverse_proxy(upstream: str, tls: ssl.SSLContext, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """Yield the https URL of a proxy before `upstream`; `address` is where its own connections come from."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as client:

        async def forward(request: web.Request) -> web.Response:
            headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
            headers += [("X-Forwarded-For", str(request.remote)), ("X-Forwarded-Proto", request.scheme)]
            url = upstream + request.raw_path
            body = await request.read()
            async with client.request(
                request.method, url, data=body or None, headers=headers, allow_redirects=False, auto_decompress=False
            ) as answer:
                response = web.Response(status=answer.status, body=await answer.read())
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP | {"content-type", "date"}:
                        response.headers.add(name, value)
                if "Content-Type" in answer.headers:
                    response.headers["Content-Type"] = answer.headers["Content-Type"]
                return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            yield f"https://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
