"""WHIP and WHEP over HTTP for the load generator: one POST an offer. Child processes import `opener` by its name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from broadcaster.loadgen.exchange import Exchange, Refused, Unreachable

ANSWER_SECONDS: Final = 10.0
LONGEST_WAIT: Final = 10.0
COMES_AGAIN: Final = frozenset(
    {429, 503}
)  # a lecture that is closed (409) tells when to come back too, but not to a trial


@asynccontextmanager
async def opener() -> AsyncIterator[Exchange]:
    """Yield an exchange that keeps its connections, as browsers that showed a page from the same server do."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:

        async def exchange(url: str, token: str, offer: str) -> str:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
            try:
                async with session.post(url, data=offer, headers=headers) as response:
                    if response.status == 201:
                        return await response.text()
                    raise _refusal(response.status, await response.text(), response.headers.get("Retry-After", ""))
            except aiohttp.ClientConnectorError as error:
                raise Unreachable(f"no connection to {error.host}:{error.port}: {error.os_error.strerror}") from error
            except aiohttp.ClientError as error:
                raise Unreachable(_first_line(error)) from error
            except TimeoutError:
                raise Unreachable(f"no answer to the offer within {ANSWER_SECONDS:g} s") from None

        yield exchange


def _refusal(status: int, body: str, retry_after: str) -> Refused:
    try:
        code = str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        code = ""
    wait = float(retry_after) if retry_after.isdigit() and status in COMES_AGAIN else None
    return Refused(status, code, None if wait is None else min(wait, LONGEST_WAIT))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:120] or type(error).__name__
