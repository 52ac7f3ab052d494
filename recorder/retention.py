"""Which recordings have had their time, and the only hands in the project that delete them.

1. **The plan is pure**: recordings, the time and the policy in, a verdict with its reason for each out. What is not named `delete`
   stays.
2. A recording that runs, is being finished or has no known end stays; so does a folder that the catalogue does not know.
3. **Deleting begins by renaming the folder**: from then on the recording is nowhere to be seen, and what is left of a deletion
   that was interrupted is found by its name and done again (`leftovers`). The copy in the object store goes before the rest of
   the folder does, its manifest first.
4. Attendance is not here: ledgers and their journals are never deleted.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from recorder.objects import ObjectStore
from recorder.store import ID, MANIFEST, Folder, Store, sync_folder

REMOVED: Final = ".removed-"
FINAL: Final = frozenset({"ready", "failed"})


class Reason(StrEnum):
    """Why a recording goes or stays."""

    OVER_AGE = "over_age"
    INTERRUPTED = "interrupted"  # its deletion was begun
    YOUNG = "young"
    UNFINISHED = "unfinished"
    NO_END = "no_end"
    UNKNOWN = "unknown"  # a folder without an entry in the catalogue


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording as far as the policy asks; `state` is the catalogue's, `bytes` what its folder holds."""

    recording_id: str
    title: str
    state: str | None
    ended_at: datetime | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a recording."""

    kept: Kept
    delete: bool
    reason: Reason


def plan(recordings: Iterable[Kept], now: datetime, days: int) -> list[Verdict]:
    """Return a verdict for each recording: those that ended `days` days ago or earlier go."""
    return [_verdict(one, now - timedelta(days=days)) for one in recordings]


def _verdict(one: Kept, latest: datetime) -> Verdict:
    if one.state is None:
        return Verdict(one, False, Reason.UNKNOWN)
    if one.state not in FINAL:
        return Verdict(one, False, Reason.UNFINISHED)
    if one.ended_at is None:
        return Verdict(one, False, Reason.NO_END)
    old = one.ended_at <= latest
    return Verdict(one, old, Reason.OVER_AGE if old else Reason.YOUNG)


def size_of(folder: Folder) -> int:
    """Return the bytes of the files of a recording on the local disk."""
    return sum(_size(path) for path in folder.path.iterdir()) if folder.path.is_dir() else 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # written aside and renamed meanwhile
        return 0


def hide(folder: Folder) -> None:
    """Begin a deletion: rename the folder, durably. Idempotent."""
    if folder.path.is_dir():
        folder.path.rename(folder.path.with_name(REMOVED + folder.recording_id))
        sync_folder(folder.path.parent)


def leftovers(store: Store) -> list[str]:
    """Return the ids of recordings whose deletion was begun and not ended."""
    if not store.root.is_dir():
        return []
    names = (path.name.removeprefix(REMOVED) for path in store.root.iterdir() if path.name.startswith(REMOVED))
    return sorted(name for name in names if ID.fullmatch(name))


async def erase(store: Store, recording_id: str, objects: ObjectStore | None) -> None:
    """End a deletion that `hide` began. Raise `ObjectStoreError` or `OSError`; then it is a leftover."""
    place = store.folder(recording_id).path.with_name(REMOVED + recording_id)
    drop_media([path for path in place.iterdir() if path.suffix == ".mp4"] if place.is_dir() else [])
    if objects is not None:
        keys = await objects.names(recording_id)
        manifest = f"{recording_id}/{MANIFEST}"
        await objects.remove(sorted(keys, key=lambda key: key != manifest))
    if place.is_dir():
        shutil.rmtree(place)
        sync_folder(store.root)


def drop_media(paths: Iterable[Path]) -> None:
    """Remove files that take the room; those that are gone are no error."""
    for path in paths:
        path.unlink(missing_ok=True)
