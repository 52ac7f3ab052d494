"""A lecturer: packets parsed once and stored once, and what goes back so that they keep coming.

    SRTP -> RtpPacket -> Intake -> ring -> train -> room -> sinks
    receiver reports, NACK, REMB and keyframe requests -> the lecturer

1. Packets that were read in one go form a train; it leaves before the loop reads the socket again.
2. **A publication is ready with its first keyframe** (a lecture without pictures: with its first packet). Until then
   the one before it stays on the air, so that a lecturer who changes networks never shows a black screen.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from broadcaster.drops import DropReason, Drops
from broadcaster.forward.bandwidth import BandwidthPolicy
from broadcaster.forward.cache import Ring
from broadcaster.forward.clock import LectureClock
from broadcaster.forward.keyframes import KeyframeScheduler
from broadcaster.forward.native_ring import AnyRing
from broadcaster.intake import Intake
from broadcaster.media import Kind, MediaPacket, SenderClock
from broadcaster.rtp.extensions import decode_abs_send_time
from broadcaster.rtp.packet import RtpError, RtpPacket, original_of
from broadcaster.rtp.rtcp import (
    Nack,
    Packet,
    Pli,
    ReceiverReport,
    Remb,
    RtcpError,
    Sdes,
    SenderReport,
    compound,
    parse_compound,
)
from broadcaster.session import Session
from broadcaster.transport.rate import DelayEstimator
from broadcaster.transport.sdp import Offer
from config.settings import ForwardSettings

REPORT_SECONDS: Final = 1.0
ASSUMED_RTT: Final = 0.1
CNAME: Final = "jiangtang"


@dataclass(frozen=True, slots=True)
class PublisherStats:
    """What is known of a lecturer's stream: `bitrate` bits a second, `loss` a share; `rtt` is for the studio to tell."""

    session: str
    fence: int
    bitrate: float
    loss: float
    rtt: float | None
    last_packet_age: float | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a publication tells its room. `train` comes with packets of one kind; `ready` at most once, before them."""

    ready: Callable[[Publication], None]
    train: Callable[[Publication, Sequence[MediaPacket], float], None]
    clock: Callable[[Publication, SenderClock], None]


class Publication:
    """One WHIP session's media; a `broadcaster.sink.Source`."""

    def __init__(
        self,
        session: Session,
        offer: Offer,
        settings: ForwardSettings,
        drops: Drops,
        hooks: Hooks,
        *,
        clock: Callable[[], float],
        ntp_offset: float,
    ) -> None:
        self.id = session.id
        self.session = session
        self.ring = self._new_ring(settings)
        self.timeline = LectureClock(ntp_offset)
        self.packets = 0
        self.ready = False
        self.begins_at = 0
        self._drops = drops
        self._hooks = hooks
        self._clock = clock
        self._ssrc = secrets.randbits(32)
        self._intakes: dict[int, Intake] = {}
        self._retransmissions: dict[int, int] = {}
        self._send_time_ids: dict[int, int | None] = {}
        self._listen(offer)
        self._keyframes = KeyframeScheduler(
            settings.pli_interval_seconds, settings.pli_repeat_seconds, settings.idr_interval_seconds
        )
        estimator = DelayEstimator()
        estimator.start_from(settings.start_bitrate, clock())
        self._bandwidth = BandwidthPolicy(
            estimator, start=settings.start_bitrate, lowest=settings.min_bitrate, highest=settings.max_bitrate
        )
        self._pending: list[MediaPacket] = []
        self._report_at = 0.0
        self._last_packet: float | None = None
        self._octets = 0
        self._bitrate = 0.0
        self._measured = clock()
        session.transport.on_rtp = self.receive_rtp
        session.transport.on_rtcp = self.receive_rtcp
        session.transport.on_connected = self._connected

    def _new_ring(self, settings: ForwardSettings) -> AnyRing:
        return Ring(settings.ring_seconds, settings.ring_bytes)

    def _listen(self, offer: Offer) -> None:
        for section in (offer.audio, offer.video):
            if section is None or section.kind is None:
                continue
            self._intakes[section.payload_type] = Intake(section.kind, self._drops)
            self._send_time_ids[section.payload_type] = section.extensions.abs_send_time
            if section.rtx is not None:
                self._retransmissions[section.rtx] = section.payload_type
                self._send_time_ids[section.rtx] = section.extensions.abs_send_time

    # -- what sinks may ask -----------------------------------------------------------------------------------

    def wish_keyframe(self, reason: str) -> None:
        """Ask for an IDR picture; the request leaves at once when one may."""
        if self.has(Kind.VIDEO):
            now = self._clock()
            self._keyframes.wish(reason)
            self._request_keyframe(now)

    def has(self, kind: Kind) -> bool:
        """Whether the lecturer offered this kind of media."""
        return any(intake.kind is kind for intake in self._intakes.values())

    # -- packets ----------------------------------------------------------------------------------------------

    def receive_rtp(self, plain: bytes, now: float) -> None:
        """Take an unprotected RTP packet."""
        try:
            packet = RtpPacket.parse(plain)
            self._measure_path(packet, now)
            repaired = packet.payload_type in self._retransmissions
            original = self._original(packet) if repaired else packet
        except RtpError:
            return self._drops(DropReason.RTP_MALFORMED)
        if original is not None:
            self._store(original, now, repaired=repaired)

    def _original(self, packet: RtpPacket) -> RtpPacket | None:
        payload_type = self._retransmissions[packet.payload_type]
        intake = self._intakes[payload_type]
        return original_of(packet, intake.ssrc, payload_type) if intake.ssrc else None

    def _measure_path(self, packet: RtpPacket, now: float) -> None:
        identifier = self._send_time_ids.get(packet.payload_type)
        value = packet.extension(identifier) if identifier else None
        self._bandwidth.packet(decode_abs_send_time(value) if value else None, packet.size, packet.ssrc, now)

    def _store(self, packet: RtpPacket, now: float, *, repaired: bool) -> None:
        intake = self._intakes.get(packet.payload_type)
        if intake is None:
            return self._drops(DropReason.UNKNOWN_PAYLOAD_TYPE)
        assert isinstance(self.ring, Ring)
        stored = intake.take(packet, self.ring, now)
        if stored is None:
            return
        self._note(stored, now, repaired=repaired)
        if len(self._pending) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _note(self, stored: MediaPacket, now: float, *, repaired: bool) -> None:
        """Take in what a stored packet tells; it waits in the train that leaves next."""
        self.packets += 1
        self._last_packet = now
        if not repaired:
            self.timeline.packet(stored.kind, stored.timestamp, now)
        if stored.starts_keyframe:
            self._keyframes.idr(now)
        if not self.ready and (stored.starts_keyframe or not self.has(Kind.VIDEO)):
            self.ready = True
            self.begins_at = stored.index
            self._pending.clear()
            self._hooks.ready(self)
        self._pending.append(stored)

    def _flush(self) -> None:
        packets, self._pending = self._pending, []
        now = self._clock()
        for _, group in itertools.groupby(packets, key=lambda packet: packet.kind):
            self._hooks.train(self, list(group), now)

    # -- feedback ---------------------------------------------------------------------------------------------

    def receive_rtcp(self, plain: bytes, now: float) -> None:
        """Take the lecturer's RTCP: its sender reports place the streams in time."""
        try:
            packets = parse_compound(plain)
        except RtcpError:
            return self._drops(DropReason.RTCP_MALFORMED)
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._sender_report(packet, now)

    def _sender_report(self, report: SenderReport, now: float) -> None:
        for intake in self._intakes.values():
            clock = intake.clock(report, now)
            if clock is not None:
                self.timeline.report(clock)
                self._hooks.clock(self, clock)

    def tick(self, now: float) -> None:
        """Send what is due: requests for lost packets and keyframes often, reports once a second."""
        if self.session.transport.state != "connected":
            return
        for intake in self._intakes.values():
            if intake.kind is Kind.VIDEO:
                self._repair(intake, now)
        self._request_keyframe(now)
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._report(now)

    def _repair(self, video: Intake, now: float) -> None:
        """Ask for lost packets of the video; sound is not asked for again, no answer negotiates that."""
        asked = video.nacks.due(now, ASSUMED_RTT)
        if asked:
            self._send(Nack(self._ssrc, video.ssrc, asked))
        if video.nacks.take_lost():
            self._keyframes.wish("loss")

    def _connected(self) -> None:
        self.wish_keyframe("connected")

    def _request_keyframe(self, now: float) -> None:
        ssrc = next((intake.ssrc for intake in self._intakes.values() if intake.kind is Kind.VIDEO), 0)
        if ssrc and self._keyframes.due(now):
            self._send(Pli(self._ssrc, ssrc))

    def _report(self, now: float) -> None:
        self._measure_bitrate(now)
        heard = [intake for intake in self._intakes.values() if intake.ssrc]
        blocks = tuple(block for block in (intake.reception.block(now) for intake in heard) if block is not None)
        if not blocks:
            return
        self._bandwidth.loss(max(intake.reception.fraction_lost for intake in heard))
        bitrate = self._bandwidth.due(now)
        packets: list[Packet] = [ReceiverReport(self._ssrc, blocks), Sdes.cname(self._ssrc, CNAME)]
        if bitrate is not None:
            packets.append(Remb(self._ssrc, bitrate, tuple(intake.ssrc for intake in heard)))
        self._send(*packets)

    def _measure_bitrate(self, now: float) -> None:
        octets = sum(intake.reception.octets for intake in self._intakes.values())
        elapsed = max(now - self._measured, 1e-3)
        self._bitrate = (octets - self._octets) * 8 / elapsed
        self._octets, self._measured = octets, now

    def _send(self, *packets: Packet) -> None:
        self.session.transport.send_rtcp(compound(*packets))

    def stats(self, now: float) -> PublisherStats:
        """Return what is known of the stream."""
        loss = max((intake.reception.fraction_lost for intake in self._intakes.values()), default=0.0)
        age = None if self._last_packet is None else now - self._last_packet
        return PublisherStats(self.id, self.session.fence, self._bitrate, loss, None, age)
