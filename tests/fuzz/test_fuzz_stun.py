"""100,000 malformed binding requests through the whole demultiplexer: nothing raises, nothing unauthenticated is answered."""

from __future__ import annotations

import random

from aioice import stun

from broadcaster.drops import DropReason, Drops
from broadcaster.transport.addresses import open_sockets
from broadcaster.transport.ice import IceLite, StunError, local_ufrag
from broadcaster.transport.parameters import Credentials, Fingerprint, RemoteParameters
from broadcaster.transport.udp import MediaPort
from config.settings import load
from tests.fuzz.mutations import corpus, inputs, mutate

MUTATIONS = 100_000
REMOTE = RemoteParameters(Credentials("remote", "r" * 24), (Fingerprint("sha-256", "AB"),), "actpass")
FOREIGN = ("192.0.2.1", 4000)


def _request(ufrag: str, pwd: str, *extra: tuple[str, object]) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=b"0123456789ab")
    message.attributes["USERNAME"] = f"{ufrag}:remote"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes.update(dict(extra))
    message.add_message_integrity(pwd.encode())
    return bytes(message)


def _seeds(ufrag: str, pwd: str) -> list[bytes]:
    return [
        _request(ufrag, pwd),
        _request(ufrag, pwd, ("USE-CANDIDATE", None)),
        _request(ufrag, pwd, ("SOFTWARE", "x" * 30), ("XOR-MAPPED-ADDRESS", FOREIGN)),
        _request(ufrag, pwd, ("ERROR-CODE", (487, "Role Conflict")), ("MAPPED-ADDRESS", ("2001:db8::1", 9))),
        _request(ufrag, "wrong" * 5),
        *corpus("stun"),
    ]


async def test_datagrams() -> None:
    drops = Drops()
    port = MediaPort(load().media, drops)
    transport = port.open(REMOTE, label="fuzz")
    local = open_sockets(["127.0.0.1"], 0, 65536, named=True)[0]
    credentials = transport.local.credentials
    try:
        for _, data in inputs(_seeds(credentials.ufrag, "never the right password"), MUTATIONS):
            port.receive(local, data, FOREIGN, 0.0)
    finally:
        local.socket.close()
    assert transport.state == "new"
    assert transport.links == ()
    assert local.peers == {}
    assert drops.total() >= MUTATIONS
    assert drops[DropReason.SEND_ERROR] == 0, "an answer was tried"
    for reason in (DropReason.MALFORMED_STUN, DropReason.UNAUTHENTICATED_STUN, DropReason.UNKNOWN_SOURCE):
        assert drops[reason] > 100, reason


def test_signed_requests_with_damaged_attributes() -> None:
    """Behind a right user name the whole of aioice's parser is reached, checksum or not."""
    ice = IceLite(Credentials("local", "l" * 24), REMOTE.credentials, path_silence=5.0, max_links=16)
    seeds = _seeds("local", "l" * 24)
    parsed = 0
    for number in range(MUTATIONS):
        chance = random.Random(number)
        head = seeds[number % len(seeds)]
        body = mutate(head[20:], chance)
        body = body[: len(body) // 4 * 4]
        data = head[:2] + len(body).to_bytes(2, "big") + head[4:20] + body
        try:
            local_ufrag(data)
            ice.authenticate(data)
        except StunError:
            continue
        parsed += 1
    assert parsed < MUTATIONS // 10, "a damaged request was taken for authentic"
