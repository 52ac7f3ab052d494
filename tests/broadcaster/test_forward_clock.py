"""One clock for a lecture: sound and picture of one instant get one time at every terminal."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from broadcaster.forward.clock import LectureClock, ReportRound
from broadcaster.forward.layout import State, Stream
from broadcaster.media import Kind, SenderClock
from broadcaster.rtp.rtcp import Sdes
from tests.support.forwarding import Lecturer, NativeTwin, Wire, drain, terminal
from tests.support.native import needs_native

OFFSET = 3_900_000_000.0


def shown_at(clock: LectureClock, kind: Kind, timestamp: int) -> float:
    """Return the server's second that a terminal shows this timestamp at, from its sender report."""
    stream = Stream(ssrc=9, state=State.LIVE, timestamp_offset=123_456, packets=1)
    report = clock.sender_report(stream, kind, 1000.0)
    assert report is not None
    behind = report.timestamp - (timestamp + stream.timestamp_offset) & 0xFFFFFFFF
    behind -= (behind >> 31) << 32
    return report.ntp / 2**32 - OFFSET - behind / kind.clock_rate


def feed(clock: LectureClock, seconds: float, audio_delay: float, drift: float = 0.0, jitter: float = 0.0) -> None:
    """Let sound and picture of the same instants arrive, the sound later by `audio_delay`."""
    chance = random.Random(7)
    for tick in range(int(seconds * 25)):
        at = tick / 25
        late = chance.random() * jitter
        clock.packet(Kind.VIDEO, 500_000 + round(at * 90_000), at * (1 + drift) + 0.1 + late)
        clock.packet(Kind.AUDIO, 900_000 + round(at * 48_000), at * (1 + drift) + 0.1 + audio_delay + late)


def test_there_is_no_report_before_there_is_anything_to_report() -> None:
    clock = LectureClock(OFFSET)
    stream = Stream(ssrc=9, state=State.LIVE, packets=1)
    assert clock.sender_report(stream, Kind.VIDEO, 1.0) is None
    clock.packet(Kind.VIDEO, 5, 1.0)
    assert clock.sender_report(stream, Kind.VIDEO, 1.0) is not None
    assert clock.sender_report(Stream(ssrc=9), Kind.VIDEO, 1.0) is None


def test_a_report_says_what_was_sent() -> None:
    clock = LectureClock(OFFSET)
    clock.packet(Kind.VIDEO, 90_000, 50.0)
    stream = Stream(ssrc=9, state=State.LIVE, timestamp_offset=0xFFFFFFFF, packets=12, octets=3400)
    report = clock.sender_report(stream, Kind.VIDEO, 51.0)
    assert report is not None
    assert (report.ssrc, report.packets, report.octets) == (9, 12, 3400)
    assert report.timestamp == 180_000 - 1
    assert report.ntp == int((OFFSET + 51.0) * 2**32)


def test_sound_is_placed_by_arrival_until_the_lecturer_reports() -> None:
    clock = LectureClock(OFFSET)
    feed(clock, 2.0, audio_delay=0.02)
    picture, sound = shown_at(clock, Kind.VIDEO, 500_000), shown_at(clock, Kind.AUDIO, 900_000)
    assert sound - picture == pytest.approx(0.02, abs=0.002)


def test_then_sound_is_placed_on_the_picture() -> None:
    """Sound that takes 150 ms longer to come is shown with its picture all the same."""
    clock = LectureClock(OFFSET)
    feed(clock, 4.0, audio_delay=0.15)
    lecturer_ntp = 77_777.0
    clock.report(SenderClock(Kind.VIDEO, lecturer_ntp + 1.0, 500_000 + 90_000, 1.1))
    clock.report(SenderClock(Kind.AUDIO, lecturer_ntp + 2.2, 900_000 + round(2.2 * 48_000), 2.4))
    picture, sound = shown_at(clock, Kind.VIDEO, 500_000), shown_at(clock, Kind.AUDIO, 900_000)
    assert sound == pytest.approx(picture, abs=0.001)


def test_one_report_alone_places_nothing() -> None:
    clock = LectureClock(OFFSET)
    feed(clock, 2.0, audio_delay=0.05)
    clock.report(SenderClock(Kind.VIDEO, 1.0, 500_000, 1.1))
    assert shown_at(clock, Kind.AUDIO, 900_000) - shown_at(clock, Kind.VIDEO, 500_000) == pytest.approx(0.05, abs=0.002)


def test_the_fastest_packet_tells_the_line() -> None:
    clock = LectureClock(OFFSET)
    feed(clock, 20.0, audio_delay=0.0, jitter=0.08)
    origin = clock.origin(Kind.VIDEO)
    assert origin is not None
    assert origin + 500_000 / 90_000 == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("drift", [1e-4, -1e-4])
def test_a_drifting_lecturer_is_followed(drift: float) -> None:
    clock = LectureClock(OFFSET)
    feed(clock, 600.0, audio_delay=0.0, drift=drift)
    origin = clock.origin(Kind.VIDEO)
    assert origin is not None
    assert origin + 500_000 / 90_000 + 600 == pytest.approx(600 * (1 + drift) + 0.1, abs=0.01)


def test_a_jump_of_the_timestamps_is_followed_at_once() -> None:
    clock = LectureClock(OFFSET)
    clock.packet(Kind.VIDEO, 90_000, 10.0)
    clock.packet(Kind.VIDEO, 180_000, 20.0)
    assert clock.timestamp(Kind.VIDEO, 20.0) == 180_000


def test_another_source_begins_another_line() -> None:
    clock = LectureClock(OFFSET)
    feed(clock, 1.0, audio_delay=0.0)
    clock.report(SenderClock(Kind.VIDEO, 1.0, 5, 1.0))
    clock.source_changed()
    assert clock.origin(Kind.VIDEO) is None
    clock.packet(Kind.VIDEO, 0, 42.0)
    assert clock.timestamp(Kind.VIDEO, 43.0) == 90_000
    assert clock.ntp(43.0) == OFFSET + 43.0


# Whose reports are due.


class TestReports:
    """The Python twin: the round, and what the clock says."""

    def hall(self, count: int) -> Callable[[float], list[int]]:
        """Return what tells at a time whoever is due among `count` terminals."""
        reports, slots = ReportRound(), list(range(count))

        def tick(now: float) -> list[int]:
            due = reports.due(slots, now)
            for slot in due:
                reports.told(slot)
            return due

        return tick

    def test_newcomers_are_told_at_once_and_everybody_once_a_second_in_turn(self) -> None:
        tick = self.hall(100)
        assert tick(10.0) == list(range(100))
        told = [tick(10.0 + step / 50) for step in range(1, 151)]
        assert max(len(slots) for slots in told) <= 3
        flat = [slot for slots in told for slot in slots]
        assert flat == [number % 100 for number in range(len(flat))]
        assert 295 <= len(flat) <= 300

    def test_a_long_silence_is_not_made_up_for(self) -> None:
        tick = self.hall(10)
        tick(10.0)
        assert tick(100.0) == list(range(10))
        assert len(tick(100.02)) <= 1


@needs_native
class TestNativeReports(TestReports):
    """The same of the native twin."""

    def hall(self, count: int) -> Callable[[float], list[int]]:
        wire = Wire()
        wire.send = lambda slot, datagram: wire.datagrams.append((slot, datagram)) is None  # type: ignore[method-assign]
        fanout, lecturer = NativeTwin().fanout(wire), Lecturer()
        for slot in range(count):
            fanout.join(terminal(slot))
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        fanout.clock(OFFSET, None, 1.0)

        def tick(now: float) -> list[int]:
            wire.datagrams.clear()
            fanout.handle_reports(now)
            return [slot for slot, _ in wire.datagrams]

        return tick

    def test_a_report_is_that_of_the_clock(self) -> None:
        wire, lecturer, clock = Wire(), Lecturer(), LectureClock(OFFSET)
        wire.send = lambda slot, datagram: wire.datagrams.append((slot, datagram)) is None  # type: ignore[method-assign]
        fanout = NativeTwin().fanout(wire)
        fanout.join(terminal(0))
        assert not fanout.report(0, 100.0)
        for packets in (lecturer.frame(key=True), lecturer.opus()):
            fanout.offer(packets)
            clock.packet(packets[0].kind, packets[0].timestamp, packets[0].arrival)
        drain(fanout)
        fanout.clock(OFFSET, clock.origin(Kind.AUDIO), clock.origin(Kind.VIDEO))
        row = fanout.plan.row(0)
        assert row is not None
        assert fanout.report(0, 123.456)
        reports = [clock.sender_report(row.streams[kind], kind, 123.456) for kind in Kind]
        assert wire.datagrams[-1][1] == b"".join(map(bytes, [*reports, Sdes.cname(1000, "jiangtang")]))

    def test_nothing_is_told_while_forwarding_is_off_or_the_clock_is_unknown(self) -> None:
        tick = self.hall(3)
        assert len(tick(1.0)) == 3
        wire = Wire()
        fanout = NativeTwin().fanout(wire, forwarding=False)
        fanout.join(terminal(0))
        fanout.clock(OFFSET, 1.0, 1.0)
        fanout.handle_reports(10.0)
        fanout.set_forwarding(True)
        fanout.clock(OFFSET, None, None)
        fanout.handle_reports(11.0)
        assert wire.datagrams == []
