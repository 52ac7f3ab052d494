"""`kill -9`, a full disk, a process that ends: what was recorded is there."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from recorder.recorder import Recorder
from recorder.states import RecordingChanged
from signaling.db.base import uuid7
from tests.support.hls import hls_settings
from tests.support.media import shown_counters
from tests.support.taping import recorder_settings

KILLS = 10
FPS = 15


async def child(root: Path, recording_id: str, seconds: float, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.recording_child", str(root), recording_id, str(seconds), *more,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def kill_after(root: Path, recording_id: str, pictures: int) -> int:
    """Start a recording, kill it when so many pictures were sent; return how many really were."""
    process = await child(root, recording_id, 10.0)
    assert process.stdout is not None
    sent = 0
    async for line in process.stdout:
        words = line.split()
        if words[0] == b"sent":
            sent = int(words[1]) + 1
            if sent >= pictures and process.returncode is None:
                process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    return sent


@pytest.mark.server
async def test_after_kill_9_every_recording_plays_to_within_two_seconds(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    ids = [uuid7() for _ in range(KILLS)]
    moments = [chance.randrange(10, 140) for _ in ids]
    sent: dict[str, int] = {}
    for place in range(0, KILLS, 5):
        group = ids[place : place + 5]
        counts = await asyncio.gather(*(kill_after(tmp_path, one, moments[ids.index(one)]) for one in group))
        sent |= dict(zip(group, counts, strict=True))
    changes: list[RecordingChanged] = []
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), changes.append)
    recovered = {one.id: one for one in await recorder.start()}
    assert set(recovered) == set(ids)
    for one in ids:
        done = recovered[one].finished
        assert done is not None
        path = done.path_mp4
        counters = [counter for _, counter in shown_counters(path)] if path else []
        assert counters == list(range(len(counters)))
        assert len(counters) >= sent[one] - 2 * FPS, f"{sent[one]} pictures were sent, {len(counters)} can be seen"
        assert await recorder.finish(one) == done
        if path is not None:
            assert changes[[c.recording_id for c in changes].index(one) + 1].state == "ready"
    assert await recorder.start() == []


@pytest.mark.server
async def test_a_write_that_fails_degrades_and_what_was_written_plays(tmp_path: Path) -> None:
    """The limit on file sizes makes `write` fail in the middle of a part, as a full disk does."""
    recording_id = uuid7()
    process = await child(tmp_path, recording_id, 6.0, "40000")
    output, _ = await process.communicate()
    assert b"state degraded" in output
    assert output.count(b"sent ") == 6 * FPS
    assert process.returncode != -signal.SIGXFSZ
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    done = await recorder.finish(recording_id)
    assert done.path_mp4 is not None
    assert "disk_full" in done.problems
    assert len(shown_counters(done.path_mp4)) > FPS
