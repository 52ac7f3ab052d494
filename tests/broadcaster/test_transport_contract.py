"""The private names of aiortc, aioice and pylibsrtp that the transport stands on. A failure here means: an upgrade moved one.

Read `broadcaster/transport/aiortc_private.py` before changing anything.
"""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version

import pylibsrtp
import pytest
from aioice import stun
from aiortc import rate, rtcdtlstransport, sdp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from OpenSSL import SSL

from broadcaster.transport import aiortc_private
from broadcaster.transport.aiortc_private import PROFILES, DtlsEngine, SharedCertificate


@pytest.mark.parametrize(("package", "tried"), [("aiortc", "1.16"), ("aioice", "0.13"), ("pylibsrtp", "1.0")])
def test_the_versions_are_those_that_were_read(package: str, tried: str) -> None:
    assert version(package).startswith(tried), f"{package} {version(package)}: read its changes, then this contract"


def test_a_dtls_transport_has_the_names_that_are_used() -> None:
    engine = RTCDtlsTransport(_Seam(), [RTCCertificate.generateCertificate()])
    for name in ("_rx_srtp", "_tx_srtp", "_ssl", "_task", "_state", "_srtp_profiles", "_role"):
        assert hasattr(engine, name), name
    for name in ("_set_role", "_set_state", "_do_handshake"):
        assert callable(getattr(engine, name)), name
    assert [state.name for state in rtcdtlstransport.State] == ["NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"]


def test_the_receive_loop_asks_its_transport_for_recv_and_send_only() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    assert set(re.findall(r"self\.transport\.(\w+)", source)) == {"_recv", "_send", "role"}


def test_the_certificate_makes_its_context_in_one_place() -> None:
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    certificate = SharedCertificate.generateCertificate()
    assert certificate._create_ssl_context(PROFILES) is certificate._create_ssl_context(PROFILES)


def test_the_profiles_are_offered_cheapest_first() -> None:
    names = [profile.openssl_profile for profile in PROFILES]
    assert names == [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80"]


def test_the_role_and_the_profiles_of_an_engine_are_ours() -> None:
    engine = DtlsEngine(_Seam(), SharedCertificate.generateCertificate(), "client")
    assert (engine._role, engine._srtp_profiles) == ("client", PROFILES)
    assert not engine.connected
    assert not engine.ended
    assert engine.shutdown() == []


def test_libsrtp_is_reached_by_address() -> None:
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    assert aiortc_private.session_address(pylibsrtp.Session(policy)) > 4096
    addresses = {aiortc_private.function_address(name) for name in ("srtp_protect", "srtp_unprotect")}
    assert len(addresses) == 2
    assert all(address > 4096 for address in addresses)


def test_sealing_on_one_buffer_gives_what_pylibsrtp_gives() -> None:
    packet = b"\x80\x60\0\1" + bytes(8) + bytes(range(200))
    compound = b"\x80\xc9\0\1\0\0\0\7"
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    sealer, ours, theirs = aiortc_private.Sealer(), pylibsrtp.Session(policy), pylibsrtp.Session(policy)
    assert sealer.rtp(ours, packet) == theirs.protect(packet)
    assert sealer.rtcp(ours, compound) == theirs.protect_rtcp(compound)


def test_openssl_has_what_the_context_is_set_to() -> None:
    for name in ("SESS_CACHE_OFF", "MODE_RELEASE_BUFFERS", "OP_NO_RENEGOTIATION"):
        assert hasattr(SSL, name), name


def test_aioice_parses_and_authenticates_as_expected() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "a:b"
    message.add_message_integrity(b"secret")
    parsed = stun.parse_message(bytes(message))
    assert parsed.check_message_integrity(b"secret")
    assert not parsed.check_message_integrity(b"other")
    assert stun.COOKIE == 0x2112A442


def test_the_sdp_parser_and_the_estimator_keep_their_shape() -> None:
    assert sdp.DTLS_SETUP_ROLE == {"actpass": "auto", "active": "client", "passive": "server"}
    assert list(inspect.signature(rate.RemoteBitrateEstimator.add).parameters)[1:] == [
        "arrival_time_ms", "abs_send_time", "payload_size", "ssrc",
    ]  # fmt: skip
    assert callable(rate.AimdRateControl.set_estimate)


class _Seam:
    role = "controlled"
