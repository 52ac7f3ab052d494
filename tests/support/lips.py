"""A lecturer whose flashes and beeps have known times, told as packets without coding an hour of them; and where they are in a file.

Times are true seconds: what a person in the lecturer's room would read. Picture n is taken at `video_begins + n / fps` and carries
its number in an SEI message, so that it is known again in the file. The sound clock runs by `drift` too fast; a beep begins with the
first sample of a packet. Packets, reports and what is wrong with them come from a seed.

The beeps are Opus packets of a real encoder, everything between them is Opus' own packet of silence: sound costs what it costs to
code silence, and each of the 90,000 packets of an hour goes through the whole recorder.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import av
import numpy as np

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, Kind, MediaPacket, SenderClock
from tests.support.media import SOUND_SAMPLES, clip, find_beeps, h264_payloads

EPOCH: Final = 3_976_214_400.0
VIDEO_OFFSET, SOUND_OFFSET = 900_000, 7_000_000
QUIET: Final = b"\xf9\xff\xfe\xff\xfe"  # two frames of 20 ms
BEEP_LEAD, BEEP_PACKETS = 2, 8  # of the packets that make a beep, which one it begins with
MARK: Final = b"jiangtang-number"
AROUND: Final = 0.6  # seconds on both sides of a flash in which its beep is looked for


@dataclass(frozen=True)
class Lecturer:
    """What is sent and when: beeps each 1.2 s at first, later every `beep_every` seconds.

    `muted` are spans in which no sound is sent; `wrong_reports` (after, error) adds an error to one report of the sound.
    """

    seconds: float
    drift: float = 0.0
    video_begins: float = 0.0
    sound_begins: float = 0.0
    video_delay: float = 0.03
    sound_delay: float = 0.03
    jitter: float = 0.01
    fps: int = 5
    idr_seconds: float = 4.0
    beep_every: float = 7.32
    first_sound_report: float = 2.2
    muted: tuple[tuple[float, float], ...] = ()
    wrong_reports: tuple[tuple[float, float], ...] = ()
    seed: int = 1

    # -- the clocks

    def taken(self, number: int) -> float:
        """Return when picture `number` was taken."""
        return self.video_begins + number / self.fps

    def spoken(self, number: int) -> float:
        """Return when sound packet `number` begins."""
        return self.sound_begins + number * SOUND_SAMPLES / (AUDIO_CLOCK_RATE * (1 + self.drift))

    def video_timestamp(self, time: float) -> int:
        """Return the RTP timestamp that the picture's clock shows."""
        return VIDEO_OFFSET + round((time - self.video_begins) * VIDEO_CLOCK_RATE)

    def sound_timestamp(self, time: float) -> int:
        """Return the RTP timestamp that the sound's clock shows."""
        return SOUND_OFFSET + round((time - self.sound_begins) * AUDIO_CLOCK_RATE * (1 + self.drift))

    def _is_muted(self, time: float) -> bool:
        return any(begin <= time < end for begin, end in self.muted)

    # -- what is sent

    @cached_property
    def beeps(self) -> dict[int, float]:
        """The packets with which beeps begin that are heard whole, and their times."""
        packets = AUDIO_CLOCK_RATE / SOUND_SAMPLES
        step, often, close = round(self.beep_every * packets), round(1.2 * packets), round(12 * packets)
        firsts = [*range(BEEP_LEAD, close, often), *range(close, self._sounds - BEEP_PACKETS, step)]
        return {n: self.spoken(n) for n in firsts if self._is_heard(n)}

    def _is_heard(self, first: int) -> bool:
        span = range(first - BEEP_LEAD, first + BEEP_PACKETS)
        return not any(self._is_muted(self.spoken(number)) for number in span)

    @property
    def _sounds(self) -> int:
        return int((self.seconds - self.sound_begins) * AUDIO_CLOCK_RATE * (1 + self.drift) / SOUND_SAMPLES)

    def items(self) -> list[MediaPacket | SenderClock]:
        """Return everything in the order of its arrival."""
        dice = random.Random(self.seed)
        packets = [*self._pictures(dice), *self._voice(dice)]
        everything: list[MediaPacket | SenderClock] = [*packets, *self._reports(dice)]
        return sorted(everything, key=lambda one: one.arrival)

    def _pictures(self, dice: random.Random) -> Iterator[MediaPacket]:
        intra, predicted = clip(1.0, fps=2, width=64, height=48, gop_seconds=1.0).pictures
        every, sequence = round(self.idr_seconds * self.fps), 1000
        for number in range(int((self.seconds - self.video_begins) * self.fps)):
            key = number % every == 0
            payloads = h264_payloads((numbered(number), *(intra if key else predicted).nals))
            time = self.taken(number)
            arrival = time + self.video_delay + dice.random() * self.jitter
            for place, payload in enumerate(payloads):
                yield MediaPacket(
                    index=sequence,
                    kind=Kind.VIDEO,
                    sequence=sequence,
                    timestamp=self.video_timestamp(time),
                    marker=place == len(payloads) - 1,
                    keyframe=key,
                    starts_keyframe=key and place == 0,
                    arrival=arrival,
                    payload=payload,
                )
                sequence += 1

    def _voice(self, dice: random.Random) -> Iterator[MediaPacket]:
        second = AUDIO_CLOCK_RATE // SOUND_SAMPLES
        beep = [one.payload for one in clip(2.0).sounds[second - BEEP_LEAD : second - BEEP_LEAD + BEEP_PACKETS]]
        payloads = {first - BEEP_LEAD + k: beep[k] for first in self.beeps for k in range(BEEP_PACKETS)}
        sent = 0
        for number in range(self._sounds):
            if self._is_muted(self.spoken(number)):
                continue
            yield MediaPacket(
                index=sent,
                kind=Kind.AUDIO,
                sequence=5000 + sent,
                timestamp=SOUND_OFFSET + number * SOUND_SAMPLES,
                marker=False,
                keyframe=False,
                starts_keyframe=False,
                arrival=self.spoken(number + 1) + self.sound_delay + dice.random() * self.jitter,
                payload=payloads.get(number, QUIET),
            )
            sent += 1

    def _reports(self, dice: random.Random) -> Iterator[SenderClock]:
        """As Chromium sends them: the picture's every 1.2 s, the sound's first one late and then about every five seconds."""
        time = self.video_begins + 0.5
        while time < self.seconds:
            ntp = EPOCH + time + (dice.random() - 0.5) * 0.0007
            yield SenderClock(Kind.VIDEO, ntp, self.video_timestamp(time), time + self.video_delay)
            time += 1.0 + dice.random() * 0.4
        wrong, time = list(self.wrong_reports), self.sound_begins + self.first_sound_report
        while time < self.seconds:
            error = wrong.pop(0)[1] if wrong and time >= wrong[0][0] else 0.0
            if not self._is_muted(time):
                ntp = EPOCH + time + error + (dice.random() - 0.5) * 0.0007
                yield SenderClock(Kind.AUDIO, ntp, self.sound_timestamp(time), time + self.sound_delay)
            time += 3.0 + dice.random() * 5.5


def numbered(number: int) -> bytes:
    """Return an SEI message (H.264 annex D, user data unregistered) that holds a number."""
    text = MARK + b"%08d" % number
    return b"\x06\x05" + bytes((len(text),)) + text + b"\x80"


def number_in(unit: bytes) -> int | None:
    """Return the number that an access unit carries."""
    place = unit.find(MARK)
    return None if place < 0 else int(unit[place + len(MARK) : place + len(MARK) + 8])


# -- where it is in a file


def flashes(path: Path) -> dict[int, float]:
    """Return at what second of the file each numbered picture is shown."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = {}
        for packet in container.demux(stream):
            number = number_in(bytes(packet)) if packet.size else None
            if number is not None and packet.pts is not None and packet.time_base is not None:
                found[number] = float(packet.pts * packet.time_base)
        return found


def onsets(path: Path, around: Sequence[float]) -> list[float | None]:
    """Return when the one beep within `AROUND` seconds of each time begins; None where there is not exactly one.

    Only the sound around these times is decoded: of an hour with 490 beeps a sixth.
    """
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        packets = [one for one in container.demux(stream) if one.size]
        times = [(one.pts or 0) / stream.rate for one in packets]
        found = []
        for time in around:
            first = max(0, bisect(times, time - AROUND) - 3)  # a decoder needs the packets before
            last = bisect(times, time + AROUND)
            stream.codec_context.flush_buffers()
            frames = [frame for packet in packets[first:last] for frame in packet.decode()]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
            begins = find_beeps(samples)
            found.append((frames[0].time or 0.0) + begins[0] if len(begins) == 1 else None)
        return found


@dataclass(frozen=True)
class Offsets:
    """By how many seconds each beep comes after where it belongs, with the second of the lecture at which it was made."""

    times: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def worst(self) -> float:
        """The largest of them, early or late."""
        return max(map(abs, self.seconds))

    @property
    def slope(self) -> float:
        """Seconds by which they grow in a second."""
        return float(np.polyfit(self.times, self.seconds, 1)[0])

    def listed(self, above: float) -> list[tuple[float, float]]:
        """Return those worse than `above`, for a message."""
        pairs = zip(self.times, self.seconds, strict=True)
        return [(round(time, 2), round(off, 4)) for time, off in pairs if abs(off) > above]


def measure(path: Path, lecturer: Lecturer) -> Offsets:
    """Return the offsets of all beeps in a finished file of one reel; a beep that is missing is an `AssertionError`."""
    shown = flashes(path)
    first, last = min(shown), max(shown)
    beeps = [time for time in lecturer.beeps.values() if lecturer.taken(first) + 0.1 < time < lecturer.taken(last)]
    expected = []
    for time in beeps:
        number = max(first, min(last, round((time - lecturer.video_begins) * lecturer.fps)))
        expected.append(shown[number] + time - lecturer.taken(number))
    heard = onsets(path, expected)
    missing = [round(time, 2) for time, one in zip(beeps, heard, strict=True) if one is None]
    assert not missing, f"no beep, or more than one, where one was made: {missing}"
    off = [one - at for one, at in zip(heard, expected, strict=True) if one is not None]
    return Offsets(tuple(beeps), tuple(off))
