"""Secrets that have to be known again: encrypted with AES-256-GCM (RFC 5116) under a key that is not in the database.

**Who has the database alone has none of them.** The key is derived from the one in the data folder, which a backup takes along. A sealed
secret belongs to one owner: put into another's row it does not open.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12


class SealError(Exception):
    """The secret does not open: the key in the data folder is not the one that sealed it, or there is none."""


class Sealing:
    """Seals and opens; without a key (a command that needs none) both raise `SealError`."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = None if key is None else AESGCM(key)

    def seal(self, secret: str, owner: str) -> str:
        """Return what is stored: base64url of nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._ours().encrypt(nonce, secret.encode(), owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> str:
        """Return the secret; raise `SealError` when it is of another key or another owner, or was changed."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
            return self._ours().decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealError("a stored secret does not open: is the key of the data folder another one?") from None

    def _ours(self) -> AESGCM:
        if self._cipher is None:
            raise SealError("there is no key for the secrets of one-time codes")
        return self._cipher
