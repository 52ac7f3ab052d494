"""Runs the checks and commits of imported files, one after the other, each in a process of its own (`import_worker`).

1. **The loop never reads a file**: it starts the process and listens to what it says.
2. The queue is bounded (`imports.waiting`): a file more is refused with 429, and nothing of it is kept.
3. **A commit is one transaction of that process, which also writes that the job is done.** Whatever ends the process or this server
   before, the job is failed and nothing is written.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from config.settings import ImportsSettings
from signaling.api.problems import Problem
from signaling.db.base import uuid7
from signaling.directory import import_findings as findings
from signaling.directory.import_jobs_service import CHECKED, COMMITTING, FAILED, REFUSED, ImportJobsService
from signaling.directory.import_process import Reader, ReaderProcess
from signaling.directory.models import ImportJob

log = structlog.get_logger("imports")
FOLDER: Final = "imports"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is: what is being done, rows done, rows in all (0 while nobody knows)."""

    phase: str = "waiting"
    done: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class _Ordered:
    job: ImportJob
    order: str
    actor: str


class ImportJobs:
    """Files in, findings out: `start`, then `bring`, `order`, `discard`, `stop`."""

    def __init__(
        self,
        service: ImportJobsService,
        settings: ImportsSettings,
        folder: Path,
        today: Callable[[], date],
        server: str = "node",
        reader: Reader | None = None,
    ) -> None:
        self.settings = settings
        self.server = server
        self._service = service
        self._folder = folder / FOLDER
        self._today = today
        self._queue: asyncio.Queue[_Ordered] = asyncio.Queue()  # bounded by `_place`, which counts those that come too
        self._coming: set[str] = set()
        self._steps: dict[str, Step] = {}
        self._running: asyncio.Task[None] | None = None
        self._current = ""
        self._reader: Reader = reader or ReaderProcess()

    async def start(self) -> None:
        """Call failed what a stop interrupted, forget what is old, and begin to work."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._service.interrupted(self.server)
        await self._sweep()
        self._running = asyncio.create_task(self._work(), name="imports")

    async def stop(self) -> None:
        """End the work, the running process too; may be called twice, or without a start."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
            await self._service.interrupted(self.server)

    def step(self, job_id: str) -> Step:
        """Return how far a job of this server is."""
        return self._steps.get(job_id, Step())

    def folder(self, job: ImportJob) -> Path:
        """Return where the findings of a job lie; raise 409 `import_elsewhere` when that is on another server."""
        if job.server != self.server:
            raise Problem(409, "import_elsewhere", "the file lies on another server", server=job.server)
        return self._folder / job.id

    async def bring(self, body: AsyncIterable[bytes], values: Mapping[str, Any]) -> ImportJob:
        """Keep an uploaded file and begin to check it; raise 413 `file_too_large`, 408 `timeout` or 429 `imports_busy`."""
        job_id = uuid7()
        folder = self._folder / job_id
        with self._place(job_id):
            await self._sweep()
            await asyncio.to_thread(folder.mkdir, parents=True)
            try:
                size = await self._keep(folder / findings.FILE, body)
                if values.get("corrects"):
                    await asyncio.to_thread(_take_along, self._folder / values["corrects"], folder)
                job = ImportJob(id=job_id, state="checking", file_bytes=size, server=self.server, **values)
                await self._service.add(job)
            except BaseException:
                await asyncio.to_thread(shutil.rmtree, folder, True)
                raise
            self._put(_Ordered(job, "check", job.actor))
        return job

    async def order(self, job: ImportJob, version: int, order: str, actor: str) -> ImportJob:
        """Let a job of this version be checked or committed; raise 412, 409 `illegal_import` or 429 `imports_busy`."""
        self.folder(job)
        with self._place(job.id):
            ordered = await self._service.order(job.id, version, order, actor)
            self._put(_Ordered(ordered, order, actor))
        return ordered

    async def discard(self, job: ImportJob, version: int, actor: str) -> None:
        """Throw a job of this version away with its file and findings; a check that is under way ends."""
        folder = self.folder(job)
        await self._service.discard(job.id, version, actor)
        if job.id == self._current:
            self._reader.end()
        self._steps.pop(job.id, None)
        await asyncio.to_thread(shutil.rmtree, folder, True)

    def _put(self, ordered: _Ordered) -> None:
        self._steps[ordered.job.id] = Step()
        self._queue.put_nowait(ordered)

    @contextmanager
    def _place(self, job_id: str) -> Iterator[None]:
        """Hold a place in the queue; raise 429 `imports_busy` when no more may wait."""
        if len(self._coming) + self._queue.qsize() >= self.settings.waiting:
            raise Problem(429, "imports_busy", "too many files are waiting", headers={"Retry-After": "30"})
        self._coming.add(job_id)
        try:
            yield
        finally:
            self._coming.discard(job_id)

    async def _keep(self, path: Path, body: AsyncIterable[bytes]) -> int:
        size = 0
        try:
            async with asyncio.timeout(self.settings.upload_seconds):
                with path.open("wb") as file:
                    async for chunk in body:
                        size += len(chunk)
                        if size > self.settings.max_file_bytes:
                            raise Problem(
                                413, "file_too_large", "the file is too large", most=self.settings.max_file_bytes
                            )
                        await asyncio.to_thread(file.write, chunk)
        except TimeoutError:
            raise Problem(408, "timeout", "the file took too long to come") from None
        return size

    async def _sweep(self) -> None:
        before = self._service.clock() - timedelta(days=self.settings.kept_days)
        kept = set(await self._service.forget(self.server, before, self.settings.kept))
        await asyncio.to_thread(_remove_others, self._folder, kept | self._coming)

    async def _work(self) -> None:
        while True:
            ordered = await self._queue.get()
            job = ordered.job
            self._current = job.id
            try:
                await self._run(ordered)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("x an import failed", job=job.id)
                await self._failed(job, "internal")
            finally:
                self._current = ""
                self._steps.pop(job.id, None)
                self._queue.task_done()

    async def settled(self) -> None:
        """Return when nothing waits and nothing runs."""
        await self._queue.join()

    async def _run(self, ordered: _Ordered) -> None:
        job, order = ordered.job, ordered.order
        if not await asyncio.to_thread((self._folder / job.id).is_dir):
            return  # it was thrown away while it waited
        log.info("< import", job=job.id, order=order, kind=job.kind)
        try:
            async with asyncio.timeout(self.settings.check_seconds):
                word = await self._reader.ask(self._document(ordered), lambda word: self._tell(job.id, word))
        except TimeoutError:
            word = {"failed": {"code": "too_slow", "detail": ""}}
        log.info("> import", job=job.id, order=order, word=next(iter(word)))
        await self._note(job, word)

    async def _note(self, job: ImportJob, word: Mapping[str, Any]) -> None:
        if "committed" in word:
            return  # the process has written it in its transaction
        now = self._service.clock()
        if (found := word.get("checked")) is not None:
            state = REFUSED if found["bad"] else CHECKED
            await self._service.ended(job.id, state, {**found, "checked_at": now, "finished_at": None})
        elif (why := word.get("refused")) is not None and job.state != COMMITTING:
            values = {"failure": why["code"], "detail": why["detail"], "checked_at": now}
            await self._service.ended(job.id, REFUSED, values)
        else:
            await self._failed(job, (word.get("failed") or {}).get("code", "internal"))

    async def _failed(self, job: ImportJob, code: str) -> None:
        await self._service.ended(job.id, FAILED, {"failure": code, "detail": "", "finished_at": self._service.clock()})

    def _tell(self, job_id: str, word: Mapping[str, Any]) -> None:
        self._steps[job_id] = Step(*word["progress"])

    def _document(self, ordered: _Ordered) -> dict[str, Any]:
        job = ordered.job
        return {
            "do": ordered.order,
            "job": job.id,
            "kind": job.kind,
            "node": job.node,
            "actor": ordered.actor,
            "database": self._service.address,
            "folder": str(self._folder / job.id),
            "today": self._today().isoformat(),
            "memory_bytes": self.settings.memory_bytes,
        }


def _take_along(source: Path, target: Path) -> None:
    """Keep the good rows of a corrected job with the one that corrects it: the former may be forgotten first."""
    good = source / findings.GOOD
    if good.exists():
        shutil.copyfile(good, target / findings.REST)


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
