"""A client's way to the server over real sockets of this machine; the time is handed in."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest
from aioice import stun

from broadcaster.loadgen.connection import CHECK_SECONDS, FIRST_CHECKS_SECONDS, SILENCE_SECONDS, Connection
from broadcaster.loadgen.offers import Answer
from broadcaster.transport.ice import Check, IceLite, response
from broadcaster.transport.parameters import Credentials
from tests.support.dtls_pair import CLIENT, SERVER

THEIRS = Credentials("srvF", "s" * 24)


class End:
    """A socket of a server that answers checks when it is told to."""

    def __init__(self, ours: Credentials) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = self.socket.getsockname()
        self.ice = IceLite(THEIRS, ours, path_silence=5.0, max_links=4)

    def datagrams(self) -> list[tuple[bytes, tuple[str, int]]]:
        found = []
        while select.select([self.socket], [], [], 0.05)[0]:
            found.append(self.socket.recvfrom(2048))
        return found

    def checks(self) -> list[Check]:
        return [self.ice.authenticate(data) for data, _ in self.datagrams() if data[0] <= 3]

    def answer(self) -> list[Check]:
        found = []
        for data, sender in self.datagrams():
            if data[0] <= 3:
                found.append(self.ice.authenticate(data))
                self.socket.sendto(response(found[-1], sender), sender)
        return found


class Client:
    """A connection and what it tells."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.rtts: list[float] = []
        self.connection = Connection(lambda: self.told.append("connected"), self.told.append)
        self.connection.on_rtt = self.rtts.append

    def begin(self, *addresses: tuple[str, int]) -> None:
        answer = Answer(THEIRS, SERVER.fingerprint, addresses, {})
        self.connection.begin(answer, CLIENT, lambda family: socket.socket(family, socket.SOCK_DGRAM), 0.0)

    def receive(self, now: float) -> None:
        opened = self.connection.socket
        assert opened is not None
        while select.select([opened], [], [], 0.05)[0]:
            self.connection.receive(*opened.recvfrom(2048), now)


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.connection.close()


@pytest.fixture
def ends(client: Client) -> Iterator[tuple[End, End]]:
    both = End(client.connection.credentials), End(client.connection.credentials)
    yield both
    for end in both:
        end.socket.close()


def test_every_candidate_is_checked_and_the_first_that_answers_is_nominated(
    client: Client, ends: tuple[End, End]
) -> None:
    silent, answering = ends
    client.begin(silent.address, answering.address)
    [plain] = silent.checks()
    assert not plain.nominates
    [first] = answering.answer()
    assert not first.nominates
    client.receive(0.004)
    assert client.rtts == [0.004]
    [(check, _), (hello, _)] = answering.datagrams()
    assert answering.ice.authenticate(check).nominates
    assert hello[0] == 22, "the handshake begins with the nomination"
    assert silent.datagrams() == []


def test_checks_are_repeated_until_one_is_answered(client: Client, ends: tuple[End, End]) -> None:
    client.begin(ends[0].address)
    client.connection.hurry(FIRST_CHECKS_SECONDS / 2)
    client.connection.hurry(FIRST_CHECKS_SECONDS)
    client.connection.hurry(FIRST_CHECKS_SECONDS * 2)
    sent = ends[0].checks()
    assert len({check.transaction for check in sent}) == 3


def test_an_answer_to_nobodys_question_or_with_a_wrong_key_changes_nothing(
    client: Client, ends: tuple[End, End]
) -> None:
    client.begin(ends[0].address)
    [(data, sender)] = ends[0].datagrams()
    check = ends[0].ice.authenticate(data)
    foreign = Check(stun.random_transaction_id(), False, THEIRS)
    forged = Check(check.transaction, False, Credentials("srvF", "x" * 24))
    for wrong in (foreign, forged):
        ends[0].socket.sendto(response(wrong, sender), sender)
    client.receive(0.0)
    assert not client.connection.nominated


def test_consent_is_renewed_until_the_server_is_silent_for_too_long(client: Client, ends: tuple[End, End]) -> None:
    client.begin(ends[0].address)
    ends[0].answer()
    client.receive(1.0)
    now = 1.0
    while now + CHECK_SECONDS <= 1.0 + SILENCE_SECONDS:
        now += CHECK_SECONDS
        client.connection.check(now)
    assert len(ends[0].checks()) == 1 + SILENCE_SECONDS // CHECK_SECONDS
    assert client.told == []
    client.connection.check(now + CHECK_SECONDS)
    assert client.told == ["no answer to checks for 15 s"]
    client.connection.check(now + 2 * CHECK_SECONDS)
    assert ends[0].checks() == []


def test_a_closed_port_ends_the_session_once(client: Client, ends: tuple[End, End]) -> None:
    client.begin(ends[0].address)
    ends[0].answer()
    client.receive(0.0)
    ends[0].socket.close()
    for now in (2.5, 5.0, 7.5):
        client.connection.check(now)
    assert client.told == ["the server's port is closed"]


def test_closing_is_idempotent_and_silent(client: Client, ends: tuple[End, End]) -> None:
    client.begin(ends[0].address)
    client.connection.close()
    client.connection.close()
    client.connection.check(9.0)
    client.connection.send(b"x")
    assert client.told == []
