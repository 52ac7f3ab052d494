"""One WHIP or WHEP session: an offer, its answer, and the transport between them."""

from __future__ import annotations

import secrets
from typing import Final, Literal

from broadcaster.errors import FragmentError
from broadcaster.transport.parameters import Candidate, SendStreams
from broadcaster.transport.sdp import Offer, build_fragment, parse_fragment
from broadcaster.transport.transport import Transport
from config.settings import SdpSettings

ID_BYTES: Final = 24  # 192 bits: a session URL cannot be guessed (RFC 9725 section 5)

Role = Literal["publish", "watch"]


class Session:
    """`id` is the secret part of the session's URL; `fence` means something to publishers, `viewer` to viewers."""

    __slots__ = (
        "_candidates",
        "_limits",
        "_local",
        "_offer",
        "_streams",
        "_ufrag",
        "fence",
        "id",
        "role",
        "room_id",
        "transport",
        "viewer",
    )

    def __init__(
        self,
        offer: Offer,
        transport: Transport,
        *,
        room_id: str,
        candidates: list[Candidate],
        limits: SdpSettings,
        fence: int = 0,
        viewer: str = "",
        streams: SendStreams | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(ID_BYTES)
        self.role: Role = offer.direction
        self.room_id = room_id
        self.fence = fence
        self.viewer = viewer
        self.transport = transport
        self._offer = offer
        self._local = transport.local
        self._streams = streams
        self._ufrag = transport.local.credentials.ufrag
        self._candidates = candidates
        self._limits = limits

    @property
    def answer(self) -> str:
        """The SDP answer, written anew each time: one is read, and two kilobytes a session need not be kept."""
        return self._offer.answer(self._local, self._candidates, self._streams)

    @property
    def etag(self) -> str:
        """The strong entity tag of the present ICE session, quotes included (RFC 9725 section 4.3.1)."""
        return f'"{self._ufrag}"'

    @property
    def closed(self) -> bool:
        """Whether the transport has ended."""
        return self.transport.state == "closed"

    def trickle(self, fragment: str) -> None:
        """Accept candidates of the present ICE session; raise `FragmentError` for what is no fragment.

        They are not used: an ICE-lite agent learns addresses from checks (RFC 8445 section 2.5).
        """
        parse_fragment(fragment, self._limits)

    def restart(self, fragment: str) -> str:
        """Restart ICE with the credentials of `fragment`; return the fragment to answer with. `etag` is another one then.

        Raises `FragmentError` without credentials.
        """
        credentials = parse_fragment(fragment, self._limits).credentials
        if credentials is None:
            raise FragmentError("an ICE restart needs a=ice-ufrag and a=ice-pwd")
        local = self.transport.restart_ice(credentials.ufrag, credentials.pwd)
        self._ufrag = local.credentials.ufrag  # at once, although the transport keeps the old until the first check
        return build_fragment(self._offer, local.credentials, self._candidates)

    def close(self, reason: str) -> None:
        """End the session; idempotent."""
        self.transport.close(reason)
