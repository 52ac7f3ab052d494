"""`kill -9`, a full disk, a process that ends: what was recorded is there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.finish import finish
from recorder.news import PartMade
from recorder.recorder import Recorder
from recorder.segment import ReelReader
from recorder.states import State
from recorder.store import Store
from signaling.db.base import uuid7
from tests.support.hls import hls_settings
from tests.support.media import clip, shown_counters
from tests.support.taping import Deck, recorder_settings, stream

KILLS, AT_ONCE = 50, 10
FPS = 15
SECONDS = 5.0


@dataclass
class Victim:
    """One recording that is killed when its picture `moment` was sent."""

    id: str
    moment: int
    pid: int = 0
    sent: int = 0
    stored: int = 0  # parts that it said were durable
    killed: bool = False


async def children(root: Path, ids: list[str], seconds: float, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.recording_child", str(root), ",".join(ids), str(seconds), *more,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def kill_all(root: Path, victims: list[Victim]) -> None:
    """Record all at once, kill each at its moment, read what each had said until then."""
    process = await children(root, [one.id for one in victims], SECONDS)
    by_id = {one.id: one for one in victims}
    assert process.stdout is not None
    async for line in process.stdout:
        word, recording_id, *more = line.decode().split()
        victim = by_id[recording_id]
        if word == "pid":
            victim.pid = int(more[0])
        elif word == "stored":
            victim.stored = int(more[0])
        elif word == "sent":
            victim.sent = int(more[0]) + 1
        if victim.sent >= victim.moment and not victim.killed:
            victim.killed = True
            os.kill(victim.pid, signal.SIGKILL)
    assert await process.wait() == 0
    assert all(one.killed for one in victims)


def play(path: Path | None) -> list[int | None]:
    """Return the counters of the pictures that can be seen, after ffmpeg has decoded all of the file."""
    if path is None:
        return []
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
    return [counter for _, counter in shown_counters(path)]


@pytest.mark.server
async def test_after_fifty_kills_every_part_that_was_durable_plays(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    victims = [Victim(uuid7(), chance.randrange(1, round(SECONDS * FPS))) for _ in range(KILLS)]
    for place in range(0, KILLS, AT_ONCE):
        await kill_all(tmp_path, victims[place : place + AT_ONCE])
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    recovered = {one.id: one.finished for one in await recorder.start()}
    assert set(recovered) == {one.id for one in victims}
    for victim in victims:
        done, folder = recovered[victim.id], Store(tmp_path).folder(victim.id)
        assert done is not None
        counters = play(done.path_mp4)
        assert counters == list(range(len(counters)))
        parts = ReelReader(folder.reels()[0]).parts if folder.reels() else []
        assert len(parts) - 1 <= victim.stored <= len(parts), "a part more may be there than the child came to say"
        assert len(counters) >= victim.stored * 7, "each part of half a second holds seven or eight pictures"
        folder.manifest.unlink()
        assert finish(folder) == done, "finishing again gives the same bytes"
    assert sum(victim.stored for victim in victims) > KILLS
    assert await recorder.start() == []


@pytest.mark.server
async def test_a_write_that_fails_degrades_and_what_was_written_plays(tmp_path: Path) -> None:
    """The limit on file sizes makes `write` fail in the middle of a part, as a full disk does."""
    recording_id = uuid7()
    process = await children(tmp_path, [recording_id], 6.0, "40000")
    output, _ = await process.communicate()
    assert f"state {recording_id} degraded".encode() in output
    assert output.count(b"sent ") == 6 * FPS
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    done = await recorder.finish(recording_id)
    assert done.path_mp4 is not None
    assert "disk_full" in done.problems
    assert len(shown_counters(done.path_mp4)) > FPS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    root = tmp_path / "disk"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(root)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system can be mounted by root only: {mounted.stderr.strip()}")
    yield root
    subprocess.run(["umount", str(root)], check=True)


def test_a_disk_that_really_is_full_stops_the_recording_and_nothing_else(small_disk: Path) -> None:
    def free() -> int:
        status = os.statvfs(small_disk)
        return status.f_bavail * status.f_frsize

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 * 1024 * 1024 - 200_000))
    items = stream(clip(30.0))
    deck = Deck(small_disk, measure=free)
    deck.open()
    deck.play([one for one in items if one.arrival < 15.0])
    assert deck.tape.state is State.DEGRADED
    told = [one for one in deck.news if isinstance(one, PartMade)]
    assert [one.stored for one in told] == sorted((one.stored for one in told), reverse=True)
    assert (told[0].stored, told[-1].stored) == (True, False)
    reel = deck.folder.reels()[0]
    seen = play(reel)
    assert seen == list(range(len(seen)))
    assert len(seen) >= 7 * sum(one.stored for one in told) > 0
    ballast.unlink()
    deck.play([one for one in items if one.arrival >= 15.0])
    assert deck.tape.state is State.RECORDING
    deck.end()
    told = [one for one in deck.news if isinstance(one, PartMade)]
    assert sum(one.part.duration for one in told) / 90_000 == pytest.approx(30.0, abs=0.1)
    assert deck.changes == ["degraded", "recording", "finalising"]
    done = finish(deck.folder)
    assert "disk_full" in done.problems
    assert done.duration_s == pytest.approx(0.5 * sum(one.stored for one in told), abs=1.0)
    play(done.path_mp4)
