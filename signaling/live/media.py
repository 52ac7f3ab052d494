"""What the live broadcast asks of the media plane. `broadcaster.plane` has it; tests of pure rights have a small twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Session(Protocol):
    """One WHIP or WHEP session: a transport with its answer."""

    @property
    def id(self) -> str:
        """Unguessable, at least 128 bit, safe in a URL."""

    @property
    def answer(self) -> str:
        """The SDP answer with every candidate."""

    @property
    def etag(self) -> str:
        """The strong entity tag of the current ICE credentials, with or without its quotes (RFC 9725 section 4.3.1)."""

    def trickle(self, fragment: str) -> None:
        """Take remote candidates."""

    def restart(self, fragment: str) -> str:
        """Restart ICE and return the fragment to answer with; `etag` is new afterwards."""

    def close(self, reason: str) -> None:
        """Close; idempotent."""


class PublisherStats(Protocol):
    """What is known of the lecturer's stream: `loss` is a share, `rtt` seconds or None."""

    @property
    def session(self) -> str: ...
    @property
    def bitrate(self) -> float: ...
    @property
    def loss(self) -> float: ...
    @property
    def rtt(self) -> float | None: ...
    @property
    def last_packet_age(self) -> float | None: ...


class ViewerStats(Protocol):
    """What is known of one viewer's stream: `lost` is a share, `rtt` seconds or None."""

    @property
    def viewer(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def lost(self) -> float: ...
    @property
    def rtt(self) -> float | None: ...
    @property
    def kbps(self) -> float: ...


class Room(Protocol):
    """The media of one lecture."""

    async def publish(self, offer: str, *, fence: int) -> Session: ...
    async def subscribe(self, offer: str, *, viewer: str) -> Session: ...
    def set_forwarding(self, on: bool) -> None: ...
    def viewers(self) -> Mapping[str, float]: ...
    def publisher(self) -> PublisherStats | None: ...
    def viewer_stats(self) -> Sequence[ViewerStats]: ...
    def cut(self) -> None: ...
    def close(self, reason: str) -> None: ...


class MediaPlane(Protocol):
    """All rooms of this process."""

    def room(self, lecture_id: str) -> Room:
        """Return the room of a lecture, made when missing."""

    def session(self, session_id: str) -> Session | None:
        """Return a session that is not closed."""
