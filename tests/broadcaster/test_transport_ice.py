"""The ICE-lite agent without sockets: authentication, the path rule, restarts, bounds."""

from __future__ import annotations

import pytest
from aioice import stun

from broadcaster.transport.ice import (
    IceLite,
    Link,
    Replayed,
    StunError,
    Unauthenticated,
    UnexpectedStun,
    local_ufrag,
    response,
)
from broadcaster.transport.parameters import Credentials

LOCAL, REMOTE = Credentials("local1", "l" * 24), Credentials("remote1", "r" * 24)
HERE = "socket"
MAX_LINKS = 16


def request(
    *,
    nominate: bool = False,
    local: Credentials = LOCAL,
    remote: Credentials = REMOTE,
    transaction: bytes | None = None,
) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=transaction)
    message.attributes["PRIORITY"] = 1
    message.attributes["USERNAME"] = f"{local.ufrag}:{remote.ufrag}"
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(local.pwd.encode())
    return bytes(message)


class Agent:
    """An agent and what its peers do to it."""

    def __init__(self) -> None:
        self.ice = IceLite(LOCAL, REMOTE, path_silence=5.0, max_links=MAX_LINKS)

    def check(self, port: int, now: float, data: bytes | None = None, *, nominate: bool = False) -> tuple[Link, bool]:
        check = self.ice.authenticate(data or request(nominate=nominate))
        link, accepted = self.ice.accept(check, HERE, ("192.0.2.1", port), now)
        return link, accepted.moved


def test_the_first_check_sets_the_path() -> None:
    agent = Agent()
    link, moved = agent.check(1, now=0.0)
    assert moved
    assert agent.ice.path is link


def test_backup_checks_do_not_move_the_path() -> None:
    agent = Agent()
    first, _ = agent.check(1, now=0.0, nominate=True)
    for step in range(100):
        assert not agent.check(2, now=step * 2.5)[1]
        assert not agent.check(1, now=step * 2.5)[1]
    assert agent.ice.path is first


def test_a_nomination_moves_the_path_once_for_each_transaction() -> None:
    agent = Agent()
    agent.check(1, now=0.0)
    nomination = request(nominate=True)
    second, moved = agent.check(2, now=1.0, data=nomination)
    assert moved
    agent.check(1, now=2.0, nominate=True)
    assert not agent.check(2, now=3.0, data=nomination)[1], "a retransmission of an old nomination"
    assert agent.ice.path is not second


def test_a_copy_from_elsewhere_makes_no_address_known() -> None:
    agent = Agent()
    data = request(nominate=True)
    first, _ = agent.check(1, now=0.0, data=data)
    with pytest.raises(Replayed):
        agent.check(2, now=1.0, data=data)
    assert agent.ice.links == (first,)


@pytest.mark.parametrize(("silence", "moves"), [(0.0, False), (4.9, False), (5.0, True), (60.0, True)])
def test_media_moves_the_path_after_five_seconds_of_silence(silence: float, moves: bool) -> None:
    agent = Agent()
    first, _ = agent.check(1, now=0.0)
    second, _ = agent.check(2, now=0.1)
    assert not agent.ice.heard_media(first, 10.0)
    assert agent.ice.heard_media(second, 10.0 + silence) is moves
    assert agent.ice.path is (second if moves else first)


def test_media_on_the_path_moves_nothing() -> None:
    agent = Agent()
    first, _ = agent.check(1, now=0.0)
    assert not agent.ice.heard_media(first, 100.0)


def test_the_oldest_addresses_are_forgotten_but_never_the_path() -> None:
    agent = Agent()
    first, _ = agent.check(1, now=0.0)
    for port in range(2, 100):
        agent.check(port, now=float(port))
    assert len(agent.ice.links) == MAX_LINKS
    assert first in agent.ice.links
    assert {link.address[1] for link in agent.ice.links} == {1, *range(100 - MAX_LINKS + 1, 100)}


def test_a_restart_holds_both_credentials_until_the_new_ones_are_used() -> None:
    agent = Agent()
    agent.check(1, now=0.0)
    fresh, remote = Credentials("local2", "m" * 24), Credentials("remote2", "s" * 24)
    assert agent.ice.restart(fresh, remote) is None
    assert agent.ice.ufrags == ("local1", "local2")
    assert agent.ice.is_remote(remote)
    agent.check(1, now=1.0)
    check = agent.ice.authenticate(request(local=fresh, remote=remote))
    assert agent.ice.accept(check, HERE, ("192.0.2.1", 1), 2.0)[1].retired == "local1"
    assert agent.ice.ufrags == ("local2",)
    with pytest.raises(Unauthenticated):
        agent.ice.authenticate(request())


def test_a_second_restart_replaces_the_first() -> None:
    agent = Agent()
    agent.ice.restart(Credentials("local2", "m" * 24), REMOTE)
    assert agent.ice.restart(Credentials("local3", "n" * 24), REMOTE) == "local2"
    assert agent.ice.ufrags == ("local1", "local3")


@pytest.mark.parametrize(
    "data",
    [
        request(local=Credentials("local1", "x" * 24)),
        request(local=Credentials("local9", "l" * 24)),
        request(remote=Credentials("remote9", "r" * 24)),
    ],
    ids=["password", "our name", "their name"],
)
def test_other_credentials_are_refused(data: bytes) -> None:
    agent = Agent()
    with pytest.raises(Unauthenticated, match="wrong user name or MESSAGE-INTEGRITY"):
        agent.ice.authenticate(data)
    assert agent.ice.last_check is None


@pytest.mark.parametrize("address", [("192.0.2.9", 4321), ("2001:db8::9", 4321, 0, 0), ("fe80::1%eth0", 4321, 0, 2)])
def test_the_response_tells_the_mapped_address_and_is_signed(address: tuple[str, int]) -> None:
    check = Agent().ice.authenticate(request(transaction=b"0123456789ab"))
    message = stun.parse_message(response(check, address))
    assert message.message_class is stun.Class.RESPONSE
    assert message.transaction_id == b"0123456789ab"
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (address[0].partition("%")[0], 4321)
    assert message.check_message_integrity(LOCAL.pwd.encode())
    assert "FINGERPRINT" in message.attributes


def test_the_user_name_is_found_wherever_it_stands() -> None:
    assert local_ufrag(request()) == "local1"


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (b"\0\1", StunError, "STUN message of 2 bytes"),
        (request()[:-4], StunError, "wrong cookie or length"),
        (request()[:4] + bytes(4) + request()[8:], StunError, "wrong cookie or length"),
        (b"\1\1" + request()[2:], UnexpectedStun, "STUN message of type 0x0101"),
        (b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), Unauthenticated, "without USERNAME"),
    ],
    ids=["two bytes", "cut", "cookie", "response", "nameless"],
)
def test_what_is_no_check_is_told_apart_cheaply(data: bytes, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        local_ufrag(data)
