"""Sockets and SRTP contexts for the contenders: one sender, many receivers on loopback that nobody reads."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from pylibsrtp import Policy, Session

PROFILE = "AEAD_AES_128_GCM"  # what Chromium and the server agree on
KEY_BYTES = 28
SINKS = 64
SINK_BUFFER = 4096
SEND_BUFFER = 4 << 20


class Field:
    """A sending socket and the addresses of `terminals` receivers. A full receiver drops; that costs the same everywhere."""

    def __init__(self, terminals: int) -> None:
        self._stack = ExitStack()
        self.socket = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sinks = [self._sink() for _ in range(min(SINKS, terminals))]
        self.addresses = [sinks[number % len(sinks)] for number in range(terminals)]
        self.sessions = [sealing() for _ in range(terminals)]

    def close(self) -> None:
        """Close all sockets."""
        self._stack.close()

    def _sink(self) -> tuple[str, int]:
        made = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SINK_BUFFER)
        made.bind(("127.0.0.1", 0))
        host, port = made.getsockname()
        return str(host), int(port)


def sealing() -> Session:
    """Return a fresh outbound SRTP session."""
    policy = Policy(
        key=os.urandom(KEY_BYTES),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=getattr(Policy, f"SRTP_PROFILE_{PROFILE}"),
    )
    policy.allow_repeat_tx = True
    return Session(policy)
