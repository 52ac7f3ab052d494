"""The floor sends the whole lecture, alone and at the other end of a cable; places and meters are what they say."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.bench import floor, stages, veth
from tests.bench.meter import Meter
from tests.bench.place import loopback, share_cores
from tests.bench.score import PACKETS, PACKETS_A_SECOND


def test_the_lecture_is_one_and_a_half_megabits_a_second() -> None:
    assert PACKETS == 119 * 6 + 60 + 100
    assert PACKETS_A_SECOND == 218.5


def test_the_server_has_a_core_that_nobody_else_has() -> None:
    assert share_cores({0, 1, 2}) == ({2}, {0, 1})
    assert share_cores({3}) == ({3}, {3})


def test_long_visits_to_the_floor_for_few_terminals_short_ones_for_many() -> None:
    assert [stages.turns(size) for size in (3, 100, 500, 1000, 5000)] == [6, 6, 4, 2, 2]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    made = floor.compiled(tmp_path_factory.mktemp("floor"))
    if isinstance(made, str):
        pytest.skip(made)
    return made


@pytest.mark.parametrize("mode", floor.MODES)
def test_the_floor_costs_something_a_packet(library: ctypes.CDLL, mode: str) -> None:
    (found,) = floor.measure(library, loopback(os.sched_getaffinity(0)), 3, 1, mode)
    assert found["us"] == pytest.approx(found["us_per_packet"] * PACKETS_A_SECOND)
    assert 0 < found["us_per_packet"] < 1000
    assert found["sweep_ms"] > 0


def test_without_a_compiler_the_floor_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = floor.compiled(tmp_path)
    assert isinstance(answer, str)
    assert "no C compiler" in answer


@pytest.mark.server
def test_a_cable_leads_from_one_namespace_to_another_and_is_gone_afterwards(library: ctypes.CDLL) -> None:
    if note := veth.missing():
        pytest.skip(note)
    with veth.cable(os.sched_getaffinity(0)) as network:
        with network.load.here(), socket.socket(type=socket.SOCK_DGRAM) as far:
            far.bind((network.load.address, 0))
            far.settimeout(10)
            with network.server.here(), socket.socket(type=socket.SOCK_DGRAM) as near:
                near.sendto(b"hello", far.getsockname())
            assert far.recvfrom(10)[1][0] == network.server.address
        assert floor.measure(library, network, 3, 1, "gso")[0]["us"] > 0
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert f"{veth.PREFIX}-{os.getpid()}-" not in names


def test_a_place_is_left_as_it_was() -> None:
    cores = os.sched_getaffinity(0)
    with loopback(cores).server.here():
        assert os.sched_getaffinity(0) == share_cores(cores)[0]
    assert os.sched_getaffinity(0) == cores


def test_a_meter_sees_what_a_process_uses() -> None:
    meter = Meter(os.getpid(), min(os.sched_getaffinity(0)))
    before = meter.read()
    while (spent := meter.read() - before).cpu < 0.02:
        sum(range(1000))
    assert spent.at >= spent.cpu * 0.9
    assert spent.shares()["core_percent"] > 0
