"""What the terminals of a process saw: counters and histograms that only grow, so that phases are differences.

**Everything here adds, subtracts and travels as JSON**, field by field; nothing is a mean or a share yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from broadcaster.loadgen.histogram import Histogram


@dataclass(slots=True)
class Tally:
    """Counts of packets unless said otherwise."""

    # joins
    asked: int = 0
    connected: int = 0
    busy: int = 0  # answers that said when to come back, each obeyed
    failures: Counter[str] = field(default_factory=Counter)  # reason -> terminals
    to_answer: Histogram = field(default_factory=Histogram)  # from the POST on, waiting for a busy server included
    to_connected: Histogram = field(default_factory=Histogram)
    to_media: Histogram = field(default_factory=Histogram)
    # connections
    ended: Counter[str] = field(default_factory=Counter)  # why connected terminals lost their session
    terminal_seconds: float = 0.0
    rtt: Histogram = field(default_factory=Histogram)  # of binding requests, the scheduling of both processes included
    # the sample: every packet decrypted and checked
    received: int = 0  # distinct packets, repaired ones included
    repaired: int = 0  # came by retransmission
    pretended: int = 0  # thrown away on purpose, to be asked for again
    nacked: int = 0  # requests for a packet
    gaps: int = 0  # given up: neither sent nor repaired in time
    own_drops: int = 0  # dropped by full sockets of the sample: not the server's fault
    duplicates: int = 0
    disordered: int = 0  # came behind a later packet of the same source without being a retransmission
    undecryptable: int = 0
    early: int = 0  # came before the terminal's handshake was done: lost, as in a browser
    unexpected: int = 0  # of a source that the answer did not announce
    video_latency: Histogram = field(default_factory=Histogram)  # a frame's last packet, from send to arrival
    audio_latency: Histogram = field(default_factory=Histogram)
    delay_variation: Histogram = field(default_factory=Histogram)  # abs-send-time against the fastest packet seen
    # the others: counted by the kernel, one in many read
    arrived: int = 0
    expected: int = 0
    # this process
    turns: int = 0  # of the timer
    late_turns: int = 0  # by more than 100 ms

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """The fields, histograms as their buckets."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value.buckets if isinstance(value, Histogram) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Tally:
        """Read what `to_json` wrote."""
        tally = cls()
        for each in fields(cls):
            value, present = document[each.name], getattr(tally, each.name)
            if isinstance(present, Histogram):
                value = Histogram({int(bucket): count for bucket, count in value.items()})
            elif isinstance(present, Counter):
                value = Counter(value)
            setattr(tally, each.name, value)
        return tally
