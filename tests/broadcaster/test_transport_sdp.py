"""Offers of real kinds of clients, offers that must be refused, bombs, answers and fragments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broadcaster.errors import FragmentError, MalformedOffer, NoCommonCodec, OfferError, UnacceptableOffer
from broadcaster.media import Kind
from broadcaster.transport.parameters import Candidate, Credentials, Fingerprint, LocalParameters, SendStreams
from broadcaster.transport.sdp import Direction, Offer, build_fragment, parse_fragment, parse_offer
from config.settings import load
from tests.support.offers import OfferWords, Style, write_offer
from tests.support.timing import fastest

LIMITS = load().sdp
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
LOCAL = LocalParameters(Credentials("localufrag", "p" * 32), Fingerprint("sha-256", "00:11"), "server")
CANDIDATES = [Candidate("192.0.2.1", 8189), Candidate("2001:db8::1", 8189, 1)]
STREAMS = SendStreams("lec", "lec", 501, 502, 503)
PUBLISH = write_offer(OfferWords())
WATCH = write_offer(OfferWords(kind="watch"))


def answer(offer: Offer) -> str:
    local = replace(LOCAL, role=offer.remote.role)
    return offer.answer(local, CANDIDATES, STREAMS if offer.direction == "watch" else None)


def lines_of(text: str, media: str) -> list[str]:
    """The lines of one section of an SDP."""
    return re.split(r"^(?=m=)", text, flags=re.M)[1 + ["audio", "video"].index(media)].splitlines()


# -- what is accepted ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "video", "rtx", "setup"),
    [("chromium", 108, 109, "passive"), ("obs", 96, None, "passive"), ("ffmpeg", 106, 105, "active")],
)
def test_a_publisher_of_each_kind_is_answered(style: Style, video: int, rtx: int | None, setup: str) -> None:
    words = OfferWords(style=style, setup="passive" if style == "ffmpeg" else "actpass")
    offer = parse_offer(write_offer(words), LIMITS, "publish")
    assert offer.audio is not None
    assert offer.video is not None
    assert (offer.audio.payload_type, offer.video.payload_type, offer.video.rtx) == (111, video, rtx)
    assert offer.remote.credentials == Credentials(words.ufrag, words.pwd)
    text = answer(offer)
    assert text.count("a=recvonly") == 2
    assert text.count(f"a=setup:{setup}") == 2
    assert text.count("a=ptime:40") == 1
    for feedback in ("nack", "nack pli", "goog-remb"):
        assert f"a=rtcp-fb:{video} {feedback}\r\n" in text
    assert ("a=ssrc:" in text, "a=msid:" in text) == (False, False)


def test_the_answer_of_a_publisher_says_everything_once() -> None:
    text = answer(parse_offer(PUBLISH, LIMITS, "publish"))
    assert text.endswith("\r\n")
    assert text.splitlines()[:7] == [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0 1", "a=msid-semantic: WMS *",
    ]  # fmt: skip
    assert lines_of(text, "video") == [
        "m=video 8189 UDP/TLS/RTP/SAVPF 108 109",
        "c=IN IP4 192.0.2.1",
        "a=rtcp-mux",
        "a=mid:1",
        "a=recvonly",
        "a=ice-ufrag:localufrag",
        f"a=ice-pwd:{'p' * 32}",
        "a=fingerprint:sha-256 00:11",
        "a=setup:passive",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host",
        "a=end-of-candidates",
        "a=rtpmap:108 H264/90000",
        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:109 rtx/90000",
        "a=fmtp:109 apt=108",
        "a=rtcp-fb:108 nack",
        "a=rtcp-fb:108 nack pli",
        "a=rtcp-fb:108 goog-remb",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    ]


def test_answers_of_one_form_differ_in_what_is_their_own() -> None:
    offer = parse_offer(WATCH, LIMITS, "watch")
    other = replace(LOCAL, credentials=Credentials("otherufrag", "q" * 32))
    first, second = answer(offer), offer.answer(other, CANDIDATES, SendStreams("s", "c", 7, 8, 9))
    swapped = first.replace("localufrag", "otherufrag").replace("p" * 32, "q" * 32)
    for own, theirs in ((":501", ":7"), (":502", ":8"), ("FID 502 503", "FID 8 9"), (":503", ":9")):
        swapped = swapped.replace(own, theirs)
    assert second == swapped.replace("cname:lec", "cname:c").replace("msid:lec", "msid:s")
    assert first.isascii()


def test_the_answer_of_a_viewer_names_the_sources() -> None:
    text = answer(parse_offer(WATCH, LIMITS, "watch"))
    assert text.count("a=sendonly") == 2
    assert lines_of(text, "audio")[-2:] == ["a=msid:lec audio", "a=ssrc:501 cname:lec"]
    assert lines_of(text, "video")[-4:] == [
        "a=msid:lec video",
        "a=ssrc-group:FID 502 503",
        "a=ssrc:502 cname:lec",
        "a=ssrc:503 cname:lec",
    ]
    assert "rtp-stream-id" not in text


@pytest.mark.parametrize(("audio", "video"), [(True, False), (False, True)])
@pytest.mark.parametrize("direction", ["publish", "watch"])
def test_an_offer_of_one_kind_is_answered_with_it(direction: Direction, audio: bool, video: bool) -> None:
    offer = parse_offer(write_offer(OfferWords(kind=direction, audio=audio, video=video)), LIMITS, direction)
    assert (offer.audio is not None, offer.video is not None) == (audio, video)
    assert answer(offer).count("m=") == 1


def test_the_answer_may_come_without_group_when_there_is_one_section() -> None:
    text = write_offer(OfferWords(kind="watch", video=False)).replace("a=group:BUNDLE 0\r\n", "")
    assert parse_offer(text, LIMITS, "watch").mids == ("0",)


def test_lines_may_end_by_lf_alone() -> None:
    assert parse_offer(PUBLISH.replace("\r\n", "\n"), LIMITS, "publish") == parse_offer(PUBLISH, LIMITS, "publish")


def test_credentials_and_certificates_may_stand_at_session_level() -> None:
    words = OfferWords()
    lines = PUBLISH.splitlines()
    shared = [line for line in lines if line.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    kept = [line for line in lines if line not in shared]
    text = "\r\n".join(kept[:4] + list(dict.fromkeys(shared)) + kept[4:])
    offer = parse_offer(text, LIMITS, "publish")
    assert offer.remote.credentials.ufrag == words.ufrag
    assert offer.remote == parse_offer(PUBLISH, LIMITS, "publish").remote


def test_a_bundled_section_with_port_zero_is_accepted() -> None:
    text = WATCH.replace("m=video 9", "m=video 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only")
    assert parse_offer(text, LIMITS, "watch").video is not None


def test_a_viewer_may_offer_a_data_channel_that_is_refused() -> None:
    extra = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n"
    text = answer(parse_offer(WATCH + extra, LIMITS, "watch"))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in text
    assert "a=group:BUNDLE 0 1\r\n" in text
    with pytest.raises(UnacceptableOffer, match=r"section 2 \(application\)"):
        parse_offer(PUBLISH + extra, LIMITS, "publish")


def test_the_layers_of_simulcast_are_read_and_one_is_asked_for() -> None:
    text = PUBLISH + "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"
    offer = parse_offer(text, LIMITS, "publish")
    assert offer.video is not None
    assert offer.video.rids == ("q", "h", "f")
    assert "simulcast" not in answer(offer)


def test_a_fingerprint_by_a_stronger_digest_is_taken_beside_the_usual() -> None:
    longer = "a=fingerprint:sha-512 " + ":".join(["CD"] * 64)
    text = PUBLISH.replace("a=setup", f"{longer}\r\na=fingerprint:md5 AB:CD\r\na=setup")
    algorithms = [f.algorithm for f in parse_offer(text, LIMITS, "publish").remote.fingerprints]
    assert algorithms == ["sha-256", "sha-512"]


def captured() -> Iterator[tuple[Path | None, str, Direction]]:
    """The offers of `tests/support/offers.py`, and those captured from real clients where they are at hand."""
    for style in ("chromium", "obs", "ffmpeg"):
        yield None, write_offer(OfferWords(style=style)), "publish"
    yield None, WATCH, "watch"
    for path in sorted(SAMPLES.glob("*-offer.sdp")):
        yield path, path.read_bytes().decode(), "watch" if "watch" in path.stem else "publish"


@pytest.mark.parametrize(("path", "text", "direction"), list(captured()), ids=lambda value: getattr(value, "stem", ""))
def test_offers_of_real_clients_are_answered(path: Path | None, text: str, direction: Direction) -> None:
    offer = parse_offer(text, LIMITS, direction)
    given = answer(offer).splitlines()
    assert [line for line in given if line.startswith("a=mid")] == ["a=mid:0", "a=mid:1"]
    if path is not None:
        connected = path.with_name(path.name.replace("-offer", "-answer")).read_text().splitlines()
        for word in ("a=rtpmap", "a=setup", "a=extmap", "a=ptime", "m=audio 5004"):
            assert {line for line in connected if line.startswith(word)} <= {*given, *connected[7:8]}, word


# -- what is refused -------------------------------------------------------------------------------------------


def change(old: str, new: str, text: str = PUBLISH) -> str:
    assert old in text
    return text.replace(old, new)


def without(start: str, text: str = PUBLISH) -> str:
    kept = [line for line in text.splitlines() if not line.startswith(start)]
    assert len(kept) < len(text.splitlines())
    return "\r\n".join(kept) + "\r\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with v=0"),
        ("hello", "not a line of SDP: 'hello'"),
        ("v=0\r\ns=-\r\n", "has no m= line"),
        (without("v=0"), "does not begin with v=0"),
        (change("m=audio 9", "m=audio nine"), "not SDP"),
        (change("a=rtpmap:111 ", "a=rtpmap:x "), "not an rtpmap"),
        (change("a=mid:1", "a=mid:" + "x" * 33), "not a mid of at most 32"),
        (change("a=mid:1", "a=mid:a b"), "not a mid"),
        (without("a=mid"), "not a mid"),
        (change("a=mid:1", "a=mid:0"), "stands for two sections"),
        (without("a=ice-ufrag"), "no valid a=ice-ufrag"),
        (change("a=ice-pwd:cliPassword", "a=ice-pwd:;"), "no valid a=ice-ufrag"),
        (change("a=setup:actpass", "a=setup:holdconn"), "not SDP"),
        (change("sha-256 AB:", "sha-256 "), "not a sha-256 fingerprint"),
        (change("sha-256 AB:", "sha-256 GG:"), "not a sha-256 fingerprint"),
        (change("111 63 0", "72 111"), "not SDP"),
        (change("a=mid:1", "a=mid:\x0b1"), "characters that SDP does not allow"),
        (change("a=mid:1", "a=mid:讲"), "characters that SDP does not allow"),
    ],
)
def test_malformed_offers_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(MalformedOffer, match=message):
        parse_offer(text, LIMITS, "publish")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (change("a=sendonly", "a=recvonly"), "section 0 is recvonly; this endpoint takes sendonly"),
        (change("a=sendonly", "a=inactive"), "section 0 is inactive"),
        (without("a=rtcp-mux"), "section 0 has no a=rtcp-mux"),
        (without("a=group"), "not in one a=group:BUNDLE"),
        (change("BUNDLE 0 1", "BUNDLE 0"), "not in one a=group:BUNDLE"),
        (without("a=setup"), "no a=fingerprint with a=setup"),
        (without("a=fingerprint"), "no a=fingerprint with a=setup"),
        (change("sha-256", "sha-1"), "no fingerprint by sha-256"),
        (change("a=msid:stream video", "a=msid:other video"), "2 media streams; the limit is 1"),
        (change("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "is RTP/AVP, not UDP/TLS/RTP/SAVPF"),
        (change("a=msid-semantic", "a=ice-lite\r\na=msid-semantic"), "ICE-lite, as this server is"),
        (change("m=video 9", "m=video 0"), r"section 1 \(video\) is not audio or video"),
        (PUBLISH + PUBLISH[PUBLISH.index("m=video") :].replace("mid:1", "mid:2"), "more than one video section"),
    ],
)
def test_offers_that_are_not_a_publishers_say_why(text: str, message: str) -> None:
    with pytest.raises(UnacceptableOffer, match=message):
        parse_offer(text, LIMITS, "publish")


def test_a_viewer_that_wants_to_send_is_refused() -> None:
    with pytest.raises(UnacceptableOffer, match="section 0 is sendonly; this endpoint takes recvonly"):
        parse_offer(PUBLISH, LIMITS, "watch")


def test_a_viewer_without_anything_to_watch_is_refused() -> None:
    text = change("m=video 9", "m=video 0", change("m=audio 9", "m=audio 0", WATCH))
    with pytest.raises(UnacceptableOffer, match="neither audio nor video"):
        parse_offer(text, LIMITS, "watch")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (change("opus/48000/2", "G722/8000"), "no Opus, the only sound that is relayed; it offers G722, red, PCMU"),
        (change("H264/90000", "VP9/90000"), "it offers VP8, rtx, VP9"),
        (change("packetization-mode=1", "packetization-mode=0"), "no H.264 constrained baseline"),
        (change("profile-level-id=42", "profile-level-id=64"), "no H.264 constrained baseline"),
        (change("profile-level-id=42", "profile-level-id=zz"), "no H.264 constrained baseline"),
        (change("96 97 102 103 104 108 109", "96 97"), "no H.264 constrained baseline"),
    ],
)
@pytest.mark.parametrize("direction", ["publish", "watch"])
def test_foreign_codecs_are_named(text: str, message: str, direction: Direction) -> None:
    text = text if direction == "publish" else text.replace("a=sendonly", "a=recvonly")
    with pytest.raises(NoCommonCodec, match=message):
        parse_offer(text, LIMITS, direction)


def test_nothing_foreign_is_echoed() -> None:
    text = change("a=fmtp:111 minptime=10", "a=fmtp:111 evil=<script>;also evil=1;minptime=10")
    assert "evil" not in answer(parse_offer(text, LIMITS, "publish"))


# -- bombs -----------------------------------------------------------------------------------------------------


def bombs() -> Iterator[tuple[str, str]]:
    audio = PUBLISH[: PUBLISH.index("m=video")]
    yield "121 KiB of rtpmaps", audio + "".join(f"a=rtpmap:{n % 128} opus/48000/2\r\n" for n in range(4_700))
    yield "490 KiB of rtpmaps", audio + "".join(f"a=rtpmap:{n % 128} opus/48000/2\r\n" for n in range(19_000))
    yield "201 rtpmaps", audio + "".join(f"a=rtpmap:{n % 128} x/1\r\n" for n in range(201))
    yield "1,501 lines", PUBLISH + "a=\r\n" * 1_501
    yield "9 sections", PUBLISH + "m=audio 0 X 0\r\n" * 7
    yield "one long line", PUBLISH + "a=" + "x" * 40_000
    yield "wide characters", PUBLISH + "a=" + "讲" * 11_000


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in bombs()])
def test_bombs_are_refused_before_they_are_parsed(text: str) -> None:
    with pytest.raises(MalformedOffer, match=r"has (more than )?\d+ (bytes|lines|a=rtpmap lines|m= lines)"):
        parse_offer(text, LIMITS, "publish")
    assert fastest(lambda: parse_offer(text, LIMITS, "publish"), MalformedOffer) < 0.02


def heavy() -> Iterator[tuple[str, str]]:
    """Offers within every cap that are as slow as possible for a parser that looks for each line's codec."""
    head = PUBLISH[: PUBLISH.index("m=video")]
    video = "\r\n".join(lines_of(PUBLISH, "video")) + "\r\n"
    yield "ssrcs", head + video + "".join(f"a=ssrc:{n} c:x\r\n" for n in range(1_400))
    yield "feedback", head + video + "a=rtcp-fb:* nack\r\n" * 1_400
    yield "formats", head + video + "a=fmtp:109 apt=108\r\n" * 1_000
    yield "fingerprints", head + video + "".join(f"a=fingerprint:sha-9{n} A\r\n" for n in range(1_100))
    yield "candidates", head + video + "a=candidate:1 1 udp 1 \r\n" * 1_000


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in heavy()])
def test_offers_within_the_caps_are_read_quickly(text: str) -> None:
    assert parse_offer(text, LIMITS, "publish").video is not None
    assert fastest(lambda: parse_offer(text, LIMITS, "publish")) < 0.05


# -- fragments -------------------------------------------------------------------------------------------------

FRAGMENT = (
    "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)


def test_a_fragment_is_read() -> None:
    fragment = parse_fragment(FRAGMENT, LIMITS)
    assert fragment.credentials == Credentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert fragment.candidates == ("1387637174 1 udp 2122260223 192.0.2.1 61764 typ host",)
    assert fragment.complete


def test_a_fragment_may_be_empty_of_credentials() -> None:
    assert parse_fragment("a=end-of-candidates\r\n", LIMITS).credentials is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not a line of SDP"),
        ("a=ice-ufrag:EsAw\r\n", "exactly one ice-ufrag and one ice-pwd"),
        (FRAGMENT + "a=ice-ufrag:Other\r\n", "exactly one"),
        ("a=ice-ufrag:x\r\n", "not a valid 'a=ice-ufrag:x'"),
        ("a=x\r\n" * 1_501, "1501 lines; the limit is 1500"),
    ],
)
def test_fragments_that_do_not_fit_say_why(text: str, message: str) -> None:
    with pytest.raises(FragmentError, match=message):
        parse_fragment(text, LIMITS)


def test_the_answer_to_a_restart_has_new_credentials_and_every_candidate() -> None:
    offer = parse_offer(PUBLISH, LIMITS, "publish")
    assert build_fragment(offer, Credentials("fresh1", "q" * 24), CANDIDATES).split("\r\n") == [
        "a=ice-lite",
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:0",
        "a=ice-ufrag:fresh1",
        f"a=ice-pwd:{'q' * 24}",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 8189 typ host",
        "a=end-of-candidates",
        "",
    ]


def test_local_mistakes_are_value_errors() -> None:
    offer = parse_offer(PUBLISH, LIMITS, "publish")
    with pytest.raises(ValueError, match="at least one candidate"):
        offer.answer(LOCAL, [])
    with pytest.raises(ValueError, match="names the streams"):
        offer.answer(LOCAL, CANDIDATES, STREAMS)
    assert issubclass(MalformedOffer, OfferError)
    assert [section.kind for section in offer.sections] == [Kind.AUDIO, Kind.VIDEO]
