"""Caps and a pre-filter in front of aiortc's SDP parser.

1. **Nothing is parsed before the caps hold**: bytes, lines, `a=rtpmap` lines and `m=` lines.
2. aiortc's parser is quadratic in `a=rtpmap`, `a=fmtp`, `a=rtcp-fb` and `a=ssrc`, and asserts rather than reports. So only the lines
   that an answer depends on reach it: candidates (this side is ICE-lite), SSRCs, feedback and foreign codecs do not.
3. Whatever is wrong leaves here as `MalformedOffer`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from aiortc.sdp import SessionDescription

from broadcaster.errors import MalformedOffer
from config.settings import SdpSettings

ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
SDES_MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
SDES_RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"

_EXTENSIONS: Final = frozenset({ABS_SEND_TIME, SDES_MID, SDES_RID})
_CODECS: Final = frozenset({"opus/48000/2", "h264/90000", "rtx/90000"})
_SESSION: Final = frozenset({"group", "fingerprint", "ice-lite", "ice-ufrag", "ice-pwd", "setup"})
_DIRECTIONS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_MEDIA: Final = _DIRECTIONS | {"fingerprint", "ice-ufrag", "ice-pwd", "setup", "mid", "rtcp-mux"}
# Most lines of a browser's offer: told by their beginning, because an offer is read for every screen that joins.
_UNREAD: Final = ("a=rtcp-fb:", "a=rtpmap:", "a=ssrc", "a=candidate:", "c=", "b=")
_LINE: Final = re.compile(r"[a-z]=")
_BREAK: Final = re.compile(r"\r\n|\n|\r")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")
_RTPMAP: Final = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9._-]+/[0-9]+(?:/[0-9]+)?)")
# What aiortc's parser raises on malformed input; found by fuzzing it.
PARSER_ERRORS: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    StopIteration,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class RawSection:
    """What of one `m=` section is read beside aiortc's parser."""

    lines: list[str]
    codecs: list[str] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    rids: list[str] = field(default_factory=list)
    bundle_only: bool = False


def read(text: str, limits: SdpSettings) -> tuple[SessionDescription, list[RawSection]]:
    """Return the parsed description and, for each of its media, what aiortc does not parse.

    Raises `MalformedOffer`.
    """
    lines = capped_lines(text, limits)
    if not lines or lines[0] != "v=0":
        raise MalformedOffer("the offer does not begin with v=0")
    session, sections = _split(lines)
    if not sections:
        raise MalformedOffer("the offer has no m= line")
    kept = ["v=0", *(line for line in session if _attribute(line)[0] in _SESSION)]
    for section in sections:
        kept += _relevant(section)
    for line in kept:
        if not _PRINTABLE.fullmatch(line):
            raise MalformedOffer(f"the offer has characters that SDP does not allow in {line[:40]!r}")
    try:
        return SessionDescription.parse("\r\n".join(kept) + "\r\n"), sections
    except PARSER_ERRORS as error:
        raise MalformedOffer(f"the offer is not SDP: {type(error).__name__} {error}".rstrip()) from error


def capped_lines(text: str, limits: SdpSettings) -> list[str]:
    """Return the lines of an offer or fragment without line breaks; raise `MalformedOffer` if a cap is exceeded."""
    if len(text) > limits.max_bytes or len(text.encode("utf-8", "surrogatepass")) > limits.max_bytes:
        raise MalformedOffer(f"the SDP has more than {limits.max_bytes} bytes")
    lines = [line for line in _BREAK.split(text) if line]
    counts = {
        "lines": (len(lines), limits.max_lines),
        "a=rtpmap lines": (sum(line.startswith("a=rtpmap") for line in lines), limits.max_rtpmaps),
        "m= lines": (sum(line.startswith("m=") for line in lines), limits.max_media),
    }
    for what, (count, most) in counts.items():
        if count > most:
            raise MalformedOffer(f"the SDP has {count} {what}; the limit is {most}")
    for line in lines:
        if not _LINE.match(line):
            raise MalformedOffer(f"not a line of SDP: {line[:40]!r}")
    return lines


def _split(lines: list[str]) -> tuple[list[str], list[RawSection]]:
    session: list[str] = []
    sections: list[RawSection] = []
    for line in lines:
        if line.startswith("m="):
            sections.append(RawSection([line]))
        elif sections:
            sections[-1].lines.append(line)
        else:
            session.append(line)
    return session, sections


def _attribute(line: str) -> tuple[str, str]:
    """`a=name:value` -> (name, value); anything else -> ("", "")."""
    if not line.startswith("a="):
        return "", ""
    name, _, value = line[2:].partition(":")
    return name, value


def _relevant(section: RawSection) -> Iterator[str]:
    """Yield the lines of a section that aiortc shall parse, and note the others that matter in `section`."""
    yield section.lines[0]
    payload_types = yield from _codec_lines(section)
    seen: set[str] = set()
    for line in section.lines[1:]:
        if line.startswith(_UNREAD):
            continue
        name, value = _attribute(line)
        if name in _MEDIA or (name == "extmap" and value.rpartition(" ")[2] in _EXTENSIONS):
            key = line
        elif name == "fmtp" and value.partition(" ")[0] in payload_types:
            key = f"fmtp {value.partition(' ')[0]}"
        else:
            _note(section, name, value)
            continue
        if key not in seen:
            seen.add(key)
            yield line


def _codec_lines(section: RawSection) -> Generator[str, None, set[str]]:
    """Yield the `a=rtpmap` lines of codecs that this server knows; return their payload types."""
    kept: set[str] = set()
    for line in section.lines:
        if not line.startswith("a=rtpmap"):
            continue
        match = _RTPMAP.fullmatch(line[len("a=rtpmap:") :].rstrip())
        if match is None:
            raise MalformedOffer(f"not an rtpmap: {line[:60]!r}")
        payload_type, codec = match.groups()
        section.codecs.append(codec.partition("/")[0])
        if codec.lower() in _CODECS and payload_type not in kept:
            kept.add(payload_type)
            yield line.rstrip()
    return kept


def _note(section: RawSection, name: str, value: str) -> None:
    if name == "msid":
        section.streams.add(value.partition(" ")[0])
    elif name == "rid":
        section.rids.append(value.partition(" ")[0])
    elif name == "bundle-only":
        section.bundle_only = True
