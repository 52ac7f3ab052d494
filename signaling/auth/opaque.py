"""Opaque tokens: a prefix that says what it is, and 192 random bits. Only the SHA-256 is ever stored."""

from __future__ import annotations

import hashlib
import re
import secrets

from aiohttp import web

API_TOKEN = "jta_"  # noqa: S105 - a prefix, not a secret
INVITATION = "jti_"
DEVICE_TOKEN = "jtd_"  # noqa: S105
STREAM_KEY = "jtk_"
TICKET = "jtt_"
_BYTES = 24
_LETTERS = 32
_FORM = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 2048


def mint(prefix: str) -> str:
    """Return a new token: `prefix` and 32 characters of base64url."""
    return prefix + secrets.token_urlsafe(_BYTES)


def is_whole(token: str, prefix: str = "") -> bool:
    """Whether a text has the form of a token, so that nothing needs to be looked up for one that has not."""
    return len(token) == len(prefix) + _LETTERS and token.startswith(prefix) and _FORM.fullmatch(token) is not None


def digest(token: str) -> str:
    """Return what is stored of a token: its SHA-256 in hexadecimal. Headers may hold bytes that are not UTF-8."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def bearer(request: web.BaseRequest) -> str | None:
    """Return the token of `Authorization: Bearer` (RFC 6750 section 2.1), or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST else None
