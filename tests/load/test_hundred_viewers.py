"""A hundred viewers of 1.5 Mb/s on one process: the server loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench.end_to_end import MANY_JOINS, measure
from tests.support.readings import readings
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

VIEWERS = 100
LOSSES = ("would_block", "send_error", "seal_error", "frame_remainder", "sweep_queue_full", "srtp_auth", "no_path")


def test_the_server_loses_no_packet_of_a_hundred_viewers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what the server lost counts: a viewer's socket that overflowed, on a machine too busy to read it, does not."""
    server = Server(tmp_path / "data", environment=MANY_JOINS)
    try:
        demo = server.start()
        figures = asyncio.run(measure(server, viewers=VIEWERS, seconds=10))
        metrics = readings(server, demo["api_token"])
    finally:
        server.close()
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    drops = {reason: metrics[f"media_drops_total.{reason}"] for reason in LOSSES}
    said = f"{drops}, {figures}"
    assert figures["packets_received"] > VIEWERS * 10 * 100, said  # most of 219 a second came through
    assert not any(drops.values()), said
    assert figures["lost_by_the_server"] == 0, said
    assert figures["dropped_by_full_server_sockets"] == 0, said
    assert figures["undecryptable"] == 0, said
