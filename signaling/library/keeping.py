"""How long recordings are kept: the catalogue's side of `recorder.retention`.

1. **A recording is hidden first, then noted in the catalogue, then erased** here and in the object store. What interrupts it leaves
   nothing half visible, and the next run ends it.
2. The entry stays in the catalogue with `removed` among its problems, size and SHA-256 as evidence; attendance is not touched.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from config.settings import RetentionSettings
from recorder.errors import RecorderError
from recorder.retention import Kept, Reason, Verdict, erase, hide, leftovers, plan, size_of
from recorder.vault import Vault
from signaling.library.models import REMOVED, RecordingEntry

log = structlog.get_logger("library")

DAY: Final = timedelta(days=1)
Entries = Callable[[], Awaitable[Sequence[RecordingEntry]]]
Removed = Callable[[str], Awaitable[Any]]


class Keeping:
    """Plans and applies; `entries` and `removed` are the catalogue's."""

    def __init__(self, vault: Vault, settings: RetentionSettings, entries: Entries, removed: Removed) -> None:
        self._vault = vault
        self._settings = settings
        self._entries = entries
        self._removed = removed
        self._task: asyncio.Task[None] | None = None

    async def plan(self, now: datetime) -> list[Verdict]:
        """Return what would become of every recording, interrupted deletions first. Changes nothing."""
        rows = {row.id: row for row in await self._entries()}
        store = self._vault.store
        begun = [
            Verdict(Kept(one, rows[one].title if one in rows else "", None, None, 0), True, Reason.INTERRUPTED)
            for one in await asyncio.to_thread(leftovers, store)
        ]
        folders = await asyncio.to_thread(lambda: {one.recording_id: size_of(one) for one in store.folders()})
        listed = [
            Kept(row.id, row.title, row.state, row.ended_at, folders.get(row.id, 0))
            for row in rows.values()
            if REMOVED not in row.problems or row.id in folders
        ]
        strangers = [Kept(one, "", None, None, size) for one, size in folders.items() if one not in rows]
        return [*begun, *plan([*listed, *strangers], now, self._settings.recording_days)]

    async def apply(self, verdicts: Sequence[Verdict]) -> list[str]:
        """Delete what the plan names; return the ids that could not be deleted now: the next run tries them again."""
        failed = []
        for recording_id in [one.kept.recording_id for one in verdicts if one.delete]:
            try:
                await self._delete(recording_id)
            except (RecorderError, OSError) as error:
                log.warning("x not deleted", recording=recording_id, error=str(error))
                failed.append(recording_id)
        return failed

    async def _delete(self, recording_id: str) -> None:
        store = self._vault.store
        await asyncio.to_thread(hide, store.folder(recording_id))
        await self._removed(recording_id)
        await erase(store, recording_id, self._vault.objects)
        log.info("- recording deleted", recording=recording_id)

    def start(self, offset: timedelta) -> None:
        """Run every night when `retention.automatic` says so; `offset` is the local time's from UTC."""
        if self._settings.automatic:
            self._task = asyncio.create_task(self._nightly(offset))

    async def stop(self) -> None:
        """End the nightly run. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _nightly(self, offset: timedelta) -> None:
        while True:
            now = datetime.now(UTC)
            await asyncio.sleep((next_run(now, self._settings.hour, offset) - now).total_seconds())
            try:
                await self.apply(await self.plan(datetime.now(UTC)))
            except Exception as error:  # a busy database must not end all nights to come
                log.exception("x retention", error=str(error))


def next_run(now: datetime, hour: int, offset: timedelta) -> datetime:
    """Return the next time at which it is `hour` o'clock where `offset` is the time's from UTC."""
    local = now + offset
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (due if due > local else due + DAY) - offset
