"""The fan-out over real SRTP: everything it seals, early, late and again, is taken by a receiver."""

from __future__ import annotations

import os

import pytest
from pylibsrtp import Policy, Session

from broadcaster.rtp.packet import RtpPacket, original_of
from broadcaster.rtp.rtcp import Nack
from broadcaster.transport.srtp import SrtpTable
from tests.support.forwarding import VIDEO_SSRC, Lecturer, Limits, NativeTwin, PythonTwin, Twin, Wire, terminal
from tests.support.native import needs_native

PROFILES = {
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AES128_CM_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


class Receiver:
    """One terminal that decrypts; `lose` says which datagrams never come."""

    def __init__(self, profile: int) -> None:
        key = os.urandom(30)
        self.outbound = Session(self._policy(profile, key, Policy.SSRC_ANY_OUTBOUND))
        self._inbound = Session(self._policy(profile, key, Policy.SSRC_ANY_INBOUND))
        self.packets: dict[int, RtpPacket] = {}
        self.lost: list[bytes] = []
        self.count = 0
        self.lose = lambda number: False

    @staticmethod
    def _policy(profile: int, key: bytes, direction: int) -> Policy:
        length = 28 if profile == Policy.SRTP_PROFILE_AEAD_AES_128_GCM else 30
        policy = Policy(key=key[:length], ssrc_type=direction, srtp_profile=profile)
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        return policy

    def take(self, slot: int, datagram: bytes) -> bool:
        self.count += 1
        if self.lose(self.count):
            self.lost.append(datagram)
            return True
        packet = RtpPacket.parse(self._inbound.unprotect(datagram))
        if packet.payload_type == 109:
            original = original_of(packet, VIDEO_SSRC, 108)
            assert original is not None
            packet = original
        if packet.ssrc == VIDEO_SSRC:
            assert packet.sequence not in self.packets
            self.packets[packet.sequence] = packet
        return True


class TestSrtp:
    """The Python twin."""

    twin: Twin = PythonTwin()

    @pytest.mark.parametrize(
        ("profile", "rtx"), [("AEAD_AES_128_GCM", True), ("AEAD_AES_128_GCM", False), ("AES128_CM_SHA1_80", True)]
    )
    def test_a_terminal_that_loses_and_asks_again_has_every_packet(self, profile: str, rtx: bool) -> None:
        """A burst, live pictures across the wrap, every seventh datagram lost, packets that come late from the lecturer."""
        receiver, table, lecturer = Receiver(PROFILES[profile]), SrtpTable(), Lecturer()
        handle = table.add(receiver.outbound)
        wire = Wire()
        wire.seal, wire.send = table.seal, receiver.take  # type: ignore[method-assign]
        limits = Limits(max_octets=10**6, egress_bits=1e9, viewer_bits=1e9, share=1.0)
        fanout = self.twin.fanout(wire, limits=limits)
        answers = self.twin.answers(fanout, lecturer.ring, wire, limits)
        bursts = self.twin.bursts(fanout, lecturer.ring, limits)
        lecturer.frame(key=True)
        for _ in range(20):
            lecturer.frame()
        described = terminal(handle - 1, sequence=32_600, rtx=rtx)
        slot = fanout.join(described).slot
        receiver.lose = lambda number: number % 7 == 0
        assert bursts.start(slot, 0.0)
        for frame in range(3_330):
            now = frame / 30
            bursts.handle_timer(now)
            packets = lecturer.frame(sizes=(60, 58) * 5)
            late = frame % 5 == 0
            fanout.offer([packets[0], *packets[2:]] if late else packets)
            if late:
                fanout.offer([packets[1]])
            while fanout.turn(now):
                pass
            row = fanout.plan.row(slot)
            assert row is not None
            newest = row.streams[1].next_sequence - 1
            missing = [
                number & 0xFFFF
                for number in range(max(32_600, newest - 100), newest + 1)
                if number & 0xFFFF not in receiver.packets
            ]
            if missing:
                answers.answer(slot, Nack(1, row.streams[1].ssrc, tuple(missing)), 0.0, now)
        numbers = sorted(receiver.packets)
        expected = sorted(number & 0xFFFF for number in range(32_600, newest - 100))
        assert set(expected) <= set(numbers)
        assert newest > 65_536
        assert len(receiver.lost) > 4_000
        assert wire.drops.as_dict()["seal_error"] == 0


@needs_native
class TestNativeSrtp(TestSrtp):
    """The same of the native twin."""

    twin = NativeTwin()
