"""One lecture: its publisher, its terminals, its other sinks.

1. **One publication is on the air.** One with a higher fence takes its place with its first keyframe; then the old
   one is closed as `taken_over`, and its packets are dropped.
2. **Forwarding is a switch of the room**: off, viewers stay connected and get nothing, and neither does any sink.
3. `cut` stops forwarding first and says goodbye afterwards.

| What ends                     | what it closes                                                       |
|-------------------------------|----------------------------------------------------------------------|
| room (`close`)                | publisher, arriving publisher, viewers, and `closed` of every sink   |
| publisher's transport         | its publication: `closed` of every sink; viewers stay                |
| viewer's transport            | its row in the plan                                                  |
| `cut`                         | publisher and viewers; the room goes on and takes new sessions       |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from broadcaster.drops import DropReason, Drops
from broadcaster.errors import Busy, RoomClosed
from broadcaster.events import (
    DeliverySample,
    MediaEvent,
    PublicationClosed,
    PublicationOpened,
    SubscriptionClosed,
    SubscriptionOpened,
)
from broadcaster.media import MediaPacket, SenderClock
from broadcaster.native_publication import NativePublication
from broadcaster.native_terminals import NativeTerminals
from broadcaster.publication import Hooks, Publication, PublisherStats
from broadcaster.session import Session
from broadcaster.sink import Sink
from broadcaster.subscription import ViewerStats, choose_streams
from broadcaster.terminals import Terminals
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.receivers import EngineReader
from broadcaster.transport.sdp import Direction, Offer, parse_offer
from broadcaster.transport.udp import MediaPort
from config.settings import Settings

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970 (RFC 868)
GOODBYES = 50  # sessions closed before the loop may do something else
LONGEST_GAP = 1.0  # seconds between trains that still count as flowing


class Room:
    """`id` is the lecture's id. `emit` takes facts, `admit` counts and limits joins."""

    def __init__(
        self,
        room_id: str,
        settings: Settings,
        port: MediaPort,
        drops: Drops,
        *,
        emit: Callable[[MediaEvent], None],
        admit: Callable[[Session | None], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.id = room_id
        self.closed = False
        self.packets_in = 0
        self._settings = settings
        self._port = port
        self._drops = drops
        self._emit = emit
        self._admit = admit
        self._clock = clock
        self._ntp_offset = wall() + NTP_EPOCH - clock()
        self._publication: Publication | None = None
        self._arriving: dict[str, Publication] = {}
        self._viewers: dict[str, Session] = {}
        self._forwarding = False
        self._flowing = 0.0
        self._last_train: float | None = None
        self._sampled = 0
        self.terminals = self._new_terminals()
        self._sinks: list[Sink] = [self.terminals]

    def _new_terminals(self) -> Terminals | NativeTerminals:
        port, settings = self._port, self._settings
        if isinstance(port.reader, EngineReader):
            return NativeTerminals(settings, port.srtp, port.reader, self._drops, self._ntp_offset)
        return Terminals(
            settings.forward,
            settings.media.sessions,
            self._drops,
            seal=port.srtp.seal,
            clock=self._clock,
            ntp_offset=self._ntp_offset,
        )

    # -- joining ----------------------------------------------------------------------------------------------

    async def publish(self, offer: str, *, fence: int) -> Session:
        """Answer a publisher's offer; it is on the air with its first keyframe. `fence` must not be below an earlier one.

        Raises the `OfferError` tree, `Busy`, and `RoomClosed` also for a fence that is too low.
        """
        if fence < self._fence():
            raise RoomClosed(f"fence {fence} is below {self._fence()}: another publisher has taken over")
        session, parsed = self._join(offer, "publish", fence=fence)
        hooks = Hooks(self._take_air, self._train, self._sender_clock)
        engine = self._port.reader.engine
        make = Publication if engine is None else partial(NativePublication, engine.native)
        publication = make(
            session,
            parsed,
            self._settings.forward,
            self._drops,
            hooks,
            clock=self._clock,
            ntp_offset=self._ntp_offset,
        )
        session.transport.on_closed = partial(self._publisher_closed, publication)
        for earlier in list(self._arriving.values()):
            earlier.session.close("taken_over")
        self._arriving[session.id] = publication
        return session

    async def subscribe(self, offer: str, *, viewer: str) -> Session:
        """Answer a viewer's offer. Raises the `OfferError` tree, `Busy`, `RoomClosed`."""
        streams = choose_streams()
        session, parsed = self._join(offer, "watch", viewer=viewer, streams=streams)
        self._viewers[session.id] = session
        session.transport.on_connected = partial(self._viewer_connected, session, parsed, streams)
        session.transport.on_closed = partial(self._viewer_closed, session)
        return session

    def _join(
        self, text: str, direction: Direction, *, fence: int = 0, viewer: str = "", streams: SendStreams | None = None
    ) -> tuple[Session, Offer]:
        if self.closed:
            raise RoomClosed("the lecture has ended")
        self._admit(None)
        offer = parse_offer(text, self._settings.sdp, direction)
        transport = self._port.open(offer.remote, label=viewer or "publisher", receives_media=direction == "publish")
        session = Session(
            offer,
            transport,
            room_id=self.id,
            candidates=self._port.candidates(),
            limits=self._settings.sdp,
            fence=fence,
            viewer=viewer,
            streams=streams,
        )
        self._admit(session)
        return session, offer

    def _fence(self) -> int:
        return max((publication.session.fence for publication in self._publications()), default=0)

    # -- the publisher ----------------------------------------------------------------------------------------

    def _take_air(self, publication: Publication) -> None:
        former, self._publication = self._publication, publication
        self._arriving.pop(publication.id, None)
        self._last_train = None
        for sink in self._sinks:
            if former is not None:
                sink.closed("taken_over")
            sink.opened(publication)
        self._emit(PublicationOpened(self.id, publication.id, publication.session.fence, self._clock()))
        if former is not None:
            former.session.close("taken_over")

    def _publisher_closed(self, publication: Publication, reason: str) -> None:
        self._arriving.pop(publication.id, None)
        if self._publication is publication:
            self._publication = None
            for sink in self._sinks:
                sink.closed(reason)
        if publication.ready:
            self._emit(PublicationClosed(self.id, publication.id, publication.session.fence, reason, self._clock()))

    def _train(self, publication: Publication, packets: Sequence[MediaPacket], now: float) -> None:
        if publication is not self._publication:
            return self._drops(DropReason.OLD_FENCE, len(packets))
        self.packets_in += len(packets)
        if not self._forwarding:
            return self._drops(DropReason.NOT_FORWARDING, len(packets))
        if self._last_train is not None:
            self._flowing += min(now - self._last_train, LONGEST_GAP)
        self._last_train = now
        for sink in self._sinks:
            sink.receive(packets, now)

    def _sender_clock(self, publication: Publication, clock: SenderClock) -> None:
        if publication is self._publication:
            for sink in self._sinks:
                sink.clock(clock)

    # -- viewers ----------------------------------------------------------------------------------------------

    def _viewer_connected(self, session: Session, offer: Offer, streams: SendStreams) -> None:
        try:
            self.terminals.join(session, offer, streams, self._clock())
        except Busy:  # no row for it: a session that stays would show nothing for ever
            return session.close("no_room")
        session.transport.on_closed = partial(self._viewer_left, session)
        self._emit(SubscriptionOpened(self.id, session.id, session.viewer, self._clock()))

    def _viewer_closed(self, session: Session, reason: str) -> None:
        self._viewers.pop(session.id, None)

    def _viewer_left(self, session: Session, reason: str) -> None:
        self._viewer_closed(session, reason)
        self.terminals.leave(session, self._clock())
        self._emit(SubscriptionClosed(self.id, session.id, session.viewer, reason, self._clock()))

    # -- sinks and switches -----------------------------------------------------------------------------------

    def attach(self, sink: Sink) -> None:
        """Add a sink; the publication on the air is opened for it at once."""
        self._sinks.append(sink)
        if self._publication is not None:
            sink.opened(self._publication)
            self._publication.wish_keyframe("sink")

    def detach(self, sink: Sink) -> None:
        """Remove a sink; it is closed first. Unknown sinks are ignored."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            if self._publication is not None:
                sink.closed("detached")

    def set_forwarding(self, on: bool) -> None:
        """Let media flow to viewers and sinks, or not; off takes effect with the next datagram."""
        self._forwarding = on
        self._last_train = None
        self.terminals.set_forwarding(on)

    def cut(self) -> None:
        """Stop forwarding at once, then say goodbye to the publisher and every viewer, slice by slice.

        A goodbye costs the loop a quarter of a millisecond: a county's screens in one go would hold up whoever else is to
        hear of the cut.
        """
        self.set_forwarding(False)
        self._say_goodbye([*self._publishers(), *self._viewers.values()], "cut")

    def close(self, reason: str) -> None:
        """End the room. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.set_forwarding(False)
        self._close_all(reason)
        self.terminals.close()

    def _say_goodbye(self, sessions: list[Session], reason: str) -> None:
        for session in sessions[:GOODBYES]:
            session.close(reason)
        if sessions[GOODBYES:]:
            asyncio.get_running_loop().call_soon(self._say_goodbye, sessions[GOODBYES:], reason)

    def _close_all(self, reason: str) -> None:
        for session in [*self._viewers.values(), *self._publishers()]:
            session.close(reason)

    def _publications(self) -> list[Publication]:
        return [*self._arriving.values(), *([self._publication] if self._publication else [])]

    def _publishers(self) -> Iterator[Session]:
        return (publication.session for publication in self._publications())

    def tick(self, now: float) -> None:
        """Send the feedback and the reports that are due."""
        for publication in self._publications():
            publication.tick(now)
        self.terminals.tick(now)

    def woken(self) -> None:
        """Look at what threads in C stored and wish; with the Python twin there are none."""
        for publication in self._publications():
            if isinstance(publication, NativePublication):
                publication.observe()
        if isinstance(self.terminals, NativeTerminals):
            self.terminals.woken()

    # -- what others may know ---------------------------------------------------------------------------------

    def sample_delivery(self) -> DeliverySample:
        """Return what happened since the sample before, and begin anew."""
        published, self._sampled = self.terminals.published - self._sampled, self.terminals.published
        flowing, self._flowing = self._flowing, 0.0
        return DeliverySample(published, flowing, tuple(self.terminals.take_deliveries(self._clock())))

    def viewers(self) -> dict[str, float]:
        """Return for every viewer that ever acknowledged a packet how many seconds ago it last did."""
        now = self._clock()
        ages: dict[str, float] = {}
        for subscription in self.terminals:
            age = subscription.age(now)
            if age is not None:
                ages[subscription.viewer] = min(age, ages.get(subscription.viewer, age))
        return ages

    def publisher(self) -> PublisherStats | None:
        """Return what is known of the publication on the air."""
        return self._publication.stats(self._clock()) if self._publication is not None else None

    def viewer_stats(self) -> list[ViewerStats]:
        """Return what every connected viewer reports."""
        return [subscription.stats() for subscription in self.terminals]
