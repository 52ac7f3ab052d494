"""Offers as real clients write them: Chromium, libdatachannel as OBS uses it (no candidates), FFmpeg's `whip` muxer (passive)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["chromium", "obs", "ffmpeg"]
Kind = Literal["publish", "watch"]

ABS_SEND_TIME_ID = 2
MID_ID = 4

_CHROMIUM_AUDIO = """\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:0 PCMU/8000
"""
_CHROMIUM_VIDEO = """\
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:108 H264/90000
a=rtcp-fb:108 goog-remb
a=rtcp-fb:108 ccm fir
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
"""
_OBS_AUDIO = """\
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
"""
_OBS_VIDEO = """\
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
"""
_FFMPEG_AUDIO = """\
a=rtcp-mux
a=rtpmap:111 opus/48000/2
"""
_FFMPEG_VIDEO = """\
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtcp-fb:106 nack
a=rtpmap:105 rtx/90000
a=fmtp:105 apt=106
"""
_FORMATS: dict[Style, tuple[str, str]] = {
    "chromium": ("111 63 0", "96 97 102 103 104 108 109"),
    "obs": ("111", "96"),
    "ffmpeg": ("111", "106 105"),
}
_BODIES: dict[Style, tuple[str, str]] = {
    "chromium": (_CHROMIUM_AUDIO, _CHROMIUM_VIDEO),
    "obs": (_OBS_AUDIO, _OBS_VIDEO),
    "ffmpeg": (_FFMPEG_AUDIO, _FFMPEG_VIDEO),
}


@dataclass(frozen=True)
class OfferWords:
    """Everything of an offer that varies from peer to peer."""

    kind: Kind = "publish"
    style: Style = "chromium"
    ufrag: str = "cliF"
    pwd: str = "cliPasswordOfTwentyFour0"
    fingerprint: str = "sha-256 " + ":".join(["AB"] * 32)
    setup: str = "actpass"
    audio: bool = True
    video: bool = True
    audio_ssrc: int = 7001
    video_ssrc: int = 7002
    rtx_ssrc: int = 7003
    candidates: tuple[str, ...] = ()


def write_offer(words: OfferWords) -> str:
    """Return the offer, lines ended by CRLF."""
    sections = [index for index, wanted in enumerate((words.audio, words.video)) if wanted]
    lines = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines += [f"a=group:BUNDLE {' '.join(map(str, sections))}", "a=msid-semantic: WMS"]
    for index in sections:
        lines += _section(words, index)
    return "\r\n".join(lines) + "\r\n"


def _section(words: OfferWords, index: int) -> list[str]:
    kind = ("audio", "video")[index]
    lines = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {_FORMATS[words.style][index]}", "c=IN IP4 0.0.0.0"]
    lines += [f"a=candidate:{candidate}" for candidate in words.candidates]
    lines += [f"a=ice-ufrag:{words.ufrag}", f"a=ice-pwd:{words.pwd}", f"a=fingerprint:{words.fingerprint}"]
    lines += [f"a=setup:{words.setup}", f"a=mid:{index}"]
    lines.append("a=sendonly" if words.kind == "publish" else "a=recvonly")
    lines += _BODIES[words.style][index].splitlines()
    if words.kind == "publish":
        ssrc = (words.audio_ssrc, words.video_ssrc)[index]
        lines += [f"a=msid:stream {kind}", f"a=ssrc:{ssrc} cname:peer", f"a=ssrc:{ssrc} msid:stream {kind}"]
        if index == 1 and words.style != "obs":
            lines.insert(-2, f"a=ssrc-group:FID {ssrc} {words.rtx_ssrc}")
    return lines
