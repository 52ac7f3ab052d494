"""How much the lecturer may send: a policy around a delay-based estimator, told by REMB.

1. What is told lies within [`lowest`, `highest`], whatever the estimator says.
2. **Loss caps the estimate** (draft-ietf-rmcat-gcc-02 section 6): above 10 % the rate falls, between 2 % and 10 % it
   stays, below 2 % it may rise by 5 % a report.
3. A fall by 3 % is told at once; anything else once a second.
"""

from __future__ import annotations

from typing import Final, Protocol

HIGH_LOSS: Final = 0.10
LOW_LOSS: Final = 0.02
RISE: Final = 1.05
FALL_SHARE: Final = 0.97
TELL_SECONDS: Final = 1.0


class Estimator(Protocol):
    """A delay-based estimate of what one path carries."""

    def add(self, arrival: float, abs_send_time: int, size: int, ssrc: int) -> int | None:
        """Take a packet; return a new estimate in bits a second when it is time for one."""


class BandwidthPolicy:
    """What to tell one lecturer. Rates are bits a second, times monotonic seconds."""

    def __init__(self, estimator: Estimator, *, start: int, lowest: int, highest: int) -> None:
        self._estimator = estimator
        self._lowest = lowest
        self._highest = highest
        self._by_delay = self._clamp(start)
        self._by_loss = highest
        self._told: int | None = None
        self._told_at = 0.0

    @property
    def bitrate(self) -> int:
        """What the lecturer may send."""
        return self._clamp(min(self._by_delay, self._by_loss))

    def packet(self, abs_send_time: int | None, size: int, ssrc: int, now: float) -> None:
        """Take a packet of `size` octets; without a send time it tells nothing."""
        if abs_send_time is None:
            return
        estimate = self._estimator.add(now, abs_send_time, size, ssrc)
        if estimate is not None:
            self._by_delay = self._clamp(estimate)

    def loss(self, fraction: float) -> None:
        """Take the share of packets that were lost since the last report, after repair, in 0..1."""
        if fraction > HIGH_LOSS:
            self._by_loss = self._clamp(int(self.bitrate * (1 - 0.5 * fraction)))
        elif fraction < LOW_LOSS:
            self._by_loss = self._clamp(int(max(self._by_loss, self._lowest) * RISE))

    def due(self, now: float) -> int | None:
        """Return the bitrate to tell now, None when there is nothing new; a rate counts as told."""
        bitrate = self.bitrate
        fell = self._told is not None and bitrate < self._told * FALL_SHARE
        if self._told is not None and not fell and now - self._told_at < TELL_SECONDS:
            return None
        self._told, self._told_at = bitrate, now
        return bitrate

    def next_timer(self) -> float | None:
        """Return when `due` has something to tell in any case; None before the first time, which is at once."""
        return None if self._told is None else self._told_at + TELL_SECONDS

    def _clamp(self, bitrate: int) -> int:
        return max(self._lowest, min(self._highest, bitrate))
