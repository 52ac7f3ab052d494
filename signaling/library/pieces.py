"""What may stand behind `/hls/{lecture_id}/{recording_id}/`: every name there is, by pattern.

**Nothing of a request becomes a path**: a name is taken apart here, and what is read is named anew from its numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

ID: Final = r"[0-9A-Za-z-]{1,36}"
_REEL: Final = r"(e[0-9]{3,6})"
_NUMBER: Final = r"([0-9]{1,9})"
_INIT: Final = re.compile(_REEL + r"\.init\.mp4")
_SEGMENT: Final = re.compile(_REEL + r"\.s" + _NUMBER + r"\.m4s")
_PART: Final = re.compile(_REEL + r"\.p" + _NUMBER + r"\.m4s")
_FILE: Final = re.compile(_REEL + r"\.mp4")
_PATH: Final = re.compile(f"/hls/({ID})/(?:({ID})/)?([0-9a-z.]{{1,32}})")
_ASIDES: Final = {
    "thumbs.vtt": "text/vtt; charset=utf-8",
    "chapters.vtt": "text/vtt; charset=utf-8",
    "sprite.jpg": "image/jpeg",
}


@dataclass(frozen=True, slots=True)
class Index:
    """The multivariant playlist."""


@dataclass(frozen=True, slots=True)
class Playlist:
    """A media playlist."""

    kind: Literal["live", "dvr", "vod"]


@dataclass(frozen=True, slots=True)
class Init:
    """The initialisation section of a reel."""

    reel: str


@dataclass(frozen=True, slots=True)
class SegmentName:
    """A segment by its media sequence number."""

    reel: str
    msn: int


@dataclass(frozen=True, slots=True)
class PartName:
    """A part by its place in the reel."""

    reel: str
    seq: int


@dataclass(frozen=True, slots=True)
class ReelFile:
    """The file of a reel, for byte ranges."""

    reel: str


@dataclass(frozen=True, slots=True)
class Aside:
    """Previews and chapters of a finished recording."""

    name: str
    media_type: str


Piece = Index | Playlist | Init | SegmentName | PartName | ReelFile | Aside


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path asks for; `recording_id` is None where the lecture's newest one is meant."""

    lecture_id: str
    recording_id: str | None
    piece: Piece


def is_live(piece: Piece) -> bool:
    """Whether a piece is one of the running stream."""
    return isinstance(piece, Init | SegmentName | PartName) or piece in (Playlist("live"), Playlist("dvr"))


def parse(name: str) -> Piece | None:
    """Return what a name means, None when it means nothing."""
    match name:
        case "index.m3u8":
            return Index()
        case "live.m3u8":
            return Playlist("live")
        case "dvr.m3u8":
            return Playlist("dvr")
        case "vod.m3u8":
            return Playlist("vod")
    if name in _ASIDES:
        return Aside(name, _ASIDES[name])
    if match := _INIT.fullmatch(name):
        return Init(match[1])
    if match := _SEGMENT.fullmatch(name):
        return SegmentName(match[1], int(match[2]))
    if match := _PART.fullmatch(name):
        return PartName(match[1], int(match[2]))
    if match := _FILE.fullmatch(name):
        return ReelFile(match[1])
    return None


def parse_path(path: str) -> Asked | None:
    """Return what an absolute path asks for, None when it is none of ours. Nothing is decoded: our names need no escapes."""
    match = _PATH.fullmatch(path)
    piece = parse(match[3]) if match else None
    if match is None or piece is None or (match[2] is None and piece != Index()):
        return None
    return Asked(match[1], match[2], piece)
