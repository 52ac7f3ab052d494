"""A hundred viewers of 1.5 Mb/s on one process: the server loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.load.whole_server import MANY_JOINS, measure
from tests.support.readings import readings
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(240)]

VIEWERS = 100
ATTEMPTS = 2
STARVED_PERCENT = 25.0
LOSSES = ("would_block", "send_error", "seal_error", "frame_remainder", "sweep_queue_full", "srtp_auth", "no_path")


def lecture_for_a_hundred(data: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Run a lecture on a fresh server; return the figures and the losses that it counted."""
    server = Server(data, environment=MANY_JOINS)
    try:
        demo = server.start()
        figures = asyncio.run(measure(server, viewers=VIEWERS, seconds=10))
        metrics = readings(server, demo["api_token"])
    finally:
        server.close()
    return figures, {reason: metrics[f"media_drops_total.{reason}"] for reason in LOSSES}


def test_the_server_loses_no_packet_of_a_hundred_viewers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what the server lost counts: a viewer's socket that overflowed, on a machine too busy to read it, does not.

    A lecture during which other programs kept the server from the processor proves nothing, unless nothing was lost.
    """
    for attempt in range(ATTEMPTS):
        figures, drops = lecture_for_a_hundred(tmp_path / f"data-{attempt}")
        with capsys.disabled():
            print("\n" + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
        said = f"{drops}, {figures}"
        assert figures["undecryptable"] == 0, said
        if not any(drops.values()) and figures["lost_by_the_server"] == 0:
            assert figures["packets_received"] > VIEWERS * 10 * 200, said
            return
        assert figures["percent_of_time_waited_for_a_core"] > STARVED_PERCENT, said
    pytest.skip(
        f"the machine is too busy: the server waited for a core {figures['percent_of_time_waited_for_a_core']:.0f} %"
    )
