"""All viewers of a room, as one sink: the plan, the sweeps over it, repair, late joiners, sender reports.

1. **A sweep yields to the loop after every slice**, so that incoming packets are read between slices.
2. A viewer that joins a running lecture gets the cached group of pictures; when there is none, one keyframe serves
   all who wait.
3. Sender reports go round robin, so that a thousand of them never leave in one instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import structlog

from broadcaster.drops import DropReason, Drops
from broadcaster.errors import Busy
from broadcaster.events import Delivery
from broadcaster.forward.cache import Ring
from broadcaster.forward.clock import ReportRound
from broadcaster.forward.fanout import EVERYBODY, Fanout
from broadcaster.forward.keyframes import WishLimiter
from broadcaster.forward.nack import Retransmitter
from broadcaster.forward.pacing import GopBursts
from broadcaster.forward.plan import Plan, PlanError
from broadcaster.media import MediaPacket, SenderClock
from broadcaster.rtp.rtcp import RtcpError, parse_compound
from broadcaster.session import Session
from broadcaster.sink import Source
from broadcaster.subscription import Subscription, terminal_of
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.sdp import Offer
from config.settings import ForwardSettings

log = structlog.get_logger(__name__)


class Terminals:
    """The viewers of one room; a `broadcaster.sink.Sink`. `seal` protects a packet by the handle of a transport."""

    def __init__(
        self,
        settings: ForwardSettings,
        capacity: int,
        drops: Drops,
        *,
        seal: Callable[[int, bytes], bytes],
        clock: Callable[[], float],
        ntp_offset: float,
    ) -> None:
        self.plan = Plan(capacity)
        self._drops = drops
        self._clock = clock
        self._ntp_offset = ntp_offset
        self._source: Source | None = None
        self._by_slot: dict[int, Subscription] = {}
        self._by_session: dict[str, Subscription] = {}
        self._senders: dict[int, Callable[[bytes], bool]] = {}
        self._reports = ReportRound()
        self._departed: list[Delivery] = []
        self._sweeping = False
        self._bursting = False
        nothing = Ring(0.0, 0)
        self._fanout = Fanout(
            self.plan, seal=seal, send=self._send, drop=drops, wish=self._wish, queue=settings.sweep_queue
        )
        self._bursts = GopBursts(
            self._fanout,
            nothing,
            max_octets=settings.gop_burst_bytes,
            egress_bits=settings.gop_egress_bits,
            viewer_bits=settings.gop_viewer_bits,
        )
        self._repair = Retransmitter(
            self.plan, nothing, seal=seal, send=self._send, drop=drops, share=settings.nack_budget
        )
        self._wishes = WishLimiter(settings.viewer_wish_seconds)
        self.packets_out = 0

    def __len__(self) -> int:
        return len(self._by_slot)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._by_slot.values()))

    @property
    def queued(self) -> int:
        """Packets of video that wait for their sweep."""
        return self._fanout.queued

    @property
    def published(self) -> int:
        """Packets that were forwarded to whoever was there, since the room began."""
        return self._fanout.forwarded

    # -- viewers come and go ----------------------------------------------------------------------------------

    def join(self, session: Session, offer: Offer, streams: SendStreams, now: float) -> Subscription:
        """Give a connected session its row; raises `Busy` when the plan is full."""
        try:
            row = self._fanout.join(terminal_of(offer, streams, session.transport.srtp_handle))
        except PlanError as error:
            raise Busy(str(error), retry_after=5.0) from error
        subscription = Subscription(session, row, now)
        self._by_slot[row.slot] = self._by_session[session.id] = subscription
        self._senders[row.slot] = session.transport.send
        session.transport.on_rtcp = lambda plain, at: self.receive_rtcp(subscription, plain, at)
        if self._source is not None and self._fanout.forwarding:
            self._show_at_once(row.slot, now)
        return subscription

    def _show_at_once(self, slot: int, now: float) -> None:
        """Send the cached pictures, or wish a keyframe. Of a lecturer who is gone there is nothing to show."""
        if self._bursts.start(slot, now):
            self._burst()
        else:
            self._wish(slot, "join")

    def leave(self, session: Session, now: float) -> None:
        """Take a viewer out of the plan; what it acknowledged stays for the next sample. Idempotent."""
        subscription = self._by_session.pop(session.id, None)
        row = None if subscription is None else self.plan.row(subscription.slot)
        if subscription is None or row is None:
            return
        slot = row.slot
        self._departed.append(subscription.take_delivery(row))
        del self._by_slot[slot], self._senders[slot]
        self._reports.forget(slot)
        self._bursts.cancel(slot)
        self._repair.forget(slot)
        self._wishes.forget(slot)
        self._fanout.leave(slot)

    def take_deliveries(self, now: float) -> list[Delivery]:
        """Return what every viewer acknowledged since the last call, those that left included."""
        deliveries, self._departed = self._departed, []
        for slot, subscription in self._by_slot.items():
            row = self.plan.row(slot)
            if row is not None:
                deliveries.append(subscription.take_delivery(row))
        return deliveries

    # -- the sink ---------------------------------------------------------------------------------------------

    def set_forwarding(self, on: bool) -> None:
        """Let media flow or not; off takes effect with the next datagram."""
        self._fanout.set_forwarding(on)
        if not on:
            self._bursts.stop()

    def opened(self, source: Source) -> None:
        """Begin with another source; everybody waits for its first keyframe."""
        assert isinstance(source.ring, Ring)
        self._source = source
        self._repair.source_changed(source.ring)
        self._bursts.source_changed(source.ring)
        self._fanout.source_changed()

    def receive(self, train: Sequence[MediaPacket], now: float) -> None:
        """Send a train to everybody, beginning now."""
        self._fanout.offer(train)
        if not self._sweeping:
            self._sweep()

    def clock(self, clock: SenderClock) -> None:
        """The source's timeline has taken it already."""

    def closed(self, reason: str) -> None:
        """Keep the viewers: the lecturer may come back."""
        self._source = None

    def close(self) -> None:
        """There is nothing to give back."""

    def _sweep(self) -> None:
        self._sweeping = False
        try:
            self._sweeping = self._fanout.turn(self._clock())
        except Exception:
            self._begin_anew("x sweep")
        if self._sweeping:
            asyncio.get_running_loop().call_soon(self._sweep)

    def _begin_anew(self, event: str) -> None:
        """After a mistake of ours: drop what waits and go on with the next keyframe, instead of never again."""
        log.exception(event)
        self._bursts.stop()
        self._fanout.set_forwarding(False)
        self._fanout.set_forwarding(True)

    def _burst(self) -> None:
        if not self._bursting:
            self._step_bursts()

    def _step_bursts(self) -> None:
        now = self._clock()
        try:
            self._bursts.handle_timer(now)
        except Exception:
            self._begin_anew("x burst")
        at = self._bursts.next_timer(now)
        self._bursting = at is not None
        if at is not None:
            asyncio.get_running_loop().call_later(max(0.0, at - now), self._step_bursts)

    def _send(self, slot: int, datagram: bytes) -> bool:
        self.packets_out += 1
        return self._senders[slot](datagram)

    def _wish(self, slot: int, reason: str) -> None:
        if self._source is not None and (slot == EVERYBODY or self._wishes.allows(slot, self._clock())):
            self._source.wish_keyframe(reason)

    # -- feedback ---------------------------------------------------------------------------------------------

    def receive_rtcp(self, subscription: Subscription, plain: bytes, now: float) -> None:
        """Take a viewer's RTCP."""
        row = self.plan.row(subscription.slot)
        if row is None or self._by_slot.get(subscription.slot) is not subscription:
            return self._drops(DropReason.NOT_CONNECTED)
        try:
            packets = parse_compound(plain)
        except RtcpError:
            return self._drops(DropReason.RTCP_MALFORMED)
        feedback = subscription.receive(packets, row, self._ntp_offset + now, now)
        for nack in feedback.nacks:
            self._repair.answer(subscription.slot, nack, subscription.rtt, now)
        if feedback.keyframe:
            self._wish(subscription.slot, "viewer")

    def tick(self, now: float) -> None:
        """Send the sender reports that are due: to newcomers at once, to everybody once a second in turn."""
        if self._source is None or not self._fanout.forwarding:
            return self._reports.pause(now)
        for slot in self._reports.due(sorted(self._by_slot), now):
            self._report(slot, now)

    def _report(self, slot: int, now: float) -> None:
        subscription, row = self._by_slot.get(slot), self.plan.row(slot)
        if subscription is not None and row is not None and self._source is not None:
            subscription.report(row, self._source.timeline, now)
            if subscription.reported:
                self._reports.told(slot)
