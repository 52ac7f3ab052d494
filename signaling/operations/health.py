"""`/healthz`: the process lives. `/readyz`: it can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from signaling.api.parsing import reply

Check = Callable[[], Awaitable[str]]
"""Return an empty string when all is well, else a word or sentence that says what is not."""


class Health:
    """Answers the two questions."""

    def __init__(
        self,
        about: Mapping[str, str],
        checks: Mapping[str, Check],
        states: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        """`about` stands; `states` are words that change and let the process live on; `checks` decide whether it can serve."""
        self._about = dict(about)
        self._checks = dict(checks)
        self._states = dict(states or {})

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, request: web.Request) -> web.Response:
        return reply({"status": "ok"} | self._about | {name: word() for name, word in self._states.items()})

    async def _ready(self, request: web.Request) -> web.Response:
        found = {name: await check() for name, check in self._checks.items()}
        ready = not any(found.values())
        document = {
            "status": "ready" if ready else "not_ready",
            "checks": {name: word or "ok" for name, word in found.items()},
        }
        return reply(document, 200 if ready else 503)
