"""What `make bench` prints: costs by size, and what was to be reached beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure of the document that must not be above `limit`, or not below it where more is better."""

    words: str
    limit: float
    read: Callable[[Document], float | None]
    more: bool = False
    unit: str = ""

    def reached(self, document: Document) -> bool | None:
        """Whether it is; None when it was not measured."""
        value = self.read(document)
        if value is None:
            return None
        return value >= self.limit if self.more else value <= self.limit


def at(*path: str) -> Callable[[Document], float | None]:
    """Return a reader of a nested figure that answers None where anything on the way is missing."""

    def read(document: Document) -> float | None:
        found: Any = document
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    return read


def _both(first: Callable[[Document], float | None], second: Callable[[Document], float | None]) -> Callable[..., Any]:
    def read(document: Document) -> float | None:
        values = (first(document), second(document))
        return None if None in values else sum(values)  # type: ignore[arg-type]

    return read


_LOST = _both(at("rush", "seated", "sample_gaps"), at("rush", "seated", "connections_lost"))
_OTHERS_LOST = _both(at("repair", "others_beside", "sample_gaps"), at("repair", "others_beside", "connections_lost"))
GOALS = (
    Goal("server / floor", 1.3, at("ratio_native_to_floor"), unit="x"),
    Goal("server / floor, over veth", 1.3, at("network", "veth", "ratio_native_to_floor"), unit="x"),
    Goal("server / Janus", 1 / 7, at("ratio_native_to_janus"), unit="x"),
    Goal("terminals a core / the floor's", 0.75, at("ratio_terminals_per_core_to_floor"), more=True, unit="x"),
    Goal("rise of the cost from fewest to most terminals", 0.15, at("rise")),
    Goal("the same without the base", 0.15, at("rise_without_base")),
    Goal("join, CPU", 3.0, at("join_ms"), unit="ms"),
    Goal("1,000 joins at 100 a second: connected p99", 1000.0, at("rush", "connected_p99_ms"), unit="ms"),
    Goal("1,000 joins at 100 a second: first packet p99", 1000.0, at("rush", "first_packet_p99_ms"), unit="ms"),
    Goal("gaps of those who watch meanwhile", 0, _LOST),
    Goal("idle terminal, of a core", 0.005, at("idle_percent_per_terminal"), unit="%"),
    Goal("memory of a terminal", 100.0, at("rss_kb_per_terminal"), unit="kB"),
    Goal("added latency p99 / the floor's sweep", 1.3, at("latency", "ratio_latency_p99_to_sweep"), unit="x"),
    Goal("added latency p50 / the floor's sweep", 0.5, at("latency", "ratio_latency_p50_to_sweep"), unit="x"),
    Goal("added latency p99 at the fewest terminals", 5.0, at("latency", "p99_ms_at_fewest"), unit="ms"),
    Goal("delivered with 10 % asked for again", 0.999, at("repair", "delivered"), more=True),
    Goal("gaps of the others meanwhile", 0, _OTHERS_LOST),
    Goal("recording a lecture, of a core", 0.06, at("recording", "core_share")),
    Goal("of it the sound", 0.04, at("recording", "sound")),
    Goal("finishing an hour, CPU", 2.0, at("recording", "finish_hour_s"), unit="s"),
    Goal("Python twin, terminals a core", 150, at("python_terminals_per_core"), more=True),
)
COLUMNS = (
    ("floor", "floor"),
    ("plain", "floor_plain"),
    ("live", "floor_live"),
    ("native", "native"),
    ("no base", "native_without_base"),
    ("/ floor", "ratio_native_to_floor"),
    ("/ live", "ratio_native_to_floor_live"),
    ("a packet", "ratio_native_to_floor_per_packet"),
    ("a core", "terminals_per_core"),
    ("sweep ms", "floor_sweep_ms"),
    ("p50 ms", "latency_p50_ms"),
    ("p99 ms", "latency_p99_ms"),
    ("train", "train_length_median"),
)
HONESTY = (
    ("waited %", "waited_percent"),
    ("others %", "others_percent"),
    ("stolen %", "stolen_percent"),
    ("softirqd %", "softirqd_percent"),
    ("core %", "core_percent"),
    ("loop %", "loop_percent"),
    ("load %", "load_percent"),
    ("pic p99", "picture_latency_p99_ms"),
    ("sound p99", "sound_latency_p99_ms"),
    ("gaps", "sample_gaps"),
    ("own drops", "sample_own_drops"),
    ("pkt/s", "lecture_packets_per_second"),
    ("late", "lecture_late_frames"),
)


def render(document: Document) -> str:
    """Return everything as text."""
    parts = ["CPU microseconds per terminal and second of lecture"]
    for name, variant in document["network"].items():
        parts.append(sizes(name, variant["sizes"]))
    parts += [others(document), goals(document)]
    notes = [f"{name}: {words}" for name, words in document.get("notes", {}).items()]
    return "\n\n".join([*parts, "\n".join(notes)]).strip()


def sizes(name: str, found: Document) -> str:
    """Return the lines of one network."""
    lines = [f"{name:<10}" + "".join(f"{title:>10}" for title, _ in COLUMNS)]
    for size, each in found.items():
        lines.append(f"{size:>10}" + "".join(f"{figure(each.get(key)):>10}" for _, key in COLUMNS))
    lines.append(f"{'':<10}" + "".join(f"{title:>11}" for title, _ in HONESTY))
    for size, each in found.items():
        detail = each.get("native_detail", {})
        lines.append(f"{size:>10}" + "".join(f"{figure(detail.get(key)):>11}" for _, key in HONESTY))
    lines += [f"{each['native_note']}: no cost" for each in found.values() if "native_note" in each]
    bases = {each["native_base_us_per_second"] for each in found.values() if "native_base_us_per_second" in each}
    lines += [f"base, with one terminal: {base:,} us a second, in `native` but not in `no base`" for base in bases]
    return "\n".join(lines)


def others(document: Document) -> str:
    """Return the lines of the Python twin and of Janus, each at its own sizes."""
    titles = ("terminals", "us", "delivered", "core %", "waited %", "others %")
    lines = [f"{'':<22}" + "".join(f"{title:>10}" for title in titles)]
    found = {"Python twin": document.get("python_sizes", {})}
    found |= {f"Janus, {name}": each for name, each in document.get("janus_sizes", {}).items()}
    for name, each in found.items():
        for size, figures in each.items():
            delivered = figures.get("delivered", figures.get("sample_delivered"))
            names = ("us", "delivered", "core_percent", "waited_percent", "others_percent")
            cells = ({**figures, "delivered": delivered}.get(each) for each in names)
            lines.append(f"{name:<22}{size:>10}" + "".join(f"{figure(cell):>10}" for cell in cells))
    return "\n".join(lines)


def goals(document: Document) -> str:
    """Return what was to be reached beside what was measured."""
    lines = [f"{'':<52}{'to reach':>12}{'measured':>12}"]
    marks = {True: "reached", False: "NOT reached", None: "not measured"}
    for goal in GOALS:
        limit = f"{'>=' if goal.more else '<='} {figure(goal.limit)}"
        value = figure(goal.read(document))
        lines.append(f"{goal.words:<52}{limit:>12}{value:>12} {goal.unit:<3}{marks[goal.reached(document)]}")
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """Return a number with as many digits as mean something."""
    if value is None:
        return "-"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.4f}"
