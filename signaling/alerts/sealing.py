"""Keeps targets and secrets of channels unreadable in the database: Fernet (AES-128-CBC with HMAC-SHA256) under a derived key."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken


@dataclass(frozen=True, slots=True)
class Sealed:
    """What must not be read by who reads the database: robots' addresses hold their keys."""

    target: str
    secret: str = ""


class CannotOpen(ValueError):
    """The server's key is another one than that with which a channel was sealed."""


class Sealer:
    """Seals and opens with a key of 32 bytes (`WatchTokens.derived_key`)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, plain: Sealed) -> str:
        """Return text for the database."""
        return self._fernet.encrypt(json.dumps(asdict(plain)).encode()).decode()

    def open(self, sealed: str) -> Sealed:
        """Return what `seal` was given; raise `CannotOpen`."""
        try:
            return Sealed(**json.loads(self._fernet.decrypt(sealed.encode())))
        except InvalidToken:
            raise CannotOpen("sealed with another key") from None
