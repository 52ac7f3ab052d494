"""Why a packet was discarded. **No packet of the media plane disappears without one of these words.**

`Drops` counts them; one object is shared by the transports, the publications and the fan-outs of a process and
read by `/metrics`.
"""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """The label of the counter; the comment says who sent what."""

    # Datagrams that come in (broadcaster/transport).
    EMPTY = "empty"  # a datagram without a byte
    NOT_RFC7983 = "not_rfc7983"  # a first byte that is neither STUN, DTLS nor RTP
    UNKNOWN_SOURCE = "unknown_source"  # DTLS or RTP from an address that never passed an authenticated check
    MALFORMED_STUN = "malformed_stun"
    UNAUTHENTICATED_STUN = "unauthenticated_stun"  # a user name that is not ours, or a wrong MESSAGE-INTEGRITY
    UNEXPECTED_STUN = "unexpected_stun"  # a response or an indication: this side never asks
    REPLAYED_STUN = "replayed_stun"  # a copy of an authenticated check from another address
    ADDRESS_TAKEN = "address_taken"  # an authenticated check from the address of another session that is alive
    PLAINTEXT_ALERT = "plaintext_alert"  # an unencrypted DTLS alert: anybody could have written it
    QUEUE_FULL = "queue_full"  # more DTLS records than one session may have waiting
    NOT_CONNECTED = "not_connected"  # media before the handshake is done
    VIEWER_SENT_MEDIA = "viewer_sent_media"  # RTP from a viewer, dropped before it is decrypted
    TOO_MANY_SSRCS = "too_many_ssrcs"  # an authenticated peer that keeps inventing sources
    SRTP_AUTH = "srtp_auth"  # wrong key, forged or replayed
    # Packets that were decrypted (publication, subscription).
    RTP_MALFORMED = "rtp_malformed"
    RTCP_MALFORMED = "rtcp_malformed"
    UNKNOWN_PAYLOAD_TYPE = "unknown_payload_type"
    UNKNOWN_SSRC = "unknown_ssrc"  # a second source under a payload type that has one
    DUPLICATE = "duplicate"  # a sequence number that is already in the ring
    TOO_OLD = "too_old"  # later than everything that the ring still holds
    OVERSIZE = "oversize"  # a payload that fits no datagram of an ordinary path
    OLD_FENCE = "old_fence"  # a publisher whose place was taken
    NOT_FORWARDING = "not_forwarding"  # the lecture is not live
    # Packets that go out (fan-out, retransmission).
    NO_PATH = "no_path"  # nobody has been heard from yet
    WOULD_BLOCK = "would_block"  # the kernel's send buffer is full
    SEND_ERROR = "send_error"  # too large, or no route to this destination
    SEAL_ERROR = "seal_error"  # the session of this terminal just closed, or libsrtp refuses
    FRAME_REMAINDER = "frame_remainder"  # the rest of a video frame after a destination refused a packet
    AWAITING_KEYFRAME = "awaiting_keyframe"  # video before the IDR picture that this viewer needs
    BEFORE_SWITCH = "before_switch"  # late, from before this viewer's stream began anew
    SWEEP_QUEUE_FULL = "sweep_queue_full"  # packets come in faster than they can be sent to everybody
    RING_EXPIRED = "ring_expired"  # asked for again, but not in the ring any more
    NACK_BUDGET = "nack_budget"  # retransmissions beyond this viewer's share
    NACK_REPEATED = "nack_repeated"  # asked for twice within a round trip
    SINK_QUEUE_FULL = "sink_queue_full"  # the recorder or another node does not keep up


class Drops:
    """A counter for every reason. Call it with a reason; read it as a mapping for `/metrics`."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[DropReason, int] = dict.fromkeys(DropReason, 0)

    def __call__(self, reason: DropReason, count: int = 1) -> None:
        """Count `count` packets discarded for `reason`."""
        self._counts[reason] += count

    def __getitem__(self, reason: DropReason) -> int:
        return self._counts[reason]

    def total(self) -> int:
        """All packets discarded for any reason."""
        return sum(self._counts.values())

    def as_dict(self) -> dict[str, int]:
        """Every reason's counter, zeros included, by its word."""
        return {reason.value: count for reason, count in self._counts.items()}
