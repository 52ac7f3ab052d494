"""Lip-sync on simulated lectures: hours pass as arithmetic."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from broadcaster.media import Kind, SenderClock
from recorder.clock import ArrivalMap, LipSync, ReportMap, SoundPlacer, jumped

EPOCH = 3_900_000_000.0


@dataclass
class Studio:
    """A lecturer whose sound clock runs fast or slow, whose streams have their own delay and offset."""

    drift: float = 0.0  # of the sound clock, as a share
    video_delay: float = 0.03
    sound_delay: float = 0.03
    reports_after: float = 2.2
    seed: int = 1

    def video_timestamp(self, time: float) -> int:
        return 123_456 + round(time * 90_000)

    def sound_timestamp(self, time: float) -> int:
        return 9_000_000 + round(time * 48_000 * (1 + self.drift))

    def errors(self, seconds: float) -> Iterator[tuple[float, float]]:
        """Yield the time and by how many seconds each 40 ms of sound is placed wrongly."""
        chance = random.Random(self.seed)
        sync, placer = LipSync(), SoundPlacer()
        origin = self.video_timestamp(0.0)
        video_report, sound_report = 0.5, self.reports_after
        for number in range(int(seconds / 0.04)):
            time = number * 0.04
            sync.observe(Kind.VIDEO, self.video_timestamp(time), time + self.video_delay + chance.random() * 0.01)
            if time >= video_report:
                self._report(sync, Kind.VIDEO, time, self.video_timestamp(time), chance)
                video_report += 1.2
            if time >= sound_report:
                self._report(sync, Kind.AUDIO, time, self.sound_timestamp(time), chance)
                sound_report += 5.0
            timestamp = self.sound_timestamp(time)
            sync.observe(Kind.AUDIO, timestamp, time + self.sound_delay + chance.random() * 0.01)
            wanted = sync.video_time(timestamp)
            assert wanted is not None
            position = placer.place(timestamp, (wanted - origin) * 48_000 / 90_000)
            yield time, position / 48_000 - time

    def _report(self, sync: LipSync, kind: Kind, time: float, timestamp: int, chance: random.Random) -> None:
        jitter = (chance.random() - 0.5) * 0.0007
        sync.report(SenderClock(kind, EPOCH + time + jitter, timestamp, time + 0.03))


@pytest.mark.parametrize("drift", [0.0, 500e-6, -500e-6])
def test_half_an_hour_with_a_drifting_sound_clock_stays_within_40_ms(drift: float) -> None:
    errors = [error for _, error in Studio(drift=drift).errors(1800)]
    assert max(map(abs, errors)) <= 0.04
    early, late = errors[1000:20_000], errors[-20_000:]
    assert abs(sum(late) / len(late) - sum(early) / len(early)) < 0.01


@pytest.mark.parametrize("drift", [500e-6, -500e-6])
def test_without_any_report_arrival_keeps_them_together(drift: float) -> None:
    errors = [error for _, error in Studio(drift=drift, reports_after=1e9).errors(600)]
    assert max(map(abs, errors)) <= 0.04


@pytest.mark.parametrize("skew", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("sign", [1, -1])
def test_reports_undo_a_constant_difference_of_delay(skew: float, sign: int) -> None:
    delays = {"video_delay": 0.03 + max(0, sign) * skew, "sound_delay": 0.03 + max(0, -sign) * skew}
    errors = list(Studio(**delays).errors(30))
    assert max(abs(error) for time, error in errors if time > 2.2 + 1.1) <= 0.04


def test_a_wild_report_is_ignored_until_three_agree() -> None:
    reports = ReportMap(48_000)
    for second in range(5):
        reports.add(second * 48_000, EPOCH + second)
    for second in (5, 6):
        reports.add(second * 48_000, EPOCH + second + 7)
        assert reports.at(second) == pytest.approx(EPOCH + second)
    reports.add(7 * 48_000, EPOCH + 14)
    assert reports.at(8) == pytest.approx(EPOCH + 15)


def test_a_first_report_that_contradicts_arrival_is_not_believed_alone() -> None:
    sync = LipSync()
    for number in range(50):
        sync.observe(Kind.VIDEO, number * 3600, number * 0.04)
        sync.observe(Kind.AUDIO, number * 1920, number * 0.04)
    sync.report(SenderClock(Kind.VIDEO, EPOCH, 0, 0.0))
    sync.report(SenderClock(Kind.AUDIO, EPOCH + 5, 0, 0.0))
    assert sync.video_time(1920) == pytest.approx(3600)
    for second in (1, 2):
        sync.report(SenderClock(Kind.VIDEO, EPOCH + second, second * 90_000, second))
        sync.report(SenderClock(Kind.AUDIO, EPOCH + 5 + second, second * 48_000, second))
    assert sync.video_time(1920) == pytest.approx(3600 + 5 * 90_000)


def test_arrival_follows_a_path_that_became_longer() -> None:
    arrivals = ArrivalMap(48_000)
    for number in range(1000):
        arrivals.observe(number * 1920, number * 0.04 + (0.03 if number < 500 else 0.13))
    assert arrivals.offset == pytest.approx(0.13)


def test_nothing_is_known_before_both_streams_began() -> None:
    sync = LipSync()
    sync.observe(Kind.AUDIO, 0, 0.0)
    assert sync.video_time(0) is None


def test_sound_is_moved_once_by_the_whole_error_after_a_second() -> None:
    placer = SoundPlacer()
    assert placer.place(0, 0.0) == 0
    positions = [placer.place(number * 1920, number * 1920 + 4800.0) for number in range(1, 60)]
    assert placer.moves == 1
    assert positions[-1] == 59 * 1920 + 4800
    assert positions[0] == 1920


@pytest.mark.parametrize(("step", "expected"), [(0.04, False), (9.9, False), (10.1, True), (-0.5, False), (-1.1, True)])
def test_jumps(step: float, expected: bool) -> None:
    assert jumped(1_000_000, 1_000_000 + round(step * 90_000), 90_000) is expected
