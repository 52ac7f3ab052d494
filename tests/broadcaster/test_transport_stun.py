"""Binding requests read and responses written by hand, compared with aioice, which reads and writes everything."""

from __future__ import annotations

import random
import struct

import pytest
from aioice import stun

from broadcaster.transport.ice import IceLite, StunError
from broadcaster.transport.parameters import Credentials
from broadcaster.transport.stun import read_request, write_response
from tests.fuzz.mutations import mutate

LOCAL, REMOTE = Credentials("local1", "l" * 24), Credentials("remote1", "r" * 24)
AGENT = IceLite(LOCAL, REMOTE, path_silence=5.0, max_links=4)
REQUESTS = 4_000


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def by_aioice(data: bytes) -> bool | None:
    """Whether the request nominates; None when aioice does not take it for authentic."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError, KeyError, TypeError, OverflowError):
        return None
    named = message.attributes.get("USERNAME") == f"{LOCAL.ufrag}:{REMOTE.ufrag}"
    authentic = named and message.check_message_integrity(LOCAL.pwd.encode())
    return "USE-CANDIDATE" in message.attributes if authentic else None


def by_hand(data: bytes) -> bool | None:
    try:
        return AGENT.authenticate(data).nominates
    except StunError:
        return None


def some_request(chance: random.Random) -> bytes:
    """A request as a client may write it: attributes in any order, of any length, signed or not, some behind the signature."""
    body = [
        attribute(0x0024, struct.pack("!I", chance.getrandbits(32))),
        attribute(chance.choice((0x8029, 0x802A)), chance.randbytes(8)),
        attribute(0x0006, f"{LOCAL.ufrag}:{chance.choice((REMOTE.ufrag, REMOTE.ufrag, 'other'))}".encode()),
        attribute(0x8022, b"x" * chance.randrange(9)),
        attribute(0xC057, chance.randbytes(4)),  # Chromium's network cost
    ]
    body += [attribute(0x0025, b"")] if chance.random() < 0.5 else []
    chance.shuffle(body)
    message = struct.pack("!HHI", 1, 0, stun.COOKIE) + chance.randbytes(12) + b"".join(body)
    pwd = LOCAL.pwd if chance.random() < 0.8 else "wrong" * 5
    if chance.random() < 0.9:
        message += attribute(0x0008, stun.message_integrity(message, pwd.encode()))
    if chance.random() < 0.2:
        message += attribute(0x0025, b"")
    if chance.random() < 0.7:
        checksum = stun.message_fingerprint(message) ^ (chance.random() < 0.1)
        message += attribute(0x8028, struct.pack("!I", checksum))
    return stun.set_body_length(message, len(message) - 20)


def test_requests_are_authentic_for_both_or_for_neither() -> None:
    verdicts = []
    for number in range(REQUESTS):
        data = some_request(random.Random(number))
        verdicts.append(by_hand(data))
        assert verdicts[-1] == by_aioice(data), f"request {number}"
    assert min(verdicts.count(True), verdicts.count(False), verdicts.count(None)) > REQUESTS // 10


def test_damaged_requests_are_authentic_for_both_or_for_neither() -> None:
    taken = 0
    for number in range(REQUESTS):
        chance = random.Random(number)
        whole = some_request(chance)
        body = mutate(whole[20:], chance)
        data = stun.set_body_length(whole[:20] + body, len(body))
        assert by_hand(data) == by_aioice(data), f"request {number}"
        taken += by_hand(data) is not None
    assert taken, "some damage stands where it does not matter"


@pytest.mark.parametrize("length", range(36))
def test_what_is_cut_short_is_not_authentic(length: int) -> None:
    with pytest.raises(StunError):
        AGENT.authenticate(some_request(random.Random(3))[:length])


def test_a_wrong_fingerprint_is_malformed() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.add_message_integrity(b"x")
    data = bytes(message)
    with pytest.raises(StunError, match="fingerprint does not match"):
        read_request(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize(
    "address",
    [("192.0.2.9", 1), ("255.255.255.255", 65535), ("::", 80), ("::ffff:192.0.2.1", 9), ("2001:db8::9", 4321, 0, 0)],
)
def test_a_response_is_what_aioice_would_write(address: tuple[str, int]) -> None:
    transaction = bytes(range(200, 212))
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=transaction)
    message.attributes["XOR-MAPPED-ADDRESS"] = address[:2]
    message.add_message_integrity(LOCAL.pwd.encode())
    assert write_response(transaction, LOCAL.pwd, address) == bytes(message)
