"""Turns what the media plane reports into facts of the broadcast, stamped by the server's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from broadcaster.events import MediaEvent, PublicationClosed, PublicationOpened, SubscriptionClosed, SubscriptionOpened
from signaling.live.events import LiveEvent, PublisherArrived, PublisherLost, ScreenJoined, ScreenLeft
from signaling.live.sessions import is_monitor


def translate(event: MediaEvent, broadcast_id: Callable[[str], str | None], at: datetime) -> LiveEvent | None:
    """Return the fact behind a media event; None for a monitor, or for a room without broadcast."""
    broadcast = broadcast_id(event.room)
    if broadcast is None:
        return None
    match event:
        case PublicationOpened(room, session, fence):
            return PublisherArrived(room, broadcast, at, session, fence)
        case PublicationClosed(room, session, fence, reason):
            return PublisherLost(room, broadcast, at, session, fence, reason)
        case SubscriptionOpened(room, session, viewer) if not is_monitor(viewer):
            return ScreenJoined(room, broadcast, at, viewer, session)
        case SubscriptionClosed(room, session, viewer, reason) if not is_monitor(viewer):
            return ScreenLeft(room, broadcast, at, viewer, session, reason)
    return None
