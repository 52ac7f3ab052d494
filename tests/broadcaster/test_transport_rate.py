"""The door to aiortc's bandwidth estimate: it rises on a free path and falls when delays grow."""

from __future__ import annotations

from broadcaster.transport.rate import DelayEstimator

PACKET_BYTES = 1_100


def abs_send_time(seconds: float) -> int:
    """24 bits in units of 2^-18 s (RTP header extension abs-send-time)."""
    return int(seconds * (1 << 18)) & 0xFFFFFF


def send(estimator: DelayEstimator, *, begin: float, seconds: float, bitrate: float, delay_growth: float) -> list[int]:
    """Let packets of `bitrate` come in, the delay growing by `delay_growth` seconds a second; return the estimates."""
    estimates = []
    interval = PACKET_BYTES * 8 / bitrate
    for number in range(int(seconds / interval)):
        sent = begin + number * interval
        arrival = sent + 0.02 + delay_growth * (sent - begin)
        estimate = estimator.add(arrival, abs_send_time(sent), PACKET_BYTES, ssrc=7)
        if estimate is not None:
            estimates.append(estimate)
    return estimates


def test_a_free_path_raises_the_estimate() -> None:
    estimator = DelayEstimator()
    estimator.start_from(600_000, now=100.0)
    estimates = send(estimator, begin=100.0, seconds=10.0, bitrate=1_000_000, delay_growth=0.0)
    assert len(estimates) >= 15, "twice a second"
    assert estimates == sorted(estimates)
    assert estimates[-1] > 1_000_000


def test_growing_delays_lower_it_below_what_comes_in() -> None:
    estimator = DelayEstimator()
    estimator.start_from(1_000_000, now=100.0)
    send(estimator, begin=100.0, seconds=5.0, bitrate=1_000_000, delay_growth=0.0)
    estimates = send(estimator, begin=105.0, seconds=5.0, bitrate=1_000_000, delay_growth=0.1)
    assert min(estimates) < 950_000


def test_the_clock_of_abs_send_time_may_wrap() -> None:
    estimator = DelayEstimator()
    estimator.start_from(600_000, now=60.0)
    estimates = send(estimator, begin=60.0, seconds=10.0, bitrate=1_000_000, delay_growth=0.0)
    assert estimates == sorted(estimates), "the wrap at 64 s is no delay"
