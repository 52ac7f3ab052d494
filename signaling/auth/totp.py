"""One-time codes by the clock (RFC 6238: SHA-1, six digits, 30 seconds) and the recovery codes behind them. Time comes in as an argument.

1. **A code is taken once**: what is of the last step taken, or before it, is refused (RFC 6238 section 5.2).
2. A clock may be one step off in either direction.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime
from typing import Final

import pyotp

STEP: Final = 30
DRIFT: Final = 1
DIGITS: Final = 6
CODES: Final = 10
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32: five bits each, and none that looks like another
_LENGTH: Final = 16


def new_secret() -> str:
    """Return 160 random bits in base32 (RFC 4226 section 4, R6)."""
    return pyotp.random_base32()


def address(secret: str, account: str, issuer: str) -> str:
    """Return the `otpauth:` URI that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(code: str, secret: str, now: datetime, last_step: int) -> int | None:
    """Return the step that a code belongs to, None when it is wrong, too old or was taken before. Every step costs the same."""
    here = int(now.timestamp()) // STEP
    made = pyotp.TOTP(secret)
    found = [
        step
        for step in range(here - DRIFT, here + DRIFT + 1)
        if hmac.compare_digest(made.generate_otp(step).encode(), code.encode()) and step > last_step
    ]
    return found[0] if found else None


def is_code(text: str) -> bool:
    """Whether it has the form of a one-time code."""
    return re.fullmatch(r"[0-9]{6}", text) is not None


def recovery_codes() -> list[str]:
    """Return new recovery codes of 80 random bits each: `ABCD-EFGH-JKLM-NPQR`."""
    letters = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(CODES)]
    return ["-".join(one[place : place + 4] for place in range(0, _LENGTH, 4)) for one in letters]


def plain(text: str) -> str:
    """Return a code as it is compared: without spaces and dashes, in capitals."""
    return re.sub(r"[\s-]", "", text).upper()
