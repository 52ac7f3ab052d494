"""Errors of the API as RFC 9457 problem documents with a stable `code`.

The server sends codes and parameters; the pages turn them into sentences with 原因 and 下一步. `title` and `detail` are for
people who read the API directly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


class Problem(Exception):
    """Raise it in a handler or a service called by one; the middleware turns it into the document.

    `code` is stable and lower_snake_case; `fields` are further members of the document; `headers` go on the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(f"{status} {code}: {title} {detail}".strip())
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.fields = fields
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document (RFC 9457 section 3.1)."""
        document: dict[str, Any] = {
            "type": f"urn:jiangtang:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        return document | self.fields

    def response(self) -> web.Response:
        """Return the HTTP response."""
        body = json.dumps(self.document(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"} | self.headers
        return web.Response(status=self.status, body=body, headers=headers)


def not_found(what: str) -> Problem:
    """Return the problem of a thing that does not exist, or that the caller must not know of."""
    return Problem(404, "not_found", f"no such {what}")


def not_available(what: str) -> Problem:
    """Return the problem of an interface that is fixed but not offered yet."""
    return Problem(501, "not_available", f"{what} is not available on this server")
