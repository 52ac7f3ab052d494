"""Signed receipts of HLS requests: what makes a line of a reverse proxy's access log evidence.

    receipt = subject "/" lecture id "/" from "-" to "/" signature         (from, to: Unix seconds)

1. The server gives a receipt with every good answer to `/hls-auth` and with every playlist; the proxy writes it beside the request.
2. **The key is made from the watch key and is used for nothing else**: a receipt is no token, a token is no receipt.
3. A receipt says who asked for what lecture in which seconds, not which part: it may be used again within its window, and only there.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Final

from signaling.auth.tokens import WatchTokens

HEADER: Final = "X-Watch-Receipt"
PURPOSE: Final = "receipts of hls requests, 1"
_SIGNATURE_BYTES: Final = 18
_FORM: Final = re.compile(r"([\w:.-]{1,64})/([\w.-]{1,64})/([0-9]{1,12})-([0-9]{1,12})/([\w-]{24})", re.ASCII)


class BadReceipt(ValueError):
    """Text that is no receipt, or that was not signed by this server; the message says which."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The bearer of a watch token for `subject` was served `lecture_id` between two times, in Unix seconds."""

    subject: str
    lecture_id: str
    begins_at: int
    ends_at: int


class Receipts:
    """Signs and verifies receipts of `seconds` each."""

    def __init__(self, key: bytes, seconds: int) -> None:
        self._key = key
        self.seconds = seconds

    @classmethod
    def of(cls, tokens: WatchTokens, seconds: int) -> Receipts:
        """Return the signer that belongs to a server's watch tokens."""
        return cls(tokens.derived_key(PURPOSE), seconds)

    def sign(self, subject: str, lecture_id: str, now: float) -> str:
        """Return a receipt from `now` (Unix seconds) on. The cached answer that carries it is used up to its end."""
        text = f"{subject}/{lecture_id}/{int(now)}-{int(now) + self.seconds + 1}"
        return f"{text}/{self._signature(text)}"

    def verify(self, text: str) -> Receipt:
        """Return what a receipt says; raise `BadReceipt`."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise BadReceipt("not a receipt")
        signed, _, signature = text.rpartition("/")
        if not hmac.compare_digest(self._signature(signed), signature):
            raise BadReceipt("the receipt was not signed by this server")
        return Receipt(match[1], match[2], int(match[3]), int(match[4]))

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode()
