"""Writing answers, and reading and writing the SDP fragments of PATCH (RFC 8840, RFC 9725 section 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from broadcaster.errors import FragmentError, MalformedOffer
from broadcaster.media import Kind
from broadcaster.transport.parameters import Candidate, Credentials, LocalParameters, SendStreams
from broadcaster.transport.sdp_reader import ABS_SEND_TIME, SDES_MID, SDES_RID, capped_lines
from config.settings import SdpSettings

if TYPE_CHECKING:
    from broadcaster.transport.sdp import MediaOffer, Offer

PTIME_MS: Final = 40  # Chromium obeys: half the audio packets of its default
_VIDEO_FEEDBACK: Final = ("nack", "nack pli", "goog-remb")
_ICE: Final = {"ice-ufrag": re.compile(r"[0-9A-Za-z+/]{4,256}"), "ice-pwd": re.compile(r"[0-9A-Za-z+/]{22,256}")}


@dataclass(frozen=True, slots=True)
class IceFragment:
    """A fragment that a client sent: its credentials, if any, and how many candidates it brought."""

    credentials: Credentials | None
    candidates: tuple[str, ...]
    complete: bool


def write_answer(offer: Offer, local: LocalParameters, candidates: list[Candidate], streams: SendStreams | None) -> str:
    """Return the answer: ICE-lite, everything bundled, the full list of candidates in every section."""
    if not candidates:
        raise ValueError("an answer needs at least one candidate")
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    lines += [f"a=group:BUNDLE {' '.join(offer.mids)}", "a=msid-semantic: WMS *"]
    for section in offer.sections:
        if section.kind is None:
            lines += [
                f"m={section.media} 0 {section.protocol} {section.format}",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{section.mid}",
            ]
            continue
        lines += _transport_lines(offer, section, local, candidates)
        lines += _codec_lines(section)
        lines += _extension_lines(section, publish=streams is None)
        if streams is not None:
            lines += _source_lines(section, streams)
    return _join(lines)


def _transport_lines(
    offer: Offer, section: MediaOffer, local: LocalParameters, candidates: list[Candidate]
) -> Iterator[str]:
    formats = str(section.payload_type) if section.rtx is None else f"{section.payload_type} {section.rtx}"
    first = candidates[0]
    yield f"m={section.media} {first.port} {section.protocol} {formats}"
    yield f"c=IN IP{first.version} {first.address}"
    yield "a=rtcp-mux"
    yield f"a=mid:{section.mid}"
    yield "a=recvonly" if offer.direction == "publish" else "a=sendonly"
    yield from _ice_lines(local.credentials)
    yield f"a=fingerprint:{local.fingerprint}"
    yield f"a=setup:{local.setup}"
    yield from _candidate_lines(candidates)


def _codec_lines(section: MediaOffer) -> Iterator[str]:
    payload_type = section.payload_type
    yield f"a=rtpmap:{payload_type} {'opus/48000/2' if section.kind is Kind.AUDIO else 'H264/90000'}"
    if section.fmtp:
        yield f"a=fmtp:{payload_type} {section.fmtp}"
    if section.kind is Kind.AUDIO:
        yield f"a=ptime:{PTIME_MS}"
        return
    if section.rtx is not None:
        yield f"a=rtpmap:{section.rtx} rtx/90000"
        yield f"a=fmtp:{section.rtx} apt={payload_type}"
    for feedback in _VIDEO_FEEDBACK:
        yield f"a=rtcp-fb:{payload_type} {feedback}"


def _extension_lines(section: MediaOffer, *, publish: bool) -> Iterator[str]:
    extensions = section.extensions
    rid = extensions.rid if publish and section.kind is Kind.VIDEO else None
    pairs = ((extensions.abs_send_time, ABS_SEND_TIME), (extensions.mid, SDES_MID), (rid, SDES_RID))
    for identifier, uri in pairs:
        if identifier is not None:
            yield f"a=extmap:{identifier} {uri}"


def _source_lines(section: MediaOffer, streams: SendStreams) -> Iterator[str]:
    """RFC 5576 and RFC 8830: which sources this server sends, and that both are one stream."""
    audio = section.kind is Kind.AUDIO
    ssrc = streams.audio_ssrc if audio else streams.video_ssrc
    yield f"a=msid:{streams.stream} {'audio' if audio else 'video'}"
    if not audio and section.rtx is not None:
        yield f"a=ssrc-group:FID {ssrc} {streams.rtx_ssrc}"
    yield f"a=ssrc:{ssrc} cname:{streams.cname}"
    if not audio and section.rtx is not None:
        yield f"a=ssrc:{streams.rtx_ssrc} cname:{streams.cname}"


def _ice_lines(credentials: Credentials) -> Iterator[str]:
    yield f"a=ice-ufrag:{credentials.ufrag}"
    yield f"a=ice-pwd:{credentials.pwd}"


def _candidate_lines(candidates: list[Candidate]) -> Iterator[str]:
    for candidate in candidates:
        yield f"a=candidate:{candidate}"
    yield "a=end-of-candidates"


def parse_fragment(text: str, limits: SdpSettings) -> IceFragment:
    """Read the fragment of a PATCH. Raises `FragmentError`.

    Candidates are counted, never used: this side is ICE-lite. Credentials may stand before or after the first `m=` line; all
    sections of a bundle have the same.
    """
    try:
        lines = capped_lines(text, limits)
    except MalformedOffer as error:
        raise FragmentError(str(error)) from error
    found: dict[str, set[str]] = {"ice-ufrag": set(), "ice-pwd": set()}
    candidates = []
    for line in lines:
        name, _, value = line.removeprefix("a=").partition(":")
        if name in found:
            if not _ICE[name].fullmatch(value):
                raise FragmentError(f"not a valid {line[:60]!r}")
            found[name].add(value)
        elif name == "candidate":
            candidates.append(value)
    complete = "a=end-of-candidates" in lines
    return IceFragment(_credentials(found["ice-ufrag"], found["ice-pwd"]), tuple(candidates), complete)


def _credentials(ufrags: set[str], pwds: set[str]) -> Credentials | None:
    if not ufrags and not pwds:
        return None
    if len(ufrags) != 1 or len(pwds) != 1:
        raise FragmentError("a fragment names exactly one ice-ufrag and one ice-pwd")
    return Credentials(ufrags.pop(), pwds.pop())


def build_fragment(offer: Offer, credentials: Credentials, candidates: list[Candidate]) -> str:
    """Return the answer to an ICE restart (RFC 9725 section 4.3.3): new credentials and every candidate."""
    first = next(section for section in offer.sections if section.kind is not None)
    return _join(
        [
            "a=ice-lite",
            f"a=group:BUNDLE {' '.join(offer.mids)}",
            f"m={first.media} 9 {first.protocol} {first.payload_type}",
            f"a=mid:{first.mid}",
            *_ice_lines(credentials),
            *_candidate_lines(candidates),
        ]
    )


def _join(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
