"""The report of a trial: phases folded into figures, figures into JSON and words, and what makes them doubtful.

1. `share` of delivery is what the sample received, by itself or repaired, of what it settled; what its own full sockets dropped is told
   beside it and taken off the gaps that are blamed on the server.
2. **CPU of a join** is what the server used while terminals joined, less what it used before them (`before`); `without_media` also takes
   off what forwarding to those who were in already cost, at the rate of `watch`.
3. CPU per packet and per terminal-second are of `watch` and include everything that the server did: receiving, reports, recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from broadcaster.loadgen.crowd import Phase
from broadcaster.loadgen.measure import Usage
from broadcaster.loadgen.publisher import Sent
from broadcaster.loadgen.tally import Tally

BEFORE, JOIN, WATCH = "before", "join", "watch"
BUSY_SHARE: Final = 0.9
WAITED_SHARE: Final = 0.25
LATE_SHARE: Final = 0.01


def fold(phases: Sequence[Phase], sent: Sent | None = None) -> dict[str, Any]:
    """Return the figures of a trial as JSON. Phases of the same name count together; missing ones leave None."""
    total = _sum(phases, None)
    watch = _sum(phases, WATCH)
    seen = total.tally
    return {
        "joins": _joins(seen),
        "delivery": _delivery(seen),
        "unsampled": {
            "arrived": seen.arrived, "expected_at_least": seen.expected, "share_at_most": _share(seen.arrived, seen.expected),
        },
        "latency_ms": {
            "video_train": watch.tally.video_latency.document(),
            "audio": watch.tally.audio_latency.document(),
            "delay_variation": watch.tally.delay_variation.document(),
        },
        "rtt_ms": watch.tally.rtt.document(),
        "server": _server(phases),
        "load": _load(phases),
        "lecturer": None if sent is None else asdict(sent),
        "warnings": warnings(phases, sent),
        "phases": [phase.document() for phase in phases],
    }  # fmt: skip


def warnings(phases: Sequence[Phase], sent: Sent | None = None) -> list[str]:
    """What makes the figures doubtful, or shows that the server could not do it: a sentence each."""
    seen = _sum(phases, None).tally
    found = [words for phase in phases if phase.seconds for words in _of_phase(phase)]
    if seen.turns and seen.late_turns / seen.turns > LATE_SHARE:
        found.append(
            f"{seen.late_turns} of {seen.turns} turns of the load's timer were late: reports and checks were, too"
        )
    if seen.own_drops:
        found.append(f"{seen.own_drops} datagrams were dropped by full sockets of the sample: raise net.core.rmem_max")
    if seen.busy:
        found.append(
            f"the server said {seen.busy} times to come back later, and terminals did (media.joins_per_second)"
        )
    found += [f"{count} terminals did not get in: {reason}" for reason, count in seen.failures.most_common()]
    found += [f"{count} terminals lost their session: {reason}" for reason, count in seen.ended.most_common()]
    return found + ([] if sent is None else list(_of_lecturer(sent)))


def _of_phase(phase: Phase) -> Iterator[str]:
    busy, waited = phase.busiest.cpu / phase.seconds, phase.busiest.waited / phase.seconds
    if busy > BUSY_SHARE:
        yield f"during {phase.name} a load process used {busy * 100:.0f} % of its core: use more --processes, or another machine"
    if waited > WAITED_SHARE:
        yield f"during {phase.name} a load process waited {waited * 100:.0f} % of the time for a core: latencies are too high"
    if phase.server is not None and phase.server.waited / phase.seconds > WAITED_SHARE:
        yield f"during {phase.name} the server's threads waited {phase.server.waited:.1f} s of {phase.seconds:.1f} s for a core"
    if phase.server is not None and phase.server.drops:
        yield f"during {phase.name} full sockets of the server dropped {phase.server.drops} datagrams"


def _of_lecturer(sent: Sent) -> Iterator[str]:
    if sent.frames and sent.late_frames / sent.frames > LATE_SHARE:
        yield f"{sent.late_frames} of {sent.frames} frames of the simulated lecturer were late: latencies include it"
    if sent.ended:
        yield f"the simulated lecturer lost his session: {sent.ended}"


def words(report: dict[str, Any]) -> str:
    """The report in a dozen lines."""
    joins, delivery, server, load = report["joins"], report["delivery"], report["server"], report["load"]
    lines = [
        f"joins      {joins['succeeded']} of {joins['asked']}, connected {_range(joins['to_connected_ms'])}, "
        f"first media {_range(joins['to_first_media_ms'])}",
        f"delivered  {_number(delivery['share'], 100, ' %', 4)} to the sample ({delivery['received']} packets, {delivery['repaired']} repaired, "
        f"{delivery['gaps_blamed_on_server']} lost, {delivery['duplicates']} twice, {delivery['disordered']} out of order, "
        f"{delivery['undecryptable']} undecryptable)",
        f"others     {report['unsampled']['arrived']} packets arrived of at least {report['unsampled']['expected_at_least']} sent",
        f"latency    video {_range(report['latency_ms']['video_train'])}, sound {_range(report['latency_ms']['audio'])}, "
        f"variation {_range(report['latency_ms']['delay_variation'])}",
        f"round trip {_range(report['rtt_ms'])}",
    ]
    if server is not None:
        lines.append(
            f"server     {_number(server['cpu_percent'], 1, ' % of a core')}, {_number(server['cpu_us_per_packet'], 1, ' us')} a packet, "
            f"{_number(server['cpu_us_per_terminal_second'], 1, ' us')} a terminal-second, "
            f"{_number(server['cpu_ms_per_join'], 1, ' ms')} a join ({_number(server['cpu_ms_per_join_without_media'], 1, ' ms')} without media), "
            f"{_number(server['rss_kb_per_terminal'], 1, ' kB')} a terminal"
        )
    lines.append(f"this load  {_number(load['busiest_percent'], 1, ' % of its core')} in the busiest process")
    return "\n".join([*lines, *(f"attention  {warning}" for warning in report["warnings"])])


def _joins(seen: Tally) -> dict[str, Any]:
    return {
        "asked": seen.asked,
        "succeeded": seen.connected,
        "failed": sum(seen.failures.values()),
        "reasons": dict(seen.failures),
        "told_to_come_back": seen.busy,
        "lost_later": dict(seen.ended),
        "to_answer_ms": seen.to_answer.document(),
        "to_connected_ms": seen.to_connected.document(),
        "to_first_media_ms": seen.to_media.document(),
    }


def _delivery(seen: Tally) -> dict[str, Any]:
    names = (
        "received",
        "repaired",
        "gaps",
        "duplicates",
        "disordered",
        "undecryptable",
        "early",
        "unexpected",
        "pretended",
        "nacked",
    )
    counts = {name: getattr(seen, name) for name in names}
    return {
        "share": _share(seen.received, seen.received + seen.gaps),
        **counts,
        "dropped_by_own_sockets": seen.own_drops,
        "gaps_blamed_on_server": max(0, seen.gaps - seen.own_drops),
    }


def _server(phases: Sequence[Phase]) -> dict[str, Any] | None:
    before, join, watch = (_sum(phases, name) for name in (BEFORE, JOIN, WATCH))
    if before.server is None or join.server is None or watch.server is None:
        return None
    idle = before.server.cpu / before.seconds if before.seconds else 0.0
    joined = join.server.cpu - idle * join.seconds
    each = _share(watch.server.cpu - idle * watch.seconds, watch.tally.terminal_seconds)
    forwarding = (each or 0.0) * join.tally.terminal_seconds
    packets = sum(getattr(watch.tally, name) for name in ("arrived", "received", "duplicates", "pretended"))
    return {
        "cpu_percent_before": _scaled(before.server.cpu, before.seconds, 100),
        "cpu_percent": _scaled(watch.server.cpu, watch.seconds, 100),
        "cpu_us_per_packet": _scaled(watch.server.cpu, packets, 1e6),
        "cpu_us_per_terminal_second": _scaled(watch.server.cpu, watch.tally.terminal_seconds, 1e6),
        "cpu_ms_per_join": _scaled(joined, join.tally.connected, 1e3),
        "cpu_ms_per_join_without_media": _scaled(joined - forwarding, join.tally.connected, 1e3),
        "rss_kb_per_terminal": _scaled(join.server.resident, join.tally.connected, 1e-3),
        "waited_percent": _scaled(watch.server.waited, watch.seconds, 100),
        "dropped_by_full_sockets": sum(phase.server.drops for phase in phases if phase.server is not None),
        "packets_sent_while_watching": packets,
    }


def _load(phases: Sequence[Phase]) -> dict[str, Any]:
    timed = [phase for phase in phases if phase.seconds]
    join = _sum(phases, JOIN)
    return {
        "busiest_percent": max((phase.busiest.cpu / phase.seconds * 100 for phase in timed), default=None),
        "waited_percent": max((phase.busiest.waited / phase.seconds * 100 for phase in timed), default=None),
        "cpu_ms_per_join": _scaled(join.load.cpu, join.tally.connected, 1e3),
        "cpu_us_per_terminal_second": _scaled(
            sum(phase.load.cpu for phase in phases if phase.name == WATCH),
            _sum(phases, WATCH).tally.terminal_seconds,
            1e6,
        ),
    }


def _sum(phases: Sequence[Phase], name: str | None) -> Phase:
    """All phases of a name as one, all at all for None."""
    chosen = [phase for phase in phases if name in (None, phase.name)]
    servers = [phase.server for phase in chosen if phase.server is not None]
    return Phase(
        name or "all",
        sum(phase.seconds for phase in chosen),
        sum((phase.tally for phase in chosen), Tally()),
        sum(servers, Usage()) if len(servers) == len(chosen) else None,
        sum((phase.load for phase in chosen), Usage()),
        max((phase.busiest for phase in chosen), key=lambda one: one.cpu, default=Usage()),
        chosen[-1].terminals if chosen else 0,
    )


def _share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if whole > 0 else None


def _scaled(part: float, whole: float, factor: float) -> float | None:
    return part / whole * factor if whole > 0 else None


def _number(value: float | None, factor: float, unit: str, digits: int = 1) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}{unit}"


def _range(percentiles: dict[str, Any]) -> str:
    if not percentiles["count"]:
        return "-"
    return "p50 {p50:.1f} p95 {p95:.1f} p99 {p99:.1f} max {max:.1f} ms".format(**percentiles)
