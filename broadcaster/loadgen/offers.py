"""Offers as Chromium writes them, and what an answer says, as plain text: nothing of the server's own SDP code is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from broadcaster.media import Kind
from broadcaster.rtp.extensions import ABS_SEND_TIME
from broadcaster.transport.parameters import Credentials, Fingerprint

MOST_CANDIDATES: Final = 8
_AUDIO: Final = """\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
"""
_VIDEO: Final = """\
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:13 urn:3gpp:video-orientation
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=rtcp-mux
a=rtcp-rsize
"""
_CODECS: Final = (  # payload type, that of its retransmissions, name, parameters
    (96, 97, "VP8", ""),
    (98, 99, "VP9", "profile-id=0"),
    (100, 101, "VP9", "profile-id=2"),
    (102, 103, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
    (104, 105, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"),
    (108, 109, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    (127, 125, "H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
    (39, 40, "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
    (45, 46, "AV1", "level-idx=5;profile=0;tier=0"),
)
_FEEDBACK: Final = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")


class AnswerError(ValueError):
    """An answer that a browser would not take; the message is the whole diagnosis."""


@dataclass(frozen=True, slots=True)
class Section:
    """What an answer says of one stream. Numbers are 0 where it says nothing."""

    payload_type: int
    rtx_payload_type: int = 0
    ssrc: int = 0
    rtx_ssrc: int = 0
    abs_send_time: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the server is, who it is, and what it will send or take."""

    credentials: Credentials
    fingerprint: Fingerprint
    candidates: tuple[tuple[str, int], ...]
    sections: dict[Kind, Section]


def write_offer(credentials: Credentials, fingerprint: Fingerprint, ssrcs: tuple[int, int] | None = None) -> str:
    """The offer of a viewer, or of a publisher who sends sound and video from `ssrcs`."""
    lines = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    lines += ["a=extmap-allow-mixed", "a=msid-semantic: WMS"]
    video = [str(number) for codec in _CODECS for number in codec[:2]]
    formats = ("111 63 9 0 8 13 110 126", " ".join(video))
    for kind in Kind:
        name = kind.name.lower()
        lines += [f"m={name} 9 UDP/TLS/RTP/SAVPF {formats[kind]}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
        lines += [f"a=ice-ufrag:{credentials.ufrag}", f"a=ice-pwd:{credentials.pwd}", "a=ice-options:trickle"]
        lines += [f"a=fingerprint:{fingerprint}", "a=setup:actpass", f"a=mid:{kind.value}"]
        lines.append("a=recvonly" if ssrcs is None else "a=sendonly")
        lines += _AUDIO.splitlines() if kind is Kind.AUDIO else [*_VIDEO.splitlines(), *_codec_lines()]
        if ssrcs is not None:
            lines += [f"a=msid:stream {name}", f"a=ssrc:{ssrcs[kind]} cname:load"]
    return "\r\n".join(lines) + "\r\n"


def _codec_lines() -> list[str]:
    lines = []
    for number, rtx, name, parameters in _CODECS:
        lines.append(f"a=rtpmap:{number} {name}/90000")
        lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in _FEEDBACK]
        if parameters:
            lines.append(f"a=fmtp:{number} {parameters}")
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
    return lines


def read_answer(text: str) -> Answer:
    """Read an answer. Raises `AnswerError`."""
    if _word(text, "setup", "passive") != "passive":
        raise AnswerError("the answer makes this side the DTLS server; only the client is simulated")
    algorithm, _, digest = _word(text, "fingerprint").partition(" ")
    found = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", text, re.M)
    candidates = tuple(dict.fromkeys((host, int(port)) for host, port in found))[:MOST_CANDIDATES]
    if not candidates:
        raise AnswerError("the answer has no candidate over UDP")
    sections = {}
    for part in re.split(r"^(?=m=)", text, flags=re.M)[1:]:
        head = re.match(r"m=(audio|video) (\d+) \S+ (\d+)", part)
        if head is not None and head[2] != "0":
            sections[Kind[head[1].upper()]] = _section(part, int(head[3]))
    credentials = Credentials(_word(text, "ice-ufrag"), _word(text, "ice-pwd"))
    return Answer(credentials, Fingerprint(algorithm.lower(), digest), candidates, sections)


def _section(part: str, payload_type: int) -> Section:
    group = re.search(r"^a=ssrc-group:FID (\d+) (\d+)", part, re.M)
    single = re.search(r"^a=ssrc:(\d+) ", part, re.M)
    rtx = re.search(rf"^a=fmtp:(\d+) apt={payload_type}\b", part, re.M)
    extension = re.search(rf"^a=extmap:(\d+) {re.escape(ABS_SEND_TIME)}\s*$", part, re.M)
    ssrc = group[1] if group else single[1] if single else 0
    return Section(
        payload_type,
        int(rtx[1]) if rtx else 0,
        int(ssrc),
        int(group[2]) if group else 0,
        int(extension[1]) if extension else 0,
    )


def _word(text: str, attribute: str, default: str | None = None) -> str:
    match = re.search(rf"^a={attribute}:(.+?)\r?$", text, re.M)
    if match is None and default is None:
        raise AnswerError(f"the answer has no a={attribute}")
    return match[1] if match is not None else default or ""
