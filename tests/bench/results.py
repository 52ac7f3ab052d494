"""From what was measured to `var/bench.json`: medians, ratios, the figures of the largest and the reference size."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

REFERENCE = 1000
PRIMARY = "loopback"
LEAST_DELIVERED = 0.999  # of the packets: what did not arrive cost nothing
LEAST_COUNTED = 0.99  # of Janus, whose viewers count by the clock
Figures = dict[str, Any]
BySize = Mapping[int, Mapping[str, Any]]


def reference(sizes: list[int]) -> int:
    """Return the size at which contenders are compared: 1,000 terminals when measured, else the most."""
    return REFERENCE if REFERENCE in sizes else max(sizes)


def ratio(a: float | None, b: float | None, digits: int = 3) -> float | None:
    """Return a / b, None when one of them is not known."""
    return None if a is None or not b else round(a / b, digits)


def median(turns: list[dict[str, float]], name: str, digits: int = 1) -> float | None:
    """Return the median of one figure over the turns."""
    return round(statistics.median(turn[name] for turn in turns), digits) if turns else None


def at_size(floor: Mapping[str, list[dict[str, float]]], native: Figures | None, base: Figures | None) -> Figures:
    """Fold one size on one network; `base` is the server with one terminal. A server that lost packets has no cost."""
    least, sweep = median(floor.get("gso", []), "us"), median(floor.get("gso", []), "sweep_ms", 2)
    note = "" if native is None else lost(native)
    cost = None if native is None or note else round(native["us"], 1)
    folded = {
        "floor": least,
        "floor_plain": median(floor.get("plain", []), "us"),
        "floor_live": median(floor.get("live", []), "us"),
        "floor_sweep_ms": sweep,
        "floor_turns": len(floor.get("gso", [])),
        "native": cost,
        "ratio_native_to_floor": ratio(cost, least),
        "ratio_native_to_floor_live": ratio(cost, median(floor.get("live", []), "us")),
        "terminals_per_core": None if not cost else round(1e6 / cost),
        "floor_terminals_per_core": None if not least else round(1e6 / least),
    }
    if note:
        folded |= {"native_detail": native, "native_note": note}
    elif native is not None:
        folded |= {"native_detail": native, **_without_base(native, base, least)}
        folded["ratio_native_to_floor_per_packet"] = ratio(
            native.get("us_per_packet"), median(floor.get("gso", []), "us_per_packet", 3)
        )
        for name in ("latency_p50_ms", "latency_p99_ms", "train_length_median"):
            folded[name] = native.get(name)
        folded["ratio_latency_p50_to_sweep"] = ratio(native.get("latency_p50_ms"), sweep)
        folded["ratio_latency_p99_to_sweep"] = ratio(native.get("latency_p99_ms"), sweep)
    return folded


def lost(figures: Mapping[str, Any]) -> str:
    """Say what did not arrive, so that its cost cannot count; empty when everything did."""
    delivered = figures["sample_delivered"] or 0.0
    if delivered < LEAST_DELIVERED:
        return f"with {figures['terminals']} terminals only {delivered:.1%} arrived"
    return f"{figures['connections_lost']} terminals lost their connection" if figures["connections_lost"] else ""


def _without_base(native: Figures, base: Figures | None, least: float | None) -> Figures:
    if base is None:
        return {}
    more = max(1, native["terminals"] - base["terminals"])
    marginal = round((native["us"] * native["terminals"] - base["us"] * base["terminals"]) / more, 1)
    return {
        "native_without_base": marginal,
        "native_base_us_per_second": round(base["us"] * base["terminals"]),
        "ratio_native_without_base_to_floor": ratio(marginal, least),
    }


def on_network(floors: Mapping[int, Mapping[str, list[dict[str, float]]]], native: BySize, sizes: list[int]) -> Figures:
    """Fold everything of one network: its sizes, and the figures of the reference size beside them."""
    base = dict(native[1]) if 1 in native else None
    each = {n: at_size(floors.get(n, {}), dict(native[n]) if n in native else None, base) for n in sizes}
    at = each[reference(sizes)]
    names = ("floor", "floor_plain", "floor_live", "native", "ratio_native_to_floor", "ratio_native_to_floor_live")
    names += ("terminals_per_core", "train_length_median")
    folded = {name: at.get(name) for name in names}
    folded["terminals"] = reference(sizes)
    folded |= {name: at[name] for name in ("native_note",) if name in at}
    folded["ratio_terminals_per_core_to_floor"] = ratio(at["terminals_per_core"], at["floor_terminals_per_core"])
    folded["latency"] = {name: at.get(name) for name in at if "latency" in name} | {
        "floor_sweep_ms": at["floor_sweep_ms"],
        "p99_ms_at_fewest": each[min(sizes)].get("latency_p99_ms"),
    }
    folded["rise"] = rise(each, "native", sizes)
    folded["rise_without_base"] = rise(each, "native_without_base", sizes)
    return folded | {"sizes": {str(size): figures for size, figures in each.items()}}


def rise(each: Mapping[int, Figures], name: str, sizes: list[int]) -> float | None:
    """Return by what share the cost of a terminal rises from the fewest to the most."""
    whole = ratio(each[max(sizes)].get(name), each[min(sizes)].get(name))
    return None if whole is None or len(sizes) < 2 else round(whole - 1, 3)


def carried(sizes: BySize) -> tuple[int, Figures] | None:
    """Return the largest size at which nearly everything arrived, with its figures."""
    good = [size for size, each in sizes.items() if size > 1 and not lost(each)]
    return (max(good), dict(sizes[max(good)])) if good else None


def cheapest(sizes: BySize) -> float | None:
    """Return the lowest cost of a terminal among the sizes at which nearly everything arrived."""
    return min((round(each["us"], 1) for each in sizes.values() if not scarce(each)), default=None)


def document(raw: Mapping[str, Any], sizes: list[int]) -> Figures:
    """Return what is written: the figures of loopback on top, each network under `network`."""
    natives, floors = raw.get("native", {}), raw.get("floor", {})
    networks = {
        name: on_network(floors.get(name, {}), natives.get(name, {}), sizes)
        for name in (PRIMARY, "veth")
        if name in natives or name in floors
    }
    top = dict(networks.get(PRIMARY) or on_network({}, {}, sizes))
    python = carried(raw.get("python", {}))
    peer = {name: cheapest(each) for name, each in raw.get("janus", {}).items()}
    top["python"] = None if python is None else round(python[1]["us"], 1)
    top["python_terminals"] = None if python is None else python[0]
    top["python_terminals_per_core"] = None if python is None else python[1]["terminals_per_core"]
    top["janus"] = peer.get(PRIMARY)
    top["ratio_native_to_janus"] = ratio(top["native"], top["janus"])
    for name, each in networks.items():
        each["janus"] = peer.get(name)
        each["ratio_native_to_janus"] = ratio(each["native"], each["janus"])
    waiting = raw.get("waiting", {})
    for name in ("join_ms", "idle_percent_per_terminal", "rss_kb_per_terminal"):
        top[name] = None if name not in waiting else round(waiting[name], 4)
    details = {name: raw[name] for name in ("waiting", "rush", "repair", "recording") if name in raw}
    details["python_sizes"] = _named(raw.get("python", {}), lost)
    details["janus_sizes"] = {name: _named(each, scarce) for name, each in raw.get("janus", {}).items()}
    return top | details | {"network": networks}


def scarce(figures: Mapping[str, Any]) -> str:
    """Say that Janus lost more than a clock can mistake; empty when it did not."""
    return "" if figures["delivered"] >= LEAST_COUNTED else f"only {figures['delivered']:.1%} arrived"


def _named(sizes: BySize, fault: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """Name the sizes as JSON does; those that do not count get a note."""
    return {str(size): {**each, **({"note": note} if (note := fault(each)) else {})} for size, each in sizes.items()}
