"""What the offers of one kind of client have in common, so that a county of equal screens is parsed once.

1. **An outline is an offer itself**: the client's own text, less the lines that no parser of ours looks at (candidates, SSRCs, addresses),
   with stand-ins for its ports, credentials and fingerprints. Who has parsed the outline has parsed every offer that has it.
2. Only a value that is valid as a whole gets a stand-in, equal values the same one, different values different ones: whatever the
   parser does with such values, it does alike with their stand-ins.
3. **An offer that is unusual in any way has no outline** and is parsed whole: other line ends, other digests, values that are not valid.
4. The caps hold: those on bytes and lines are checked here for the whole text, the others by whoever parses the outline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from broadcaster.transport.parameters import Credentials, Fingerprint, RemoteParameters
from config.settings import SdpSettings

# Begins with the line feed before the line, which is what makes the search fast.
_VOLATILE: Final = re.compile(
    r"\n(?:a=(?:(?:ssrc|candidate:|rtcp:)[^\n]*"
    r"|ice-ufrag:([0-9A-Za-z+/]{4,256})(?=\r?\n)"
    r"|ice-pwd:([0-9A-Za-z+/]{22,256})(?=\r?\n)"
    r"|fingerprint:sha-256 ((?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})(?=\r?\n))"
    r"|[co]=[^\n]*"
    r"|m=([a-z]{1,16}) [1-9][0-9]{0,4}(?= [A-Z]))"
)
_KINDS: Final = ("", "\na=ice-ufrag:", "\na=ice-pwd:", "\na=fingerprint:sha-256 ")
_MEDIA: Final = 4
_MENTIONS: Final = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint")
_MOST_VALUES: Final = 64


@dataclass(frozen=True, slots=True)
class Outline:
    """The common `text` of an offer, and what its stand-ins stand for."""

    text: str
    values: dict[str, str]

    def restore(self, remote: RemoteParameters) -> RemoteParameters:
        """Return the parameters that the offer has where its outline has `remote`."""
        values = self.values
        return RemoteParameters(
            Credentials(values[remote.credentials.ufrag], values[remote.credentials.pwd]),
            tuple(Fingerprint(each.algorithm, values[each.value].upper()) for each in remote.fingerprints),
            remote.setup,
        )


class _Reader:
    """Replaces what is volatile in one offer; `count` is how many values it replaced."""

    __slots__ = ("count", "standins")

    def __init__(self) -> None:
        self.count = 0
        self.standins: dict[tuple[int, str], str] = {}

    def replace(self, match: re.Match[str]) -> str:
        kind = match.lastindex
        if kind is None:
            return ""
        value: str = match[kind]
        if kind == _MEDIA:
            return f"\nm={value} 9"
        self.count += 1
        standin = self.standins.get((kind, value))
        if standin is None:
            standin = self.standins[kind, value] = _standin(kind, len(self.standins))
        return _KINDS[kind] + standin


def _standin(kind: int, number: int) -> str:
    """A valid value of that kind, never longer than a real one; no two are alike."""
    if kind == 1:
        return f"u{number:03}"
    if kind == 2:
        return f"p{number:021}"
    return "00:" * 31 + f"{number & 0xFF:02X}"


def outline(text: str, limits: SdpSettings) -> Outline | None:
    """Return the outline of an offer; None when it is too large, or unusual."""
    if len(text) > limits.max_bytes or not text.isascii() or not text.endswith("\n"):
        return None
    if text.count("\n") > limits.max_lines or text.count("\r") != text.count("\r\n"):
        return None
    reader = _Reader()
    common = _VOLATILE.sub(reader.replace, text)
    if reader.count != sum(map(text.count, _MENTIONS)) or len(reader.standins) > _MOST_VALUES:
        return None
    return Outline(common, {standin: value for (_, value), standin in reader.standins.items()})
