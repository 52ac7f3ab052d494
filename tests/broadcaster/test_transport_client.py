"""The client's side of ICE, DTLS and SRTP, against the server's own ICE and a real OpenSSL at the other end."""

from __future__ import annotations

import struct

import pytest
from OpenSSL import SSL

from broadcaster.transport.client import Checks, Handshake, HandshakeError, OpenError
from broadcaster.transport.ice import IceLite, Unauthenticated, response
from broadcaster.transport.parameters import Credentials, Fingerprint
from tests.support.dtls_pair import CLIENT, SERVER, accept, shake, transaction

OURS, THEIRS = Credentials("cliF", "c" * 24), Credentials("srvF", "s" * 24)


def agent() -> IceLite:
    return IceLite(THEIRS, OURS, path_silence=5.0, max_links=4)


@pytest.mark.parametrize("nominate", [False, True])
def test_the_server_takes_a_check_and_its_answer_is_recognized(nominate: bool) -> None:
    checks, sent = Checks(OURS, THEIRS, 4711), transaction()
    check = agent().authenticate(checks.request(sent, nominate=nominate))
    assert (check.transaction, check.nominates) == (sent, nominate)
    assert checks.answered(response(check, ("192.0.2.9", 5000))) == sent


def test_a_check_with_the_wrong_password_is_refused() -> None:
    wrong = Checks(OURS, Credentials(THEIRS.ufrag, "x" * 24), 4711)
    with pytest.raises(Unauthenticated):
        agent().authenticate(wrong.request(transaction(), nominate=True))


def test_a_forged_answer_is_no_answer() -> None:
    checks = Checks(OURS, THEIRS, 4711)
    check = agent().authenticate(checks.request(transaction(), nominate=True))
    real = response(check, ("192.0.2.9", 5000))
    position = len(real) - 8 - 10  # inside MESSAGE-INTEGRITY, before FINGERPRINT
    forged = real[:position] + bytes((real[position] ^ 1,)) + real[position + 1 :]
    assert checks.answered(forged) is None
    assert all(checks.answered(real[:size]) is None for size in range(len(real) - 8))


def test_keys_fit_at_both_ends() -> None:
    pair = shake()
    packet = struct.pack("!BBHII", 0x80, 96, 1, 0, 7) + b"picture"
    assert pair.keys.profile == "SRTP_AEAD_AES_128_GCM"
    assert pair.keys.open_rtp(pair.server.protect(packet)) == packet
    assert pair.server_inbound.unprotect(pair.keys.seal_rtp(packet)) == packet
    report = struct.pack("!BBHI", 0x80, 201, 1, 7)
    assert pair.keys.open_rtcp(pair.server.protect_rtcp(report)) == report
    assert pair.server_inbound.unprotect_rtcp(pair.keys.seal_rtcp(report)) == report


def test_a_packet_that_came_before_is_told_from_a_damaged_one() -> None:
    pair = shake()
    sealed = pair.seal(5)
    pair.keys.open_rtp(sealed)
    with pytest.raises(OpenError, match="replay") as twice:
        pair.keys.open_rtp(sealed)
    with pytest.raises(OpenError, match="authentication") as damaged:
        pair.keys.open_rtp(pair.seal(6)[:-1] + b"\0")
    assert (twice.value.replayed, damaged.value.replayed) == (True, False)


def test_another_certificate_than_the_announced_one_ends_the_handshake() -> None:
    handshake = Handshake(CLIENT, Fingerprint("sha-256", ":".join(["AB"] * 32)))
    with pytest.raises(HandshakeError, match="not the one that its answer announced"):
        shake(handshake)
    assert handshake.keys is None
    assert handshake.ended


def test_a_lost_flight_is_not_sent_again_before_its_time() -> None:
    handshake = Handshake(CLIENT, SERVER.fingerprint)
    assert len(handshake.start()) == 1
    assert handshake.retransmit() == []


def test_the_server_hears_goodbye_and_the_client_hears_the_servers() -> None:
    pair = shake()
    for datagram in pair.handshake.shutdown():
        pair.connection.bio_write(datagram)
    with pytest.raises(SSL.ZeroReturnError):
        pair.connection.recv(100)
    other = shake()
    other.connection.shutdown()
    for datagram in accept_nothing(other.connection):
        other.handshake.receive(datagram)
    assert other.handshake.ended
    assert other.handshake.shutdown() == []


def accept_nothing(connection: SSL.Connection) -> list[bytes]:
    return accept(connection, [])
