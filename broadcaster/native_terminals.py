"""All viewers of a room on native fan-outs, one for each thread that sends; the same to its room as `terminals.py`.

1. **A steady terminal costs Python nothing**: trains go from the receive thread to the workers, reports and requests for
   lost packets end there. What is done here happens once a join, a wish or a tick.
2. A viewer stays with the thread that it was given to, the one with the fewest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from broadcaster.drops import Drops
from broadcaster.errors import Busy
from broadcaster.events import Delivery
from broadcaster.feeds import Feed, NativeSubscription
from broadcaster.forward.plan import PlanError, Terminal
from broadcaster.media import Kind, MediaPacket, SenderClock
from broadcaster.native_publication import NativePublication
from broadcaster.session import Session
from broadcaster.sink import Source
from broadcaster.subscription import terminal_of
from broadcaster.transport.addresses import LocalSocket
from broadcaster.transport.engine import sockaddr_of
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.receivers import EngineReader
from broadcaster.transport.sdp import Offer
from broadcaster.transport.srtp import SrtpTable
from config.settings import Settings

PLACE_SECONDS: Final = 0.1  # the origins of the streams move by micro-seconds only


class NativeTerminals:
    """The viewers of one room; a `broadcaster.sink.Sink`. Its fan-outs are made when the first viewer or lecturer comes."""

    def __init__(
        self, settings: Settings, contexts: SrtpTable, reader: EngineReader, drops: Drops, ntp_offset: float
    ) -> None:
        self._settings = settings
        self._contexts = contexts
        self._reader = reader
        self._drops = drops
        self._ntp_offset = ntp_offset
        self._feeds: list[Feed] = []
        self._source: NativePublication | None = None
        self._kept: NativePublication | None = None  # whose ring the workers may still read
        self._forwarding = False
        self._subscriptions: dict[str, NativeSubscription] = {}
        self._departed: list[Delivery] = []
        self._place_at = -math.inf
        self._published = 0

    def __len__(self) -> int:
        return len(self._subscriptions)

    def __iter__(self) -> Iterator[NativeSubscription]:
        return iter(list(self._subscriptions.values()))

    @property
    def feeds(self) -> Sequence[Feed]:
        """The fan-outs that there are."""
        return self._feeds

    @property
    def queued(self) -> int:
        """Packets of video that wait for their sweep."""
        return max((feed.counted().queued for feed in self._feeds), default=0)

    @property
    def published(self) -> int:
        """Packets that were forwarded to whoever was there, since the room began."""
        return max((feed.counted().forwarded for feed in self._feeds), default=self._published)

    @property
    def packets_out(self) -> int:
        """Packets that left, retransmissions included."""
        return sum(feed.counted().packets_out for feed in self._feeds)

    # -- viewers come and go ----------------------------------------------------------------------------------

    def join(self, session: Session, offer: Offer, streams: SendStreams, now: float) -> NativeSubscription:
        """Give a connected session its row; raises `Busy` when the plan is full."""
        feed = min(self._ready_feeds(), key=len)
        transport = session.transport
        try:
            row = feed.join(self._terminal(session, offer, streams), self._reader.peer(transport))
        except PlanError as error:
            raise Busy(str(error), retry_after=5.0) from error
        subscription = self._subscriptions[session.id] = NativeSubscription(session, feed, row.slot, now)
        transport.on_moved = lambda: self._moved(subscription)
        if self._source is not None and self._forwarding and not feed.show(row.slot):
            self._source.wish_keyframe("join")
        return subscription

    def _terminal(self, session: Session, offer: Offer, streams: SendStreams) -> Terminal:
        transport = session.transport
        context = self._contexts.address(transport.srtp_handle)
        sockaddr, socket = self._path(session)
        return replace(terminal_of(offer, streams, context), sockaddr=sockaddr, socket=socket)

    @staticmethod
    def _path(session: Session) -> tuple[bytes, int]:
        path = session.transport.path
        assert path is not None, "connected without a path"
        assert isinstance(path.local, LocalSocket)
        return sockaddr_of(path.address), path.local.index

    def _moved(self, subscription: NativeSubscription) -> None:
        subscription.feed.move(subscription.slot, *self._path(subscription.session))

    def _ready_feeds(self) -> list[Feed]:
        engine = self._reader.engine
        if not self._feeds and engine is not None:
            self._feeds = [Feed(engine, self._settings, worker, self._ntp_offset) for worker in range(engine.workers)]
            for feed in self._feeds:
                feed.set_forwarding(self._forwarding)
        return self._feeds

    def leave(self, session: Session, now: float) -> None:
        """Take a viewer out of the plan; what it acknowledged stays for the next sample. Idempotent."""
        subscription = self._subscriptions.pop(session.id, None)
        if subscription is not None:
            self._departed.append(subscription.take_delivery(now))
            subscription.feed.leave(subscription.slot)

    def take_deliveries(self, now: float) -> list[Delivery]:
        """Return what every viewer acknowledged since the last call, those that left included."""
        deliveries, self._departed = self._departed, []
        deliveries += [subscription.take_delivery(now) for subscription in self._subscriptions.values()]
        return deliveries

    # -- the sink ---------------------------------------------------------------------------------------------

    def set_forwarding(self, on: bool) -> None:
        """Let media flow or not; off takes effect with the next datagram."""
        self._forwarding = on
        for feed in self._feeds:
            feed.set_forwarding(on)

    def opened(self, source: Source) -> None:
        """Begin with another source; everybody waits for its first keyframe, which is in the ring."""
        assert isinstance(source, NativePublication)
        former, self._source = self._kept, source
        self._place_at = -math.inf
        for feed in self._ready_feeds():
            feed.follow(source.intake.pointer, source.begins_at)
        self._kept = source
        del former  # not before the last worker has let go of its ring

    def receive(self, train: Sequence[MediaPacket], now: float) -> None:
        """The workers have sent it already."""

    def clock(self, clock: SenderClock) -> None:
        """The source's timeline has taken it already."""

    def closed(self, reason: str) -> None:
        """Keep the viewers, and the ring for what they still ask for: the lecturer may come back."""
        self._source = None
        for feed in self._feeds:
            feed.follow(None, 0)

    def tick(self, now: float) -> None:
        """Tell the workers where the streams lie in time."""
        if self._source is not None and now >= self._place_at:
            self._place_at = now + PLACE_SECONDS
            origins = [self._source.timeline.origin(kind) for kind in Kind]
            audio, video = [math.nan if origin is None else origin for origin in origins]
            for feed in self._feeds:
                feed.place(audio, video)

    def woken(self) -> None:
        """Pass on that keyframes are wished."""
        for feed in self._feeds:
            reason = feed.take_wish()
            if reason and self._source is not None:
                self._source.wish_keyframe(reason)

    def collect(self) -> None:
        """Count what the workers discarded since the last time."""
        for feed in self._feeds:
            for reason, count in feed.take_drops().items():
                self._drops(reason, count)

    def close(self) -> None:
        """Give the fan-outs back. Nobody watches any more; **what was published stays known for the last sample**."""
        self.collect()
        self._published = self.published
        for feed in self._feeds:
            feed.release()
        self._feeds = []
        self._source = self._kept = None
