"""What a manifest says that a list of recordings shows, read once when a recording is finished.

**A manifest of an older program is as good as a new one**: what it does not say is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Listing:
    """Pictures, chapters and gaps of a finished recording, in the form of its row."""

    width: int | None = None
    height: int | None = None
    has_preview: bool = False
    chapters: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    ended_at: datetime | None = None


def listing(manifest: Mapping[str, Any] | None) -> Listing:
    """Return what to show; None, a recording without a manifest, gives an empty one."""
    said = manifest or {}
    ended_at = said.get("ended_at")
    return Listing(
        width=said.get("width"),
        height=said.get("height"),
        has_preview=bool(said.get("sprite") and said.get("thumbs")),
        chapters=_rows(said.get("chapters"), "start_s", "kind"),
        gaps=_rows(said.get("gaps"), "at_s", "seconds", "reason"),
        ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
    )


def _rows(entries: list[dict[str, Any]] | None, *names: str) -> list[dict[str, Any]]:
    """Return the entries that have all of the members, with these members alone."""
    whole = (entry for entry in entries or () if all(name in entry for name in names))
    return [{name: entry[name] for name in names} for entry in whole]
