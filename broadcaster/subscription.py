"""A viewer: its row in the fan-out plan, what it says of its reception, and the sender reports that keep its lips in sync.

**A viewer's feedback ends here**: a lost packet comes from the ring, a keyframe wish goes to the one scheduler of the
publication, an estimate concerns this viewer alone.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from broadcaster.events import Delivery
from broadcaster.forward.clock import LectureClock
from broadcaster.forward.layout import Row, Stream
from broadcaster.forward.plan import MAX_FIRST_SEQUENCE, Lane, RtxLane, Terminal
from broadcaster.forward.reports import Acknowledgements
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import Fir, Nack, Packet, Pli, ReceiverReport, Remb, Sdes, SenderReport, compound
from broadcaster.session import Session
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.sdp import MediaOffer, Offer

CNAME: Final = "jiangtang"
FIRST_RTT: Final = 0.05
LONGEST_MID: Final = 16  # fits a row beside the send time; a longer one is left out: the answer names the SSRCs anyway


@dataclass(frozen=True, slots=True)
class ViewerStats:
    """What one viewer reports: `lost` a share, `rtt` seconds or None, `kbps` what arrives, `since` monotonic seconds."""

    viewer: str
    session: str
    lost: float
    rtt: float | None
    kbps: float
    since: float


@dataclass(slots=True)
class Feedback:
    """What one compound of a viewer asks for."""

    nacks: list[Nack]
    keyframe: bool = False


def choose_streams() -> SendStreams:
    """Return fresh random sources for a viewer's answer."""
    audio, video, rtx = (secrets.randbits(31) + 1 for _ in range(3))
    return SendStreams(stream="lecture", cname=CNAME, audio_ssrc=audio, video_ssrc=video, rtx_ssrc=rtx)


def terminal_of(offer: Offer, streams: SendStreams, handle: int) -> Terminal:
    """Return what the plan must know of a viewer that sent `offer` and was answered with `streams`."""
    rtx = offer.video.rtx if offer.video is not None else None
    return Terminal(
        handle=handle,
        audio=_lane(offer.audio, streams.audio_ssrc),
        video=_lane(offer.video, streams.video_ssrc),
        rtx=None if rtx is None else RtxLane(streams.rtx_ssrc, rtx, secrets.randbelow(MAX_FIRST_SEQUENCE)),
    )


def _lane(section: MediaOffer | None, ssrc: int) -> Lane | None:
    if section is None:
        return None
    return Lane(
        ssrc=ssrc,
        payload_type=section.payload_type,
        sequence=secrets.randbelow(MAX_FIRST_SEQUENCE),
        timestamp=secrets.randbits(32),
        abs_send_time_id=section.extensions.abs_send_time or 0,
        mid_id=(section.extensions.mid or 0) if len(section.mid) <= LONGEST_MID else 0,
        mid=section.mid.encode(),
    )


class Subscription:
    """One WHEP session's media."""

    __slots__ = ("_acknowledged", "_measured", "_octets", "estimate", "kbps", "reported", "session", "since", "slot")

    def __init__(self, session: Session, row: Row, now: float) -> None:
        self.session = session
        self.slot = row.slot
        self.since = now
        self.estimate: int | None = None
        self.kbps = 0.0
        self.reported = False
        self._acknowledged = Acknowledgements(row.streams)
        self._octets = 0
        self._measured = now

    @property
    def viewer(self) -> str:
        """The name that signaling gave this viewer."""
        return self.session.viewer

    @property
    def rtt(self) -> float:
        """Seconds of a round trip, an assumption until the first report that tells it."""
        return self._acknowledged.rtt or FIRST_RTT

    def receive(self, packets: tuple[Packet, ...], row: Row, ntp: float, now: float) -> Feedback:
        """Take a compound of the viewer and return what it asks for; `ntp` is the server's clock in seconds since 1900."""
        feedback = Feedback([])
        for packet in packets:
            if isinstance(packet, ReceiverReport | SenderReport):
                for block in packet.blocks:
                    self._acknowledged.report(block, row.streams, ntp, now)
            elif isinstance(packet, Nack):
                feedback.nacks.append(packet)
            elif isinstance(packet, Pli | Fir):
                feedback.keyframe = True
            elif isinstance(packet, Remb):
                self.estimate = packet.bitrate
        return feedback

    def report(self, row: Row, timeline: LectureClock, now: float) -> None:
        """Send this viewer's sender reports, which put both streams on the server's clock (RFC 3550 section 6.4.1)."""
        reports = [report for kind in Kind if (report := timeline.sender_report(row.streams[kind], kind, now))]
        if not reports:
            return
        self.reported = True
        self._measure(row.streams, now)
        self.session.transport.send_rtcp(compound(*reports, Sdes.cname(reports[0].ssrc, CNAME)))

    def _measure(self, streams: tuple[Stream, Stream], now: float) -> None:
        octets = sum(stream.octets for stream in streams)
        elapsed = now - self._measured
        if elapsed >= 0.5:
            self.kbps = (octets - self._octets) % (1 << 32) * 8e-3 / elapsed * (1 - self._acknowledged.fraction_lost)
            self._octets, self._measured = octets, now

    def take_delivery(self, row: Row) -> Delivery:
        """Return what was acknowledged since the last call."""
        return Delivery(self.viewer, *self._acknowledged.take(row.streams))

    def age(self, now: float) -> float | None:
        """Return how long ago this viewer last acknowledged a packet; None when it never did."""
        last = self._acknowledged.last_advance
        return None if last is None else now - last

    def stats(self) -> ViewerStats:
        """Return what is known of the reception."""
        acknowledged = self._acknowledged
        rtt = acknowledged.rtt or None
        return ViewerStats(self.viewer, self.session.id, acknowledged.fraction_lost, rtt, self.kbps, self.since)
