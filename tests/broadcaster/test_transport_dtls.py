"""DTLS-SRTP over memory: two engines shake hands without a socket; what is lost, forged or not as announced."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from pylibsrtp import Error as SrtpError

from broadcaster.transport.aiortc_private import SharedCertificate
from broadcaster.transport.certificate import Identity
from broadcaster.transport.dtls import Dtls
from broadcaster.transport.handshake import DtlsEngine
from broadcaster.transport.parameters import Credentials, Fingerprint, RemoteParameters
from tests.support.attacks import record
from tests.support.lecture import rtp_packet

OURS, THEIRS = SharedCertificate.generateCertificate(), SharedCertificate.generateCertificate()
PACKET = rtp_packet(bytes(100), payload_type=108, sequence=1, timestamp=2, ssrc=3)


def prints(certificate: SharedCertificate, *algorithms: str) -> list[Fingerprint]:
    wanted = algorithms or ("sha-256",)
    return [Fingerprint(f.algorithm, f.value) for f in certificate.getFingerprints() if f.algorithm in wanted]


def pair(announced: list[Fingerprint] | None = None) -> tuple[DtlsEngine, DtlsEngine]:
    """A server that was told of `announced`, and its client."""
    server = DtlsEngine(OURS, "server", prints(THEIRS) if announced is None else announced)
    return server, DtlsEngine(THEIRS, "client", prints(OURS))


def exchange(server: DtlsEngine, client: DtlsEngine) -> None:
    """Carry datagrams until nobody has anything to say."""
    to_server, to_client = deque(client.start()), deque(server.start())
    while to_server or to_client:
        if to_server:
            to_client += server.receive(to_server.popleft())
        else:
            to_server += client.receive(to_client.popleft())


def test_two_ends_agree_on_keys_that_differ_by_direction() -> None:
    server, client = pair()
    exchange(server, client)
    assert server.connected
    assert client.connected
    assert server.profile == client.profile == "SRTP_AEAD_AES_128_GCM"
    sealed = server.outbound.protect(PACKET)
    assert client.inbound.unprotect(sealed) == PACKET
    assert server.inbound.unprotect(client.outbound.protect(PACKET)) == PACKET
    with pytest.raises(SrtpError):
        server.inbound.unprotect(sealed)


@pytest.mark.parametrize("algorithms", [("sha-256",), ("sha-384",), ("sha-512",), ("sha-256", "sha-384", "sha-512")])
def test_a_certificate_is_known_by_any_digest(algorithms: tuple[str, ...]) -> None:
    server, client = pair(prints(THEIRS, *algorithms))
    exchange(server, client)
    assert server.connected


@pytest.mark.parametrize(
    "announced",
    [[], prints(OURS), [*prints(THEIRS), *prints(OURS)], [*prints(THEIRS), *prints(OURS, "sha-384")]],
    ids=["none", "another's", "also another's", "another's by a stronger digest"],
)
def test_there_are_no_keys_for_a_certificate_that_was_not_announced(announced: list[Fingerprint]) -> None:
    server, client = pair(announced)
    exchange(server, client)
    assert server.state == "failed"
    assert server.ended
    assert not hasattr(server, "outbound")


def test_a_goodbye_ends_and_is_answered() -> None:
    server, client = pair()
    exchange(server, client)
    [goodbye] = client.shutdown()
    assert server.receive(goodbye) == []
    assert server.state == "ended"
    assert len(server.shutdown()) == 1
    assert server.receive(goodbye) == []


@pytest.mark.parametrize("kind", [20, 21, 22, 23, 26, 63])
def test_garbage_changes_nothing_once_keys_are_agreed(kind: int) -> None:
    server, client = pair()
    exchange(server, client)
    for body in (b"", b"\1\0", bytes(60), b"\xff" * 300):
        for epoch in (0, 1, 2):
            server.receive(record(kind, body, epoch))
    server.receive(bytes([kind]))
    assert server.connected
    assert client.inbound.unprotect(server.outbound.protect(PACKET)) == PACKET


def test_nothing_is_said_before_the_start() -> None:
    server, _ = pair()
    assert (server.receive(b"\x16"), server.handle_timer(), server.shutdown(), server.timeout()) == ([], [], [], None)
    assert not server.connected
    assert not server.ended


def test_a_flight_is_waited_for_until_it_is_answered() -> None:
    server, client = pair()
    server.start()
    assert server.timeout() is None, "a server waits to be spoken to"
    server.receive(client.start()[0])
    assert 0 < (server.timeout() or 0) <= 1
    exchange(*(both := pair()))
    assert both[0].timeout() is None


class End:
    """A `Dtls` whose datagrams go to the other one, but for the first `lost`."""

    def __init__(self, setup: str, lost: int) -> None:
        self.identity = Identity()
        self.setup = setup
        self.lost = lost
        self.sent = 0
        self.other: End | None = None
        self.connected = asyncio.Event()
        self.ends: list[str] = []

    def meet(self, other: End) -> None:
        self.other = other
        setup = "passive" if self.setup == "active" else "active"
        remote = RemoteParameters(Credentials("u" * 4, "p" * 22), (other.identity.fingerprint,), setup)  # type: ignore[arg-type]
        self.dtls = Dtls(
            self.identity, remote, name=self.setup, send=self.send, queue=8, on_connected=self.connected.set, on_end=self.ends.append
        )  # fmt: skip

    def send(self, datagram: bytes) -> bool:
        self.sent += 1
        if self.sent > self.lost and self.other is not None:
            self.other.dtls.receive(datagram)
        return True


@pytest.mark.parametrize(("server_loses", "client_loses"), [(1, 0), (0, 1)])
async def test_a_lost_flight_is_sent_again(server_loses: int, client_loses: int) -> None:
    server, client = End("passive", server_loses), End("active", client_loses)
    server.meet(client)
    client.meet(server)
    server.dtls.start()
    client.dtls.start()
    async with asyncio.timeout(10):
        await server.connected.wait()
        await client.connected.wait()
    client.dtls.shutdown()
    client.dtls.shutdown()
    while not server.ends:
        await asyncio.sleep(0)
    assert server.ends == ["closed_by_peer"]
    assert client.ends == []
    server.dtls.shutdown()
