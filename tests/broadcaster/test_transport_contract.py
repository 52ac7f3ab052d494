"""The private names of aiortc, aioice and pylibsrtp that the transport stands on. A failure here means: an upgrade moved one.

Read `broadcaster/transport/aiortc_private.py` before changing anything.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pylibsrtp
import pytest
from aioice import stun
from aiortc import rate, sdp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from OpenSSL import SSL

from broadcaster.transport import aiortc_private
from broadcaster.transport.aiortc_private import PROFILES, SharedCertificate


@pytest.mark.parametrize(("package", "tried"), [("aiortc", "1.16"), ("aioice", "0.13"), ("pylibsrtp", "1.0")])
def test_the_versions_are_those_that_were_read(package: str, tried: str) -> None:
    assert version(package).startswith(tried), f"{package} {version(package)}: read its changes, then this contract"


def test_the_certificate_makes_its_context_in_one_place() -> None:
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    certificate = SharedCertificate.generateCertificate()
    assert certificate.context() is certificate.context()


def test_the_profiles_are_offered_cheapest_first() -> None:
    names = [profile.openssl_profile for profile in PROFILES]
    assert names == [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80"]


def test_a_profile_tells_its_key_and_salt() -> None:
    view = bytes(range(56))
    profile = PROFILES[0]
    assert profile.get_key_and_salt(view, 0) == view[:16] + view[32:44]
    assert profile.get_key_and_salt(view, 1) == view[16:32] + view[44:]


def test_keys_and_policies_are_those_of_aiortc() -> None:
    source = inspect.getsource(RTCDtlsTransport._setup_srtp)
    for word in ('b"EXTRACTOR-dtls_srtp"', "allow_repeat_tx = True", "window_size = 1024", "SSRC_ANY_INBOUND"):
        assert word in source, f"aiortc sets up SRTP in another way, without {word}: compare handshake.py"


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
