"""What a password must be. Pure: a password and whose it is go in, reasons come out.

Length counts most (NIST SP 800-63B section 3.1.1); a password of one kind of letters, of few letters, in a row, well known or like the
person's own name is refused. **Nothing is refused for being long or for its letters**: a sentence in Chinese is a good password.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from signaling.auth.common_passwords import COMMON

LONGEST = 256
FEWEST_LETTERS = 4  # different ones
SHORTEST_PART = 3  # of a login that a password must not hold
ROWS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for one person; the API tells them, so that a page can show them while somebody types."""

    shortest: int
    kinds: int

    def reasons(self, password: str, login: str = "", name: str = "") -> list[str]:
        """Return why the password is refused, in a fixed order; nothing when it is good.

        `too_short`, `too_long`, `few_kinds`, `few_letters`, `row`, `common`, `like_login`, `like_name`.
        """
        plain = normal(password)
        checks = {
            "too_short": len(password) < self.shortest,
            "too_long": len(password) > LONGEST,
            "few_kinds": kinds(password) < self.kinds,
            "few_letters": len(set(plain)) < FEWEST_LETTERS,
            "row": _is_row(plain),
            "common": plain in COMMON or plain.strip("0123456789!@#$%.") in COMMON,
            "like_login": _holds(plain, normal(login), SHORTEST_PART),
            "like_name": _holds(plain, normal(name), 2),
        }
        return [reason for reason, wrong in checks.items() if wrong]


def normal(text: str) -> str:
    """Return a text as it is compared: width and case do not count."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def kinds(password: str) -> int:
    """Return how many kinds there are: small letters, capitals, other letters (Chinese), digits, signs."""
    tests = (str.islower, str.isupper, str.isdigit, str.isalpha)
    return len({next((place for place, test in enumerate(tests) if test(letter)), len(tests)) for letter in password})


def _holds(password: str, word: str, shortest: int) -> bool:
    return len(word) >= shortest and (word in password or word[::-1] in password)


def _is_row(password: str) -> bool:
    """Whether it is a run over a keyboard or the alphabet, forwards or backwards, once or again and again."""
    return len(password) > 1 and any(
        password in row * 20 or password in row[::-1] * 20 for row in ROWS if password[0] in row
    )
