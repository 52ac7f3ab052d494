"""Adding up: histograms, tallies that are differences, the folded report and what makes it doubtful."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import pytest

from broadcaster.loadgen import report
from broadcaster.loadgen.crowd import Look, Phase, between
from broadcaster.loadgen.histogram import Histogram
from broadcaster.loadgen.joining import Joining
from broadcaster.loadgen.measure import Usage
from broadcaster.loadgen.publisher import Sent
from broadcaster.loadgen.tally import Tally


def histogram(*milliseconds: float) -> Histogram:
    made = Histogram()
    for value in milliseconds:
        made.add(value / 1e3)
    return made


def test_percentiles_are_the_nearest_ranks_within_two_percent() -> None:
    made = histogram(*range(1, 101))
    for percent in (1, 50, 90, 95, 99, 100):
        assert made.percentile(percent) == pytest.approx(percent / 1e3, rel=0.02)
    assert math.isnan(Histogram().percentile(50))
    assert Histogram().document()["p50"] is None
    assert histogram(-1.0, 0.0).percentile(100) == pytest.approx(1e-6)


def test_a_tally_survives_the_way_from_a_child_and_differences_are_exact() -> None:
    before = Tally(asked=3, failures=Counter({"503": 1}), to_answer=histogram(1, 2), terminal_seconds=1.5)
    after = before + Tally(asked=2, failures=Counter({"401": 2}), to_answer=histogram(5), terminal_seconds=0.25, gaps=4)
    travelled = Tally.from_json(json.loads(json.dumps(after.to_json())))
    assert travelled == after
    phase = travelled - before
    assert (phase.asked, phase.failures, phase.gaps, phase.terminal_seconds) == (2, Counter({"401": 2}), 4, 0.25)
    assert phase.to_answer == histogram(5)


@pytest.mark.parametrize(
    ("step", "sample", "count", "sampled"),
    [(1, 0.05, 1000, 50), (2, 0.05, 500, 25), (3, 0.4, 10, 4), (1, 1.0, 7, 7), (1, 0.0, 9, 0)],
)
def test_the_sample_is_spread_evenly_over_each_process(step: int, sample: float, count: int, sampled: int) -> None:
    order = Joining("", (), count, step - 1, step, 1.0, sample, 0.0, True)
    chosen = [order.is_sampled(step - 1 + index * step) for index in range(count)]
    assert sum(chosen) == sampled
    assert all(abs(sum(chosen[:n]) - n * sample) < 1 for n in range(count))


def phases() -> list[Phase]:
    """2 s before, 100 joins in 4 s, 10 s of watching: the server uses 10 % at rest, 5 ms a join, 2 ms a terminal-second."""
    before = Phase("before", 2.0, Tally(turns=100), Usage(cpu=0.2), Usage(), Usage(), 0)
    join = Phase(
        "join", 4.0,
        Tally(asked=101, connected=100, failures=Counter({"503 busy": 1}), busy=3, terminal_seconds=200.0, to_connected=histogram(20)),
        Usage(cpu=0.4 + 0.5 + 0.4, resident=10_000_000), Usage(cpu=0.6), Usage(cpu=0.6), 100,
    )  # fmt: skip
    watch = Phase(
        "watch", 10.0,
        Tally(received=9_990, repaired=50, gaps=10, own_drops=4, terminal_seconds=1_000.0, arrived=190_000, expected=189_990, turns=500),
        Usage(cpu=1.0 + 2.0), Usage(cpu=2.0), Usage(cpu=2.0), 100,
    )  # fmt: skip
    return [before, join, watch]


def test_figures_are_what_their_names_say() -> None:
    folded = report.fold(phases())
    joins, delivery, server = folded["joins"], folded["delivery"], folded["server"]
    assert (joins["asked"], joins["succeeded"], joins["failed"], joins["reasons"]) == (101, 100, 1, {"503 busy": 1})
    assert delivery["share"] == pytest.approx(0.999)
    assert (delivery["gaps"], delivery["gaps_blamed_on_server"], delivery["dropped_by_own_sockets"]) == (10, 6, 4)
    assert folded["unsampled"] == {"arrived": 190_000, "expected_at_least": 189_990, "share_at_most": 1.0}
    assert server["cpu_percent_before"] == pytest.approx(10.0)
    assert server["cpu_ms_per_join"] == pytest.approx(9.0)
    assert server["cpu_ms_per_join_without_media"] == pytest.approx(5.0)
    assert server["cpu_us_per_terminal_second"] == pytest.approx(3_000.0)
    assert server["cpu_us_per_packet"] == pytest.approx(3.0 / 199_990 * 1e6)
    assert server["rss_kb_per_terminal"] == pytest.approx(100.0)
    assert folded["load"]["busiest_percent"] == pytest.approx(20.0)
    assert folded["load"]["cpu_ms_per_join"] == pytest.approx(6.0)
    assert json.loads(json.dumps(folded)) == folded


def test_a_server_elsewhere_and_an_interrupted_trial_leave_out_what_is_not_known() -> None:
    remote = [replace(phase, server=None) for phase in phases()]
    assert report.fold(remote)["server"] is None
    interrupted = report.fold(phases()[:1])
    assert interrupted["delivery"]["share"] is None
    assert interrupted["server"]["cpu_us_per_packet"] is None
    assert "joins      0 of 0" in report.words(interrupted)
    assert report.fold([])["joins"]["asked"] == 0


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (2, {"busiest": Usage(cpu=9.5)}, "during watch a load process used 95 % of its core"),
        (1, {"busiest": Usage(waited=3.0)}, "during join a load process waited 75 %"),
        (2, {"server": Usage(waited=5.0)}, "during watch the server's threads waited 5.0 s"),
        (2, {"server": Usage(drops=7)}, "dropped 7 datagrams"),
        (2, {"tally": Tally(turns=100, late_turns=20)}, "20 of 200 turns"),
        (
            2,
            {"tally": Tally(ended=Counter({"closed by the server": 2}))},
            "2 terminals lost their session: closed by the server",
        ),
    ],
)
def test_what_makes_figures_doubtful_is_said(place: int, change: dict[str, object], said: str) -> None:
    changed = phases()
    changed[place] = replace(changed[place], **change)  # type: ignore[arg-type]
    assert any(said in warning for warning in report.warnings(changed))
    assert not any(said in warning for warning in report.warnings(phases()))


def test_a_late_or_lost_lecturer_is_said() -> None:
    found = report.warnings([], Sent(frames=100, late_frames=5, ended="closed by the server"))
    assert [warning.partition(":")[0] for warning in found] == [
        "5 of 100 frames of the simulated lecturer were late",
        "the simulated lecturer lost his session",
    ]


def test_words_hold_the_figures() -> None:
    text = report.words(report.fold(phases(), Sent()))
    for part in (
        "100 of 101",
        "99.9000 %",
        "6 lost",
        "3000.0 us a terminal-second",
        "9.0 ms a join",
        "attention  1 terminals did not get in: 503 busy",
    ):
        assert part in text


def test_a_phase_is_the_difference_of_two_looks() -> None:
    first = Look(10.0, Tally(connected=5), Usage(cpu=1.0), Usage(cpu=2.0), (Usage(cpu=1.5), Usage(cpu=0.5)))
    second = Look(
        12.0, Tally(connected=9, ended=Counter(x=1)), Usage(cpu=1.5), Usage(cpu=4.0), (Usage(cpu=2.0), Usage(cpu=2.0))
    )
    phase = between("join", first, second)
    assert (phase.seconds, phase.tally.connected, phase.server, phase.load) == (2.0, 4, Usage(cpu=0.5), Usage(cpu=2.0))
    assert (phase.busiest, phase.terminals) == (Usage(cpu=1.5), 8)
