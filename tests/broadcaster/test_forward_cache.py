"""The ring: bounded by memory and by seconds, found by number, with the last group of pictures at hand. Both twins of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.drops import DropReason
from broadcaster.forward.cache import MAX_PAYLOAD, Refused, Ring
from broadcaster.forward.layout import (
    FLAG_KEYFRAME,
    FLAG_MARKER,
    FLAG_STARTS_KEYFRAME,
    NO_SEND_TIME,
    SLOT_BYTES,
    SLOT_HEAD,
    SLOT_PAYLOAD,
)
from broadcaster.forward.native_ring import NativeRing
from broadcaster.media import Kind, MediaPacket
from tests.support.forwarding import Lecturer
from tests.support.native import NATIVE, needs_native


def put(
    ring: Ring, sequence: int, at: float = 0.0, kind: Kind = Kind.VIDEO, key: bool = False, size: int = 8
) -> MediaPacket:
    return ring.store(
        kind, sequence, sequence * 10, b"x" * size, marker=False, keyframe=key, starts_keyframe=key, arrival=at
    )


class TestRing:
    def ring(self, seconds: float, size: int) -> Ring:
        return Ring(seconds, size)

    def test_a_packet_is_found_by_kind_and_number(self) -> None:
        ring = self.ring(8, 1 << 20)
        video, audio = put(ring, 7), put(ring, 7, kind=Kind.AUDIO)
        assert ring.find(Kind.VIDEO, 7) == video
        assert ring.find(Kind.AUDIO, 7) == audio
        assert ring.find(Kind.VIDEO, 8) is None
        assert (video.index, audio.index) == (0, 1)

    def test_the_slot_says_what_the_packet_says(self) -> None:
        ring = self.ring(8, 4 * SLOT_BYTES)
        for number in range(6):
            packet = put(ring, 100 + number, at=1.5, key=number == 5)
        start = packet.index % 4 * SLOT_BYTES
        flags = FLAG_KEYFRAME | FLAG_STARTS_KEYFRAME
        assert SLOT_HEAD.unpack_from(ring.memory, start) == (
            *(5, 105, 1050, 1.5, Kind.VIDEO, flags, 8),
            *(NO_SEND_TIME, 0),
        )
        assert ring.memory[start + SLOT_PAYLOAD : start + SLOT_PAYLOAD + 8] == b"x" * 8
        assert FLAG_MARKER & flags == 0

    def test_memory_bounds_the_ring(self) -> None:
        ring = self.ring(1000, 10 * SLOT_BYTES)
        for number in range(100):
            put(ring, number)
        assert len(ring) == 10
        assert ring.find(Kind.VIDEO, 89) is None
        assert ring.find(Kind.VIDEO, 90) is not None

    def test_seconds_bound_the_ring(self) -> None:
        ring = self.ring(2.0, 1 << 20)
        put(ring, 1, at=0.0)
        put(ring, 2, at=1.0)
        put(ring, 3, at=2.0)
        assert ring.find(Kind.VIDEO, 1) is not None, "not older than that"
        put(ring, 4, at=2.5)
        assert ring.find(Kind.VIDEO, 1) is None
        assert ring.find(Kind.VIDEO, 2) is not None

    @pytest.mark.parametrize(
        ("sequence", "size", "reason"),
        [(50, 8, DropReason.DUPLICATE), (2, 8, DropReason.TOO_OLD), (99, MAX_PAYLOAD + 1, DropReason.OVERSIZE)],
    )
    def test_what_the_ring_does_not_take(self, sequence: int, size: int, reason: DropReason) -> None:
        ring = self.ring(1000, 10 * SLOT_BYTES)
        for number in range(60):
            put(ring, number)
        with pytest.raises(Refused) as refusal:
            put(ring, sequence, size=size)
        assert refusal.value.reason is reason
        assert ring.next_index == 60

    def test_a_late_packet_that_is_still_in_time_is_taken(self) -> None:
        ring = self.ring(1000, 10 * SLOT_BYTES)
        put(ring, 10)
        put(ring, 12)
        assert put(ring, 11).index == 2
        assert [packet.sequence for packet in ring.since(0, Kind.VIDEO)] == [10, 12, 11]
        assert ring.newest(Kind.VIDEO) == 12

    def test_the_group_of_pictures_is_in_sequence_order(self) -> None:
        lecturer = Lecturer(ring=self.ring(8.0, 4 << 20))
        lecturer.frame(key=True)
        lecturer.frame()
        lecturer.frame(key=True)
        late = lecturer.video
        lecturer.video += 1
        lecturer.opus()
        lecturer.frame()
        put(lecturer.ring, late)
        assert [packet.sequence for packet in lecturer.ring.gop()] == list(range(70_006, lecturer.video))

    def test_parameter_sets_that_were_overtaken_belong_to_the_group(self) -> None:
        ring = self.ring(8, 1 << 20)
        common = {"marker": False, "keyframe": True, "arrival": 0.0}
        ring.store(Kind.VIDEO, 11, 900, b"idr", starts_keyframe=True, **common)
        ring.store(Kind.VIDEO, 10, 900, b"sps", starts_keyframe=False, **common)
        ring.store(Kind.VIDEO, 9, 600, b"before", starts_keyframe=False, **common)
        assert [packet.sequence for packet in ring.gop()] == [10, 11]

    def test_a_group_whose_beginning_is_gone_is_no_group(self) -> None:
        lecturer = Lecturer(ring=self.ring(8, 5 * SLOT_BYTES))
        lecturer.frame(key=True)
        assert len(lecturer.ring.gop()) == 3
        lecturer.frame()
        assert lecturer.ring.gop() == []

    @settings(suppress_health_check=[HealthCheck.differing_executors])
    @given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 3), st.sampled_from(Kind)), max_size=80))
    def test_the_ring_holds_what_it_says(self, puts: list[tuple[int, float, Kind]]) -> None:
        ring, now = self.ring(5.0, 8 * SLOT_BYTES), 0.0
        stored: list[MediaPacket] = []
        for sequence, wait, kind in puts:
            now += wait
            with suppress(Refused):
                stored.append(put(ring, sequence, at=now, kind=kind))
        held = [packet for packet in stored if ring.find(packet.kind, packet.sequence) == packet]
        assert len(held) == len(ring) <= 8
        assert held == stored[len(stored) - len(held) :]
        assert [packet.index for packet in stored] == list(range(len(stored)))


@needs_native
class TestNativeRing(TestRing):
    def ring(self, seconds: float, size: int) -> NativeRing:
        return NativeRing(NATIVE, seconds, size)
