"""What the lecturer is told that it may send."""

from __future__ import annotations

import pytest

from broadcaster.forward.bandwidth import BandwidthPolicy
from broadcaster.transport.rate import DelayEstimator


class Spoken:
    """An estimator that says what it was told to say."""

    def __init__(self) -> None:
        self.next: int | None = None
        self.seen: list[tuple[float, int, int, int]] = []

    def add(self, arrival: float, abs_send_time: int, size: int, ssrc: int) -> int | None:
        self.seen.append((arrival, abs_send_time, size, ssrc))
        said, self.next = self.next, None
        return said


def policy() -> tuple[BandwidthPolicy, Spoken]:
    spoken = Spoken()
    return BandwidthPolicy(spoken, start=1_200_000, lowest=150_000, highest=2_500_000), spoken


def hear(bandwidth: BandwidthPolicy, spoken: Spoken, estimate: int, now: float = 0.0) -> None:
    spoken.next = estimate
    bandwidth.packet(5, 1000, 7, now)


def test_the_start_is_told_at_once_and_then_every_second() -> None:
    bandwidth, _ = policy()
    assert bandwidth.next_timer() is None
    assert bandwidth.due(10.0) == 1_200_000
    assert bandwidth.due(10.9) is None
    assert bandwidth.next_timer() == 11.0
    assert bandwidth.due(11.0) == 1_200_000


@pytest.mark.parametrize(("estimate", "told"), [(10, 150_000), (900_000, 900_000), (99_000_000, 2_500_000)])
def test_what_is_told_lies_between_the_limits(estimate: int, told: int) -> None:
    bandwidth, spoken = policy()
    hear(bandwidth, spoken, estimate)
    assert bandwidth.bitrate == told


def test_a_fall_is_told_at_once_and_a_rise_is_not() -> None:
    bandwidth, spoken = policy()
    bandwidth.due(0.0)
    hear(bandwidth, spoken, 1_300_000)
    assert bandwidth.due(0.1) is None
    hear(bandwidth, spoken, 800_000)
    assert bandwidth.due(0.2) == 800_000


def test_loss_caps_the_estimate_and_lets_go_slowly() -> None:
    bandwidth, spoken = policy()
    hear(bandwidth, spoken, 2_000_000)
    bandwidth.loss(0.2)
    assert bandwidth.bitrate == 1_800_000
    bandwidth.loss(0.05)
    assert bandwidth.bitrate == 1_800_000
    bandwidth.loss(0.0)
    assert bandwidth.bitrate == 1_890_000
    for _ in range(10):
        bandwidth.loss(0.0)
    assert bandwidth.bitrate == 2_000_000


def test_heavy_loss_never_goes_below_the_lowest_rate() -> None:
    bandwidth, _ = policy()
    for _ in range(100):
        bandwidth.loss(1.0)
    assert bandwidth.bitrate == 150_000


def test_a_packet_without_send_time_tells_nothing() -> None:
    bandwidth, spoken = policy()
    bandwidth.packet(None, 1000, 7, 0.0)
    assert spoken.seen == []


def test_the_real_estimator_falls_when_delays_grow() -> None:
    bandwidth = BandwidthPolicy(DelayEstimator(), start=2_000_000, lowest=150_000, highest=2_500_000)
    for number in range(2_000):
        sent = number * 0.004
        delay = 0.02 if number < 1_000 else 0.02 + (number - 1_000) * 0.002
        bandwidth.packet(int(sent * (1 << 18)) & 0xFFFFFF, 1000, 7, sent + delay)
    assert bandwidth.bitrate < 1_500_000
