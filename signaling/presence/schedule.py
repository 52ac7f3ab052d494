"""When a lecture is interrupted by a presence check, and what each screen is asked. Pure; randomness is an argument.

1. The policy says how many checks there are; the lecture is cut in as many equal parts, and each has one at a random second. Time is that on
   the air: a pause moves what comes after it.
2. No check falls into the first `lead_seconds` of a part, nor so late that the time to answer would run out behind it: so far is one from the end of the
   one before, at least.
3. **The same key and broadcast give the same moments, and the same key, check and screen the same digits**: a restarted server goes on with the checks of
   the one before, and each screen of a school has digits of its own.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

TILES: Final = 4
_DIGITS: Final = "123456789"

Draw = Callable[[int], float]
"""Gives a random number, 0 <= x < 1, for the place of a check."""


class Rules(Protocol):
    """What the policy says about presence checks."""

    @property
    def seconds(self) -> int:
        """Seconds to answer."""

    @property
    def lead_seconds(self) -> int:
        """Seconds at the beginning of each part in which no check comes."""

    def planned(self, minutes: int) -> int:
        """Return how many checks a lecture of so many minutes has."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one screen is asked: the right digit and the four on the tiles."""

    right: str
    tiles: tuple[str, ...]


def moments(minutes: int, rules: Rules, draw: Draw) -> tuple[float, ...]:
    """Return when the checks begin, in seconds on the air, the earliest first."""
    count = rules.planned(minutes)
    part = minutes * 60 / count if count else 0.0
    room = max(0.0, part - rules.lead_seconds - rules.seconds)
    lead = min(rules.lead_seconds, part / 2)
    return tuple(place * part + lead + draw(place) * room for place in range(count))


def drawing(key: bytes, broadcast_id: str) -> Draw:
    """Return the randomness of one broadcast: nobody without the key can tell it in advance."""

    def draw(place: int) -> float:
        return int.from_bytes(hmac.digest(key, f"moment {broadcast_id} {place}".encode(), "sha256")[:6]) / (1 << 48)

    return draw


def question(key: bytes, challenge_id: str, screen_id: str) -> Question:
    """Return what a screen is asked in a check: four different digits, one of which is right."""
    left = int.from_bytes(hmac.digest(key, f"digits {challenge_id} {screen_id}".encode(), "sha256"))
    digits, tiles = list(_DIGITS), []
    for _ in range(TILES):
        left, place = divmod(left, len(digits))
        tiles.append(digits.pop(place))
    return Question(tiles[left % TILES], tuple(tiles))
