"""Edits that refuse to lose somebody else's: RFC 9110 section 13.1.1.

Every document that can be edited has a `version`, counted by the database. It goes out as a strong ETag; an edit sends it back as
`If-Match`. **An edit without it is refused with 428, one of an older version with 412**, and nothing is changed.
"""

from __future__ import annotations

from aiohttp import ETag, web

from signaling.api.problems import Problem


def header(version: int) -> dict[str, str]:
    """Return the header of a document's answer."""
    return {"ETag": f'"{version}"'}


def require(request: web.Request, version: int) -> None:
    """Raise 428 `no_if_match` or 412 `changed_meanwhile` unless the request was made for this version. `*` is no version."""
    wanted = request.if_match
    if not wanted or any(tag.value == "*" for tag in wanted):
        raise Problem(428, "no_if_match", "send the ETag of the document that you edit as If-Match")
    if ETag(str(version)) not in wanted:
        raise changed_meanwhile(version)


def changed_meanwhile(version: int | None = None) -> Problem:
    """Return the problem of a lost race; a service raises it for SQLAlchemy's `StaleDataError`."""
    return Problem(412, "changed_meanwhile", "somebody changed this meanwhile; read it again", version=version)
