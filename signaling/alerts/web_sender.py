"""Sends a request to a judged address and nowhere else: no redirects, no proxy, no cookies, bounded in time and size."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from config.settings import AlertsSettings
from signaling.alerts import guard, robots
from signaling.alerts.messages import Message
from signaling.alerts.outcome import Outcome
from signaling.alerts.sealing import Sealed


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Pinned(AbstractResolver):
    """Gives aiohttp the judged addresses, whatever the name would resolve to now."""

    def __init__(self, target: guard.Target) -> None:
        self._target = target

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of the target; another host is a mistake."""
        if host.removesuffix(".") != self._target.host.removesuffix("."):
            raise OSError("not the judged host")
        return [
            ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in self._target.addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


class WebSender:
    """Sends to robots and webhooks."""

    def __init__(self, settings: AlertsSettings, resolve: guard.Resolve = resolve) -> None:
        self._settings = settings
        self._resolve = resolve

    async def send(self, kind: str, sealed: Sealed, message: Message, now: datetime) -> Outcome:
        """Try once; whatever goes wrong is an outcome."""
        try:
            async with asyncio.timeout(self._settings.send_seconds):
                target = await guard.check(sealed.target, self._resolve, allow_private=self._settings.allow_private)
                return await self._post(kind, target, robots.post(kind, sealed.target, sealed.secret, message, now))
        except guard.Refused as refused:
            return Outcome("refused_address", str(refused), final=True)
        except TimeoutError:
            return Outcome("timeout")
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            return Outcome("tls_failed")
        except (OSError, aiohttp.ClientError) as error:
            return Outcome("unreachable", type(error).__name__)

    async def _post(self, kind: str, target: guard.Target, post: robots.Post) -> Outcome:
        connector = aiohttp.TCPConnector(resolver=Pinned(target), use_dns_cache=False, force_close=True)
        jar = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=jar, trust_env=False) as session,
            session.post(post.url, data=post.body, headers=post.headers, allow_redirects=False) as response,
        ):
            answer = await response.content.read(self._settings.answer_bytes)
            if not response.content.at_eof() and kind in {"wecom", "dingtalk"}:
                return Outcome("too_large", f"more than {self._settings.answer_bytes} bytes")
            return robots.verdict(kind, response.status, answer)
