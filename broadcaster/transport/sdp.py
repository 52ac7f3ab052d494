"""Offers of publishers (WHIP, RFC 9725) and viewers (WHEP), and what they may ask for.

`parse_offer` reads an offer in three steps: caps and syntax (`MalformedOffer`), shape (`UnacceptableOffer`), codecs
(`NoCommonCodec`). `Offer.answer` writes the answer; `parse_fragment` and `build_fragment` are for PATCH (RFC 8840).

1. Exactly one audio and one video section at most, bundled on one transport with rtcp-mux; one codec each: Opus, and H.264
   constrained baseline with packetization-mode 1. **A publisher's section is accepted or the offer is refused**;
   a viewer's foreign sections (data channels) are answered with port 0.
2. Candidates in offers are not read: this side is ICE-lite and learns addresses from authenticated checks.
3. Nothing of an offer is echoed but checked tokens and numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import H264Profile, MediaDescription, SessionDescription, parse_h264_profile_level_id

from broadcaster.errors import MalformedOffer, NoCommonCodec, OfferError, UnacceptableOffer
from broadcaster.media import Kind
from broadcaster.transport.answer import build_fragment, parse_fragment, write_answer
from broadcaster.transport.outline import outline
from broadcaster.transport.parameters import (
    Candidate,
    Credentials,
    Fingerprint,
    LocalParameters,
    RemoteParameters,
    SendStreams,
    Setup,
)
from broadcaster.transport.sdp_reader import ABS_SEND_TIME, SDES_MID, SDES_RID, RawSection, read
from config.settings import SdpSettings

__all__ = ["Direction", "Extensions", "MediaOffer", "Offer", "build_fragment", "parse_fragment", "parse_offer"]

Direction = Literal["publish", "watch"]

_ACCEPTED: Final[dict[Direction, frozenset[str]]] = {
    "publish": frozenset({"sendonly", "sendrecv"}),
    "watch": frozenset({"recvonly", "sendrecv"}),
}
_SETUPS: Final[dict[str, Setup]] = {"auto": "actpass", "client": "active", "server": "passive"}
_DIGEST_BYTES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,32}")
_ICE_UFRAG: Final = re.compile(r"[0-9A-Za-z+/]{4,256}")
_ICE_PWD: Final = re.compile(r"[0-9A-Za-z+/]{22,256}")
_FMTP_VALUE: Final = re.compile(r"[0-9A-Za-z.,/+=_-]{1,64}")
# The profiles that may be relayed, the preferred one first: FFmpeg says Baseline and sends its constrained subset.
_PROFILES: Final = (H264Profile.PROFILE_CONSTRAINED_BASELINE, H264Profile.PROFILE_BASELINE)
_DEFAULT_PROFILE: Final = "420010"  # RFC 6184 section 8.1
_OUTLINES: Final = (
    64  # kinds of offers that are remembered: one for each release of each browser, and room for strangers
)


@dataclass(frozen=True, slots=True)
class Extensions:
    """The ids (1 to 14) under which the peer wants its RTP header extensions (RFC 8285); None where it offers none."""

    abs_send_time: int | None = None
    mid: int | None = None
    rid: int | None = None


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """One section of an offer. `kind` is None for a section that the answer refuses."""

    kind: Kind | None
    media: str
    protocol: str
    format: str
    mid: str
    payload_type: int = 0
    fmtp: str = ""
    rtx: int | None = None
    extensions: Extensions = Extensions()
    rids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered."""

    direction: Direction
    remote: RemoteParameters
    sections: tuple[MediaOffer, ...]

    @property
    def audio(self) -> MediaOffer | None:
        """The accepted audio section, if there is one."""
        return next((section for section in self.sections if section.kind is Kind.AUDIO), None)

    @property
    def video(self) -> MediaOffer | None:
        """The accepted video section, if there is one."""
        return next((section for section in self.sections if section.kind is Kind.VIDEO), None)

    @property
    def mids(self) -> tuple[str, ...]:
        """The mids of all accepted sections, in the order of the offer."""
        return tuple(section.mid for section in self.sections if section.kind is not None)

    def answer(self, local: LocalParameters, candidates: list[Candidate], streams: SendStreams | None = None) -> str:
        """Return the SDP answer. `streams` names what will be sent and is needed for viewers only.

        Raises `ValueError` without candidates, or when a viewer's answer lacks `streams`: both are local mistakes.
        """
        if (self.direction == "watch") != (streams is not None):
            raise ValueError("a viewer's answer names the streams, a publisher's does not")
        return write_answer(self, local, candidates, streams)


def parse_offer(text: str, limits: SdpSettings, direction: Direction) -> Offer:
    """Read an offer. Raises `MalformedOffer`, `UnacceptableOffer` or `NoCommonCodec` with the whole diagnosis.

    Offers that differ in nothing but their values are parsed once; what is wrong with an offer is told from its own text.
    """
    common = outline(text, limits)
    if common is None:
        return parse_whole(text, limits, direction)
    try:
        offer = _of_outline(common.text, limits, direction)
    except OfferError:
        return parse_whole(text, limits, direction)
    return replace(offer, remote=common.restore(offer.remote))


@lru_cache(maxsize=_OUTLINES)
def _of_outline(text: str, limits: SdpSettings, direction: Direction) -> Offer:
    return parse_whole(text, limits, direction)


def parse_whole(text: str, limits: SdpSettings, direction: Direction) -> Offer:
    """Read an offer, whether one like it was read before or not. Raises like `parse_offer`."""
    description, raw = read(text, limits)
    sections = tuple(_section(media, extra, direction) for media, extra in zip(description.media, raw, strict=True))
    accepted = [section for section in sections if section.kind is not None]
    if not accepted:
        raise UnacceptableOffer("the offer has neither audio nor video")
    for kind in Kind:
        if sum(section.kind is kind for section in accepted) > 1:
            raise UnacceptableOffer(f"the offer has more than one {kind.name.lower()} section")
    _check_bundle(description, accepted)
    _check_streams(raw)
    first = description.media[sections.index(accepted[0])]
    return Offer(direction, _remote(first), sections)


def _section(media: MediaDescription, raw: RawSection, direction: Direction) -> MediaOffer:
    mid = media.rtp.muxId or ""  # None for "a=mid" without a value
    if not _TOKEN.fullmatch(mid):
        raise MalformedOffer(f"not a mid of at most 32 characters: {mid[:40]!r}")
    disabled = media.port == 0 and not raw.bundle_only
    if disabled or media.kind not in ("audio", "video"):
        if direction == "publish":
            raise UnacceptableOffer(f"section {mid} ({media.kind[:20]}) is not audio or video that can be received")
        return MediaOffer(None, *_header(media), mid)
    _check_section(media, direction)
    kind = Kind.AUDIO if media.kind == "audio" else Kind.VIDEO
    codec = _opus(media, raw) if kind is Kind.AUDIO else _h264(media, raw)
    return MediaOffer(
        kind, *_header(media), mid, codec.payloadType or 0, _fmtp(codec), _rtx(media, codec), _extensions(media),
        tuple(rid for rid in raw.rids if _TOKEN.fullmatch(rid)),
    )  # fmt: skip


def _header(media: MediaDescription) -> tuple[str, str, str]:
    """The words of the `m=` line that an answer repeats: media, protocol and first format."""
    words = (media.kind, media.profile, str(media.fmt[0]))
    if not all(re.fullmatch(r"[A-Za-z0-9/._-]{1,40}", word) for word in words):
        raise MalformedOffer(f"not an m= line: {' '.join(words)[:60]!r}")
    return words


def _check_section(media: MediaDescription, direction: Direction) -> None:
    mid = media.rtp.muxId
    if not media.profile.endswith("RTP/SAVPF"):
        raise UnacceptableOffer(f"section {mid} is {media.profile}, not UDP/TLS/RTP/SAVPF")
    if not media.rtcp_mux:
        raise UnacceptableOffer(f"section {mid} has no a=rtcp-mux")
    offered = media.direction or "sendrecv"
    if offered not in _ACCEPTED[direction]:
        wanted = "sendonly" if direction == "publish" else "recvonly"
        raise UnacceptableOffer(f"section {mid} is {offered}; this endpoint takes {wanted}")


def _check_bundle(description: SessionDescription, accepted: list[MediaOffer]) -> None:
    """RFC 9143: everything on one transport; a single section needs no group."""
    mids = [section.mid for section in accepted]
    if len(set(mids)) != len(mids):
        raise MalformedOffer(f"the mid {mids[0]} stands for two sections")
    bundled = {item for group in description.group if group.semantic == "BUNDLE" for item in group.items}
    if len(mids) > 1 and not bundled.issuperset(mids):
        raise UnacceptableOffer("the sections are not in one a=group:BUNDLE")


def _check_streams(raw: list[RawSection]) -> None:
    """RFC 9725 section 4.4.3: at most one MediaStream. `-` is a track without a stream (RFC 8830)."""
    streams = set().union(*(section.streams for section in raw)) - {"-"}
    if len(streams) > 1:
        raise UnacceptableOffer(f"the offer has {len(streams)} media streams; the limit is 1")


def _remote(media: MediaDescription) -> RemoteParameters:
    """Credentials, certificates and role of the bundle's first section, which speak for all."""
    mid = media.rtp.muxId
    if media.ice is None or media.ice.iceLite:
        raise UnacceptableOffer("the offer is ICE-lite, as this server is: nobody would check the path")
    ufrag, pwd = media.ice.usernameFragment or "", media.ice.password or ""
    if not _ICE_UFRAG.fullmatch(ufrag) or not _ICE_PWD.fullmatch(pwd):
        raise MalformedOffer(f"section {mid} has no valid a=ice-ufrag and a=ice-pwd")
    if media.dtls is None or not media.dtls.fingerprints:
        raise UnacceptableOffer(f"section {mid} has no a=fingerprint with a=setup")
    setup = _SETUPS[media.dtls.role]
    fingerprints = tuple(Fingerprint(f.algorithm.lower(), f.value.upper()) for f in media.dtls.fingerprints)
    known = tuple(f for f in fingerprints if f.algorithm in _DIGEST_BYTES)
    if not known:
        raise UnacceptableOffer(f"section {mid} has no fingerprint by sha-256, sha-384 or sha-512")
    for fingerprint in known:
        _check_digest(fingerprint)
    return RemoteParameters(Credentials(ufrag, pwd), known, setup)


def _check_digest(fingerprint: Fingerprint) -> None:
    octets = fingerprint.value.split(":")
    if len(octets) != _DIGEST_BYTES[fingerprint.algorithm] or not all(re.fullmatch("[0-9A-F]{2}", o) for o in octets):
        raise MalformedOffer(f"not a {fingerprint.algorithm} fingerprint: {fingerprint.value[:40]!r}")


def _named(media: MediaDescription, name: str) -> list[RTCRtpCodecParameters]:
    """The codecs of that name whose payload types stand in the `m=` line, in its order of preference."""
    by_type = {codec.payloadType: codec for codec in media.rtp.codecs if codec.name.lower() == name}
    return [by_type[payload_type] for payload_type in media.fmt if payload_type in by_type]


def _opus(media: MediaDescription, raw: RawSection) -> RTCRtpCodecParameters:
    codecs = _named(media, "opus")
    if not codecs:
        raise NoCommonCodec(f"the offer has no Opus, the only sound that is relayed; it offers {_names(raw)}")
    return codecs[0]


def _h264(media: MediaDescription, raw: RawSection) -> RTCRtpCodecParameters:
    ranked = [(rank, codec) for codec in _named(media, "h264") if (rank := _h264_rank(codec)) is not None]
    if not ranked:
        raise NoCommonCodec(
            "the offer has no H.264 constrained baseline with packetization-mode=1, the only video that is relayed; "
            f"it offers {_names(raw)}"
        )
    return min(ranked, key=lambda entry: entry[0])[1]


def _h264_rank(codec: RTCRtpCodecParameters) -> int | None:
    """0 for constrained baseline, 1 for baseline, None for what cannot be relayed."""
    if codec.parameters.get("packetization-mode") != "1":
        return None
    try:
        profile, _ = parse_h264_profile_level_id(str(codec.parameters.get("profile-level-id", _DEFAULT_PROFILE)))
    except ValueError:
        return None
    return _PROFILES.index(profile) if profile in _PROFILES else None


def _names(raw: RawSection) -> str:
    return ", ".join(list(dict.fromkeys(raw.codecs))[:10]) or "nothing"


def _fmtp(codec: RTCRtpCodecParameters) -> str:
    """The codec's parameters, those that are plain tokens, as they are to be repeated in the answer."""
    pairs = [f"{key}={value}" for key, value in codec.parameters.items() if value is not None]
    return ";".join(pair for pair in pairs if _FMTP_VALUE.fullmatch(pair))


def _rtx(media: MediaDescription, codec: RTCRtpCodecParameters) -> int | None:
    """The payload type of retransmissions of `codec` (RFC 4588), if offered."""
    for rtx in _named(media, "rtx"):
        if rtx.parameters.get("apt") == codec.payloadType:
            return rtx.payloadType
    return None


def _extensions(media: MediaDescription) -> Extensions:
    ids = {header.uri: header.id for header in media.rtp.headerExtensions if 1 <= header.id <= 14}
    return Extensions(ids.get(ABS_SEND_TIME), ids.get(SDES_MID), ids.get(SDES_RID))
