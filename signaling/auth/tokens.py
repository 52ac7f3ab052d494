"""Signed watch tokens: the right of one screen to watch one lecture for some hours.

1. **A watch token is checked without the database**, so that a prefecture of screens can return within a minute.
2. The algorithm is named when a token is checked, never taken from the token (RFC 8725 section 3.1).
3. A token that is letter for letter as this server writes them is checked by one HMAC; every other one is joserfc's to judge.

Opaque tokens, which the database knows by their hash, live in `opaque.py`.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

MONITOR: Final = "monitor"
"""Subject of a watch token that stands for no school: any number of sessions, counted nowhere."""

PERSON: Final = "person:"
"""Begins the subject of a token of somebody who may read the recordings of a lecture; the user's id follows. HLS only."""

HOME: Final = "home:"
"""Begins the subject of a token of a household that watches at home (`signaling.home.tokens`). HLS only."""

KEY_FILE: Final = "watch.key"
_KEY_BYTES: Final = 32
_ALGORITHM: Final = "HS256"
_MAX_TOKEN: Final = 1024


class BadToken(ValueError):
    """A watch token that this server did not sign, or whose time is over; the message says which."""


@dataclass(frozen=True, slots=True)
class WatchClaims:
    """What a watch token says: `subject` is a screen id, `MONITOR`, `PERSON` + a user's id or `HOME` + a household; `expires_at` is Unix seconds."""

    subject: str
    lecture_id: str
    expires_at: float
    token_id: str

    @property
    def is_monitor(self) -> bool:
        """Whether the bearer stands for no school."""
        return self.subject == MONITOR

    @property
    def is_person(self) -> bool:
        """Whether the bearer may read the recordings of the lecture, approved or not."""
        return self.subject.startswith(PERSON)

    @property
    def is_screen(self) -> bool:
        """Whether the bearer is the screen of a class."""
        return not (self.is_monitor or self.is_person or self.is_home)

    @property
    def is_home(self) -> bool:
        """Whether the bearer is a household at home."""
        return self.subject.startswith(HOME)


def read_or_create_key(path: Path) -> bytes:
    """Return the signing key in `path`, made once with mode 0600; losing the file invalidates all watch tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create_key(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} holds {len(key)} bytes instead of {_KEY_BYTES}: not a watch key")
    return key


def _create_key(path: Path) -> None:
    # Written aside and linked into place: a second process or a crash never sees half a key.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        draft.unlink()


class WatchTokens:
    """Signs and checks watch tokens: JWS (RFC 7515) with HMAC SHA-256 over {sub, lec, exp, jti}."""

    def __init__(self, key: bytes) -> None:
        self._secret = key
        self._key = OctKey.import_key(key)
        self._head = self.issue(MONITOR, MONITOR, now=0.0, seconds=0.0).partition(".")[0] + "."

    @classmethod
    def in_folder(cls, data_dir: Path) -> WatchTokens:
        """Return the signer whose key lives in the data directory."""
        return cls(read_or_create_key(data_dir / KEY_FILE))

    def derived_key(self, purpose: str) -> bytes:
        """Return a key of its own for another purpose; who has it can sign no watch token."""
        return hmac.digest(self._secret, f"jiangtang: {purpose}".encode(), "sha256")

    def issue(self, subject: str, lecture_id: str, *, now: float, seconds: float) -> str:
        """Return a token for `subject` (see `WatchClaims`) and one lecture, valid `seconds` from `now`."""
        claims = {"sub": subject, "lec": lecture_id, "exp": int(now + seconds), "jti": secrets.token_urlsafe(12)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM])

    def check(self, token: str, *, now: float) -> WatchClaims:
        """Return the claims of a token; raise `BadToken` when it is not ours or expired at `now` (Unix seconds)."""
        claims = self._verified(token)
        if now >= claims.expires_at:
            raise BadToken("the watch token has expired")
        return claims

    def _verified(self, token: str) -> WatchClaims:
        if len(token) > _MAX_TOKEN:
            raise BadToken(f"a watch token of {len(token)} characters; at most {_MAX_TOKEN}")
        try:
            claims = self._own(token) or jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            return WatchClaims(_text(claims["sub"]), _text(claims["lec"]), float(claims["exp"]), _text(claims["jti"]))
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise BadToken("not a watch token of this server") from error

    def _own(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token with our header and our signature, None for any other: a fifth of joserfc's time."""
        signed, _, signature = token.rpartition(".")
        if not token.isascii() or not signed.startswith(self._head):
            return None
        digest = hmac.digest(self._secret, signed.encode(), "sha256")
        if not hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), signature.encode()):
            return None
        payload = signed.removeprefix(self._head)
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a claim is not text")
    return value
