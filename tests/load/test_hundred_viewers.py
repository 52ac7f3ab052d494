"""A hundred viewers of 1.5 Mb/s on one process: the server loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench.end_to_end import measure
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]


def test_the_server_loses_no_packet_of_a_hundred_viewers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(tmp_path / "data")
    try:
        demo = server.start()
        figures = asyncio.run(measure(server, viewers=100, seconds=10))
        status, metrics = server.call("GET", "/metrics", demo["api_token"])
        assert status == 200
    finally:
        server.close()
    with capsys.disabled():
        print("\n" + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    assert figures["packets_received"] > 100 * 10 * 200
    assert figures["undecryptable"] == 0
    drops = dropped(metrics.decode())
    for reason in ("would_block", "send_error", "seal_error", "frame_remainder", "sweep_queue_full", "srtp_auth"):
        assert drops[reason] == 0, f"{reason}: {drops[reason]:.0f}"
    assert figures["packets_missing"] == 0


def dropped(metrics: str) -> dict[str, float]:
    """Return the drop counters by reason from the Prometheus text."""
    found = {}
    for line in metrics.splitlines():
        if "drop" in line and 'reason="' in line and not line.startswith("#"):
            found[line.split('reason="')[1].split('"')[0]] = float(line.rsplit(" ", 1)[1])
    return found
