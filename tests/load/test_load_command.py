"""The real command against a real server: sixty terminals, a synthetic lecture, a tenth of the video lost on purpose."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(180)]

TERMINALS, SECONDS = 60, 10
ENVIRONMENT = {"JIANGTANG_MEDIA__JOINS_PER_SECOND": "20"}  # fewer than are asked for: terminals come back when told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("load") / "data", environment=ENVIRONMENT)
    try:
        made.start()
        yield made
    finally:
        made.close()


def command(server: Server, *words: str) -> list[str]:
    return [sys.executable, "-m", "signaling", "load", "--demo", str(server.data), *words]


def trial(server: Server, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    file = server.data.parent / "load.json"
    done = subprocess.run(
        command(server, "--json", str(file), *words), capture_output=True, text=True, timeout=120, check=False
    )
    return done, json.loads(file.read_text("utf-8"))


def test_a_trial_delivers_repairs_and_measures(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    done, report = trial(
        server,
        "--terminals",
        str(TERMINALS),
        "--seconds",
        str(SECONDS),
        "--rate",
        "60",
        "--publish",
        "--loss",
        "10%",
        "--sample",
        "10%",
    )
    with capsys.disabled():
        print("\n" + done.stdout)
    said = f"{done.stderr}{report['joins']}{report['delivery']}{report['warnings']}"
    assert done.returncode == 0, said
    assert report["complete"], said
    joins, delivery, server_figures = report["joins"], report["delivery"], report["server"]
    assert (joins["asked"], joins["succeeded"], joins["failed"]) == (TERMINALS, TERMINALS, 0), said
    assert joins["told_to_come_back"] > 0, said
    assert joins["to_first_media_ms"]["count"] == TERMINALS
    assert delivery["received"] > 6 * SECONDS * 200, said
    assert 0.06 < delivery["pretended"] / delivery["received"] < 0.14, said
    assert delivery["repaired"] > 0.05 * delivery["received"], said
    assert delivery["share"] >= 0.999, said
    assert (delivery["duplicates"], delivery["disordered"], delivery["undecryptable"], delivery["unexpected"]) == (
        0,
        0,
        0,
        0,
    ), said
    assert report["unsampled"]["arrived"] > (TERMINALS - 6) * SECONDS * 200, said
    assert report["unsampled"]["share_at_most"] > 0.999, said
    assert report["latency_ms"]["video_train"]["count"] > 6 * SECONDS * 25
    assert report["latency_ms"]["audio"]["count"] > 6 * SECONDS * 20
    assert 0 < report["latency_ms"]["video_train"]["p50"] < 1000
    assert server_figures["cpu_us_per_packet"] > 0
    assert server_figures["cpu_ms_per_join"] > 0
    assert report["lecturer"]["frames"] > 30 * SECONDS
    assert "token" not in json.dumps(report)


def test_terminals_that_wait_need_no_lecture(server: Server) -> None:
    done, report = trial(server, "--terminals", "5", "--seconds", "1", "--idle")
    assert done.returncode == 0, done.stderr
    assert (
        report["joins"]["succeeded"],
        report["delivery"]["share"],
        report["joins"]["to_first_media_ms"]["count"],
    ) == (5, None, 0)


def test_a_wrong_token_ends_at_once_with_advice(server: Server) -> None:
    done, report = trial(server, "--terminals", "500", "--rate", "10", "--token", "wrong")
    assert done.returncode == 1
    assert "401 bad_watch_token: the token is wrong" in done.stderr
    assert report["joins"]["asked"] < 100


def test_the_end_of_the_server_ends_the_trial(tmp_path: Path) -> None:
    made = Server(tmp_path / "data")
    try:
        made.start()
        file = tmp_path / "ended.json"
        process = watching(made, file)
        made.stop()
        out, err = process.communicate(timeout=30)
    finally:
        made.close()
    report = json.loads(file.read_text("utf-8"))
    assert process.returncode == 1
    assert "the server ended during the trial" in err
    assert "5 of 5" in out
    assert report["joins"]["lost_later"] == {"closed by the server": 5}
    assert (report["complete"], report["lecturer"]["ended"]) == (False, "closed by the server")


def watching(server: Server, file: Path) -> subprocess.Popen[str]:
    """A trial of an hour whose terminals are in."""
    words = ("--terminals", "5", "--seconds", "3600", "--publish", "--json", str(file))
    process = subprocess.Popen(command(server, *words), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "watch for 3600 s" in line:
            break
    return process


def test_interrupted_it_tells_what_it_measured(server: Server) -> None:
    file = server.data.parent / "cut.json"
    process = watching(server, file)
    try:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    report = json.loads(file.read_text("utf-8"))
    assert process.returncode == 0
    assert (report["complete"], report["joins"]["succeeded"]) == (False, 5)
    assert "5 of 5" in out
