"""Sticker codes of rooms: derived from a key, so that there is nothing to steal in the database. Pure.

A code has eleven letters of 55 random bits and one check letter, in an alphabet without 0, O, 1 and I; groups of four are for the
eye. **A code with a wrong check letter is refused before anything is looked up.**
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LETTERS: Final = 12


def code_of(key: bytes, screen_id: str, serial: int) -> str:
    """Return the code of a room's sticker; another serial number is another code."""
    digest = int.from_bytes(hmac.digest(key, f"{screen_id}:{serial}".encode(), "sha256"), "big")
    letters = "".join(ALPHABET[digest >> 5 * place & 31] for place in range(LETTERS - 1))
    return letters + _check(letters)


def normal(text: str) -> str | None:
    """Return a code as it was typed or scanned in its normal form; None when it cannot be one."""
    code = "".join(text.upper().replace("-", " ").split())
    if len(code) != LETTERS or not set(code) <= set(ALPHABET):
        return None
    return code if code[-1] == _check(code[:-1]) else None


def grouped(code: str) -> str:
    """Return a code as it is printed."""
    return "-".join(code[place : place + 4] for place in range(0, LETTERS, 4))


def digest_of(code: str) -> str:
    """Return what is stored of a code."""
    return hashlib.sha256(b"sticker:" + code.encode()).hexdigest()


def _check(letters: str) -> str:
    """A weighted sum modulo the alphabet's 32: odd weights, so that one wrong letter is always found."""
    return ALPHABET[sum((2 * place + 1) * ALPHABET.index(letter) for place, letter in enumerate(letters)) % 32]
