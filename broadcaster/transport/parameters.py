"""The values that a session's two ends tell each other in offer and answer, as small frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Setup = Literal["actpass", "active", "passive"]
Role = Literal["client", "server"]

# RFC 8445 section 5.1.2.1: type preference of a host candidate, component 1.
HOST_PREFERENCE: Final = 126
LOCAL_PREFERENCES: Final = 65535


@dataclass(frozen=True, slots=True)
class Credentials:
    """An ICE user name fragment and its password (RFC 8839 section 5.4)."""

    ufrag: str
    pwd: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The digest of a DTLS certificate (RFC 8122): `sha-256`, and hexadecimal bytes joined by colons."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


@dataclass(frozen=True, slots=True)
class RemoteParameters:
    """What the other end offered: its ICE credentials, its certificates and its DTLS set-up (RFC 8842)."""

    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]
    setup: Setup

    @property
    def role(self) -> Role:
        """Our DTLS role: passive, hence the server, unless the peer insists on being passive (FFmpeg does)."""
        return "client" if self.setup == "passive" else "server"


@dataclass(frozen=True, slots=True)
class LocalParameters:
    """What this end answers."""

    credentials: Credentials
    fingerprint: Fingerprint
    role: Role

    @property
    def setup(self) -> Setup:
        """The word for `a=setup` of the answer."""
        return "active" if self.role == "client" else "passive"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host candidate over UDP. `rank` orders the candidates: 0 is preferred most."""

    address: str
    port: int
    rank: int = 0

    @property
    def priority(self) -> int:
        """RFC 8445 section 5.1.2.1."""
        return HOST_PREFERENCE << 24 | (LOCAL_PREFERENCES - self.rank) << 8 | 255

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    def __str__(self) -> str:
        return f"{self.rank + 1} 1 udp {self.priority} {self.address} {self.port} typ host"


@dataclass(frozen=True, slots=True)
class SendStreams:
    """The sources that a WHEP answer announces: SSRCs of what this server will send to one viewer."""

    stream: str
    cname: str
    audio_ssrc: int
    video_ssrc: int
    rtx_ssrc: int
