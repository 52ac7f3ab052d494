"""From measurements to ratios, goals and a picture, with figures that can be worked out by hand."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench import picture, results, table

SIZES = [100, 500, 1000]


def turns(*costs: float) -> list[dict[str, float]]:
    return [{"us": cost, "us_per_packet": cost / 200, "sweep_ms": cost / 40} for cost in costs]


def native(terminals: int, us: float) -> dict[str, Any]:
    detail = {"latency_p50_ms": 3.0, "latency_p99_ms": 13.0, "train_length_median": 6.0, "sample_delivered": 1.0}
    detail["connections_lost"] = 0
    shares = dict.fromkeys(("core_percent", "waited_percent", "stolen_percent", "softirqd_percent"), 1.0)
    return (
        {"terminals": terminals, "us": us, "us_per_packet": us / 250, "terminals_per_core": round(1e6 / us)}
        | detail
        | shares
    )


def raw() -> dict[str, Any]:
    floors = {size: {"gso": turns(400.0, 500.0, 900.0), "plain": turns(1000.0)} for size in SIZES}
    natives = {1: native(1, 60_000.0), 100: native(100, 1100.0), 500: native(500, 660.0), 1000: native(1000, 600.0)}
    viewers = {40: {"us": 4000.0, "delivered": 1.0}, 80: {"us": 3000.0, "delivered": 0.9}}
    for each in viewers.values():
        each.update(core_percent=20.0, waited_percent=1.0)
    gaps = {"sample_gaps": 0, "connections_lost": 0}
    return {
        "floor": {"loopback": floors},
        "native": {"loopback": natives},
        "python": {1: native(1, 50_000.0), 50: native(50, 6000.0), 100: native(100, 5000.0)},
        "janus": {"loopback": viewers},
        "waiting": {"join_ms": 2.5, "idle_percent_per_terminal": 0.004, "rss_kb_per_terminal": 101.0},
        "rush": {"connected_p99_ms": 500.0, "first_packet_p99_ms": 1200.0, "seated": gaps},
        "repair": {"delivered": 0.9995, "others_beside": gaps | {"sample_gaps": 1}},
    }


def document() -> dict[str, Any]:
    return json.loads(json.dumps(results.document(raw(), SIZES)))


def test_the_figures_on_top_are_those_of_a_thousand_terminals_over_loopback() -> None:
    made = document()
    assert (made["terminals"], made["floor"], made["floor_plain"], made["native"]) == (1000, 500.0, 1000.0, 600.0)
    assert made["ratio_native_to_floor"] == 1.2
    assert made["sizes"]["1000"]["ratio_native_to_floor_per_packet"] == pytest.approx(2.4 / 2.5)
    assert made["terminals_per_core"] == 1667
    assert made["ratio_terminals_per_core_to_floor"] == pytest.approx(500 / 600, abs=0.001)
    assert made["latency"]["ratio_latency_p99_to_sweep"] == pytest.approx(13 / 12.5)
    assert made["network"]["loopback"]["sizes"]["1000"]["native"] == 600.0
    assert set(made["sizes"]) == {"100", "500", "1000"}


def test_the_base_is_told_from_the_share_of_a_terminal() -> None:
    at = document()["sizes"]["1000"]
    assert at["native_base_us_per_second"] == 60_000
    assert at["native_without_base"] == pytest.approx((600_000 - 60_000) / 999, abs=0.1)


def test_the_rise_is_from_the_fewest_to_the_most() -> None:
    made = document()
    assert made["rise"] == pytest.approx(600 / 1100 - 1, abs=0.001)
    first, last = (110_000 - 60_000) / 99, (600_000 - 60_000) / 999
    assert made["rise_without_base"] == pytest.approx(last / first - 1, abs=0.001)


def test_a_peer_counts_by_its_cheapest_size_that_delivered() -> None:
    assert document()["janus"] == 4000.0
    assert document()["ratio_native_to_janus"] == 0.15


def test_the_python_twin_counts_by_the_most_that_it_carried() -> None:
    found = raw()
    found["python"][100]["sample_delivered"] = 0.8
    made = results.document(found, SIZES)
    assert (made["python"], made["python_terminals"], made["python_terminals_per_core"]) == (6000.0, 50, 167)
    assert "only 80.0% arrived" in made["python_sizes"]["100"]["note"]
    assert ("Python", [(50, 6000.0)]) in [(name, points) for name, _, _, points in picture.series(made)]


@pytest.mark.parametrize("loss", [{"sample_delivered": 0.95}, {"sample_delivered": None}, {"connections_lost": 2}])
def test_a_server_that_lost_packets_has_no_cost(loss: dict[str, Any]) -> None:
    found = raw()
    found["native"]["loopback"][1000].update(loss)
    made = results.document(found, SIZES)
    assert made["native"] is made["ratio_native_to_floor"] is made["terminals_per_core"] is made["rise"] is None
    assert "terminals" in made["native_note"]
    assert made["sizes"]["1000"]["native_detail"]["us"] == 600.0
    assert made["sizes"]["500"]["native"] == 660.0


def test_what_was_not_measured_is_null_and_not_reached() -> None:
    made = results.document({}, SIZES)
    assert made["floor"] is made["native"] is made["janus"] is made["join_ms"] is None
    assert {goal.reached(made) for goal in table.GOALS} == {None}
    assert "not measured" in table.render(made)


def test_goals_are_judged_by_their_sense() -> None:
    made = document()
    judged = {goal.words: goal.reached(made) for goal in table.GOALS}
    assert judged["server / floor"] is True
    assert judged["server / Janus"] is False
    assert judged["terminals a core / the floor's"] is True
    assert judged["1,000 joins at 100 a second: connected p99"] is True
    assert judged["1,000 joins at 100 a second: first packet p99"] is False
    assert judged["memory of a terminal"] is False
    assert judged["delivered with 10 % asked for again"] is True
    assert judged["gaps of those who watch meanwhile"] is True
    assert judged["gaps of the others meanwhile"] is False
    assert judged["server / floor, over veth"] is None


def test_the_table_shows_every_size_and_every_goal() -> None:
    text = table.render(document() | {"notes": {"veth": "no cable"}})
    assert [line.split()[0] for line in text.splitlines() if line.startswith("       100")] == ["100", "100"]
    assert "NOT reached" in text
    assert text.endswith("veth: no cable")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (1500.0, "1,500"), (0.1429, "0.143"), (0.0042, "0.0042"), (571.6, "572")]
)
def test_figures_have_as_many_digits_as_mean_something(value: float | None, text: str) -> None:
    assert table.figure(value) == text


def test_the_picture_is_drawn_from_the_document_and_stays_in_its_frame() -> None:
    tree = ElementTree.fromstring(picture.draw(document()))  # our own
    names = {each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert {"native", "floor (GSO)", "floor (plain)", "Janus", "Python", "1,000"} <= names
    for dot in tree.iter("{http://www.w3.org/2000/svg}circle"):
        assert picture.LEFT <= float(dot.attrib["cx"]) <= picture.WIDTH - picture.RIGHT
        assert picture.TOP <= float(dot.attrib["cy"]) <= picture.HEIGHT - picture.BOTTOM


def test_names_in_the_picture_do_not_cover_each_other() -> None:
    tree = ElementTree.fromstring(picture.draw(document()))
    places = [
        (float(each.attrib["x"]), float(each.attrib["y"]))
        for each in tree.iter("{http://www.w3.org/2000/svg}text")
        if "font-weight" in each.attrib
    ]
    assert all(abs(a[1] - b[1]) >= 15 or abs(a[0] - b[0]) > 90 for a in places for b in places if a is not b), places
