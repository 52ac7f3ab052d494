"""Recordings as the API shows them."""

from __future__ import annotations

from typing import Any, Final

from signaling.library.models import RecordingEntry

PREFIX: Final = "/api/v1/recordings"
PLAYABLE: Final = frozenset({"recording", "degraded", "ready"})
"""States in which there is something to watch."""


def document(entry: RecordingEntry) -> dict[str, Any]:
    """Return the document of a recording for a person who may read it."""
    ready = entry.state == "ready"
    base = f"{PREFIX}/{entry.id}"
    return _common(entry) | {
        "mp4_url": f"{base}/video.mp4" if ready else None,
        "thumbnail_url": f"{base}/thumbnail.jpg" if ready and entry.has_thumbnail else None,
    }


def screen_document(entry: RecordingEntry, screen_id: str) -> dict[str, Any]:
    """Return the document of a released recording for a screen, which watches and does not download."""
    picture = f"/api/v1/screens/{screen_id}/recordings/{entry.id}/thumbnail.jpg"
    return _common(entry) | {"mp4_url": None, "thumbnail_url": picture if entry.has_thumbnail else None}


def playlist(entry: RecordingEntry) -> str:
    """Return where the multivariant playlist of a recording is."""
    return f"{_hls(entry)}/index.m3u8"


def _hls(entry: RecordingEntry) -> str:
    return f"/hls/{entry.lecture_id}/{entry.id}"


def _common(entry: RecordingEntry) -> dict[str, Any]:
    preview = entry.state == "ready" and entry.has_preview
    return {
        "id": entry.id,
        "lecture_id": entry.lecture_id,
        "title": entry.title,
        "state": entry.state,
        "review": entry.review,
        "reviewed_at": entry.reviewed_at.isoformat() if entry.reviewed_at else None,
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
        "duration_s": entry.duration_s,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "width": entry.width,
        "height": entry.height,
        "chapters": list(entry.chapters or ()),
        "gaps": list(entry.gaps or ()),
        "problems": list(entry.problems or ()),
        "storage": entry.storage,
        "hls_url": playlist(entry) if entry.state in PLAYABLE else None,
        "sprite_url": f"{_hls(entry)}/sprite.jpg" if preview else None,
        "thumbs_url": f"{_hls(entry)}/thumbs.vtt" if preview else None,
    }
