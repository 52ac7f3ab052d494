"""A strict reader of our playlists: whatever RFC 8216bis (draft -16) does not allow, or this server does not write, is an error.

`read` checks one playlist, `follows` checks that a later one may replace an earlier one, `merged` lays a delta update over the
playlist before it (section 6.3.7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

DECIMAL = re.compile(r"\d+(\.\d+)?")
ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(,|$)')
ONCE = {
    "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-PLAYLIST-TYPE",
    "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF", "EXT-X-SKIP", "EXT-X-ENDLIST", "EXT-X-INDEPENDENT-SEGMENTS",
}  # fmt: skip
HEADER = ONCE - {"EXT-X-ENDLIST", "EXT-X-SKIP"}
TOLERANCE = 0.001


class Wrong(AssertionError):
    """A playlist that breaks a rule."""


@dataclass(frozen=True)
class ListedPart:
    uri: str
    duration: float
    independent: bool


@dataclass(frozen=True)
class ListedSegment:
    """One segment; `uri` is None for the one in progress. `discontinuity` is its discontinuity sequence number."""

    msn: int
    uri: str | None
    duration: float
    discontinuity: int
    map: str | None
    date: datetime | None
    gap: bool
    byterange: tuple[int, int] | None
    parts: tuple[ListedPart, ...]


@dataclass
class Playlist:
    text: str
    target: int = 0
    version: int = 0
    kind: str | None = None
    sequence: int = 0
    part_target: float | None = None
    control: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    segments: list[ListedSegment] = field(default_factory=list)
    hint: str | None = None
    ended: bool = False
    independent: bool = False

    @property
    def complete(self) -> list[ListedSegment]:
        """The segments that have an address."""
        return [one for one in self.segments if one.uri is not None]

    @property
    def next(self) -> tuple[int, int]:
        """What a client asks for next: segment and part."""
        last = self.segments[-1] if self.segments else None
        if last is not None and last.uri is None:
            return last.msn, len(last.parts)
        return (last.msn + 1 if last else self.sequence + self.skipped), 0


def need(truth: object, why: str) -> None:
    if not truth:
        raise Wrong(why)


def attributes(text: str) -> dict[str, str]:
    """Read an attribute list (section 4.2)."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = ATTRIBUTE.match(text, place)
        need(match, f"not an attribute list: {text}")
        assert match is not None
        need(match[1] not in found, f"{match[1]} twice")
        found[match[1]] = match[2].strip('"')
        place = match.end()
    return found


def decimal(text: str) -> float:
    need(DECIMAL.fullmatch(text), f"not a decimal number: {text}")
    return float(text)


class _Reader:
    """Reads line by line; what was read since the last segment waits in `_tags` and `_parts`."""

    def __init__(self, text: str) -> None:
        self.playlist = Playlist(text)
        self._discontinuity = 0
        self._map: str | None = None
        self._seen: set[str] = set()
        self._body = False
        self._clear()

    def _clear(self) -> None:
        self._parts: list[ListedPart] = []
        self._tags: set[str] = set()
        self._date: datetime | None = None
        self._duration: float | None = None
        self._byterange: tuple[int, int] | None = None

    def line(self, line: str) -> None:
        need(not self.playlist.ended, "a line behind EXT-X-ENDLIST")
        need(self.playlist.hint is None or line == "#EXT-X-ENDLIST", "a line behind the hint")
        if not line.startswith("#"):
            self._segment(line)
            return
        tag, _, value = line[1:].partition(":")
        need(tag not in ONCE or tag not in self._seen, f"{tag} twice")
        need(tag not in HEADER or not self._body, f"{tag} behind media")
        self._seen.add(tag)
        self._tags.add(tag)
        self._body = self._body or tag not in HEADER
        self._tag(tag, value)

    def _tag(self, tag: str, value: str) -> None:
        playlist = self.playlist
        match tag:
            case "EXT-X-VERSION":
                playlist.version = int(value)
            case "EXT-X-TARGETDURATION":
                playlist.target = int(value)
            case "EXT-X-PLAYLIST-TYPE":
                need(value in ("EVENT", "VOD"), value)
                playlist.kind = value
            case "EXT-X-SERVER-CONTROL":
                playlist.control = attributes(value)
            case "EXT-X-PART-INF":
                playlist.part_target = decimal(attributes(value)["PART-TARGET"])
            case "EXT-X-MEDIA-SEQUENCE":
                playlist.sequence = int(value)
            case "EXT-X-DISCONTINUITY-SEQUENCE":
                self._discontinuity = int(value)
            case "EXT-X-SKIP":
                need(not playlist.segments, "EXT-X-SKIP behind a segment")
                playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
            case "EXT-X-INDEPENDENT-SEGMENTS":
                playlist.independent = True
            case "EXT-X-ENDLIST":
                playlist.ended = True
            case "EXT-X-PRELOAD-HINT":
                hint = attributes(value)
                need(hint["TYPE"] == "PART", value)
                playlist.hint = hint["URI"]
            case _:
                self._segment_tag(tag, value)

    def _segment_tag(self, tag: str, value: str) -> None:
        match tag:
            case "EXT-X-DISCONTINUITY":
                need(not self._parts, "a discontinuity behind a part")
                self._discontinuity += 1
            case "EXT-X-MAP":
                need(not self._parts, "a map behind a part")
                self._map = attributes(value)["URI"]
            case "EXT-X-PROGRAM-DATE-TIME":
                need(not self._parts, "a date behind a part")
                need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), value)
                self._date = datetime.fromisoformat(value)
            case "EXT-X-PART":
                part = attributes(value)
                self._parts.append(ListedPart(part["URI"], decimal(part["DURATION"]), part.get("INDEPENDENT") == "YES"))
            case "EXTINF":
                need(value.endswith(","), f"EXTINF without its comma: {value}")
                self._duration = decimal(value[:-1])
            case "EXT-X-BYTERANGE":
                size, _, offset = value.partition("@")
                self._byterange = (int(size), int(offset))
            case "EXT-X-GAP":
                pass
            case _:
                raise Wrong(f"a tag that is not ours: {tag}")

    def _segment(self, uri: str | None) -> None:
        need(uri is None or self._duration is not None, f"{uri} without EXTINF")
        playlist = self.playlist
        duration = sum(part.duration for part in self._parts) if self._duration is None else self._duration
        playlist.segments.append(
            ListedSegment(
                msn=playlist.sequence + playlist.skipped + len(playlist.segments),
                uri=uri,
                duration=duration,
                discontinuity=self._discontinuity,
                map=self._map,
                date=self._date,
                gap="EXT-X-GAP" in self._tags,
                byterange=self._byterange,
                parts=tuple(self._parts),
            )
        )
        self._clear()

    def close(self) -> Playlist:
        need(self._duration is None, "EXTINF without an address")
        if self._parts:
            self._segment(None)
        return self.playlist


def read(text: str) -> Playlist:
    """Read one media playlist and check it by itself."""
    need(text.endswith("\n") and "\r" not in text and "\n\n" not in text, "lines end with one line feed")
    lines = text.splitlines()
    need(lines[0] == "#EXTM3U", "EXTM3U comes first")
    reader = _Reader(text)
    for line in lines[1:]:
        reader.line(line)
    playlist = reader.close()
    _check_head(playlist)
    _check_segments(playlist)
    if playlist.part_target is not None:
        _check_low_latency(playlist, playlist.part_target)
    return playlist


def _check_head(playlist: Playlist) -> None:
    need(playlist.target == 8, "the target duration is 8")
    need(playlist.kind != "VOD" or playlist.ended, "VOD has an end")
    need(playlist.sequence >= 1, "there is no segment 0: hls.js takes a part of it for no part at all")
    need(playlist.kind is None or playlist.sequence == 1, "EVENT and VOD begin with their first segment")
    need(playlist.version >= (9 if playlist.skipped else 6), f"version {playlist.version}")
    if playlist.skipped:
        until = float(playlist.control["CAN-SKIP-UNTIL"])
        need(until >= 6 * playlist.target, "a skip boundary of six target durations at least")
        left = sum(one.duration for one in playlist.segments)
        need(left >= until - TOLERANCE, f"only {left} s are left behind what was skipped")
        need(left < until + 2 * playlist.target, f"{left} s are left: more could have been skipped")


def _check_segments(playlist: Playlist) -> None:
    before: ListedSegment | None = None
    for one in playlist.segments:
        need(round(one.duration) <= playlist.target, f"{one.uri} is longer than the target duration")
        need(one.duration > 0, f"{one.uri} is empty")
        need(one.map is not None or playlist.skipped, f"{one.uri} has no map")
        need(one.uri is not None or one is playlist.segments[-1], "a segment in progress that is not the last one")
        if before is not None and one.discontinuity == before.discontinuity and not (one.gap or before.gap):
            need(one.map == before.map, f"{one.uri} has another map without a discontinuity")
            if one.date is not None and before.date is not None:
                apart = (one.date - before.date) - timedelta(seconds=before.duration)
                need(abs(apart) < timedelta(milliseconds=20), f"the date of {one.uri} is {apart} off")
        before = one
    first = playlist.segments[0] if playlist.segments else None
    need(first is None or first.date is not None or playlist.skipped, "the first segment has a date")
    if playlist.part_target is None:
        need(all(one.uri is not None and not one.parts for one in playlist.segments), "parts without EXT-X-PART-INF")


def _check_low_latency(playlist: Playlist, part_target: float) -> None:
    control = playlist.control
    need(control.get("CAN-BLOCK-RELOAD") == "YES", "playlists can be waited for")
    need(float(control["PART-HOLD-BACK"]) >= 3 * part_target, "held back by three parts at least")
    need(playlist.ended == (playlist.hint is None), "a hint as long as there is no end")
    total = sum(one.duration for one in playlist.segments)
    need(total >= 0, "no media")
    for one in playlist.segments:
        _check_parts(one, part_target)
        left = total
        if one.parts and one.uri is not None:
            need(left <= 3 * playlist.target + TOLERANCE, f"{one.uri} still lists parts {left} s from the end")
        if not one.parts and not one.gap:
            need(left > 3 * playlist.target - TOLERANCE, f"{one.uri} lists no parts {left} s from the end")
        total -= one.duration


def _check_parts(one: ListedSegment, part_target: float) -> None:
    for part in one.parts:
        need(part.duration <= part_target + 1e-6, f"{part.uri} is longer than the part target")
    for part in one.parts[:-1]:
        need(part.duration >= 0.85 * part_target, f"{part.uri} is shorter than 85 % of the part target")
    if one.parts and one.uri is not None:
        need(abs(sum(part.duration for part in one.parts) - one.duration) < TOLERANCE, f"{one.uri} is not its parts")


def follows(old: Playlist, new: Playlist) -> None:
    """Check that `new` may replace `old` (section 6.2.1): nothing changes but what comes, goes, and is lost."""
    need(new.sequence >= old.sequence, "the media sequence goes back")
    need(not old.ended or new.text == old.text, "a playlist changed after its end")
    need((old.control, old.part_target, old.version) == (new.control, new.part_target, new.version), "the head changed")
    known = {one.msn: one for one in new.segments}
    for one in old.segments:
        later = known.get(one.msn)
        if later is None:
            need(one.msn < new.sequence, f"segment {one.msn} is gone from the end")
            continue
        if one.uri is not None:
            same = (one.uri, one.duration, one.map, one.discontinuity)
            need(same == (later.uri, later.duration, later.map, later.discontinuity), f"{one} became {later}")
            need(later.gap or not one.gap, f"{one.uri} was lost and came back")
        if later.parts:
            need(later.parts[: len(one.parts)] == one.parts or one.uri is not None, f"parts of {one.msn} changed")
    need(new.next >= old.next, "what was there is not there any more")
    left = sum(one.duration for one in new.complete)
    gone = [one for one in old.complete if one.msn < new.sequence]
    need(not gone or left >= 3 * new.target, f"segments were removed with only {left} s left")


def merged(old: Playlist, delta: Playlist) -> Playlist:
    """Return the whole playlist that a client has after a delta update. What it skips must be known."""
    if not delta.skipped:
        return delta
    base = {one.msn: one for one in old.segments}
    kept = [base[delta.sequence + place] for place in range(delta.skipped)]
    need(all(one.uri is not None for one in kept), "a segment in progress was skipped")
    last = kept[-1]
    rest = []
    for one in delta.segments:
        known = base.get(one.msn)
        number = last.discontinuity + one.discontinuity
        rest.append(
            replace(one, discontinuity=number, map=one.map or last.map, date=one.date or (known and known.date))
        )
    return replace(delta, skipped=0, segments=[*kept, *rest])
