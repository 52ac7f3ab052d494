"""The door to aiortc's delay-based bandwidth estimate (draft-ietf-rmcat-gcc-02 section 5, by abs-send-time)."""

from __future__ import annotations

from aiortc.rate import RemoteBitrateEstimator


class DelayEstimator:
    """How many bits a second the path from one sender carries, judged by how its packets' delays change."""

    __slots__ = ("_estimator",)

    def __init__(self) -> None:
        self._estimator = RemoteBitrateEstimator()

    def add(self, arrival: float, abs_send_time: int, size: int, ssrc: int) -> int | None:
        """Take a packet: `arrival` in monotonic seconds, the 24 bits of its abs-send-time, `size` in bytes of payload.

        Returns a new estimate in bits a second when it is time for one: twice a second, at once on congestion.
        """
        update = self._estimator.add(int(arrival * 1000), abs_send_time & 0xFFFFFF, size, ssrc)
        return None if update is None else int(update[0])

    def start_from(self, bitrate: int, now: float) -> None:
        """Begin with `bitrate` bits a second, instead of waiting three seconds for the first measurement."""
        self._estimator.rate_control.set_estimate(bitrate, int(now * 1000))
