"""Turns stored rows into what fold and report take. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

from signaling.attendance.fold import ClassDelivery, Folded, Roster, Stay, Window, fold
from signaling.attendance.packing import Columns, PackingError, unpack
from signaling.attendance.policy import Policy
from signaling.attendance.report import Presence, RegionName, Report, Target, build
from signaling.attendance.windows import window_start

UNPACKED: Final = 64  # rows kept unpacked: more than a minute has, unless nodes are many


class DamagedLedger(Exception):
    """A stored row cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """One session of one screen, put together from its facts."""

    screen_id: str
    class_id: str | None
    joined_at: datetime | None
    left_at: datetime | None
    process: tuple[str, str] = ("", "")  # node and boot that saw it


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is stored of a lecture; the plain rows are those of `queries.py`."""

    targets: Sequence[Target]
    regions: Sequence[RegionName]
    windows: Sequence[Sequence[Any]]
    roster: Sequence[Sequence[Any]]
    facts: Sequence[Sequence[Any]]
    terminals: Sequence[Sequence[Any]]


def judge(evidence: Evidence, policy: Policy, window_seconds: int, *, running: bool) -> Report:
    """Fold, decide and add up; raise `DamagedLedger`. `running`: whether screens without a leaving may still be there."""
    roster: Roster = {(node, slot): (screen_id, class_id) for node, slot, screen_id, class_id in evidence.roster}
    seen = _end_with_process(sessions(evidence.facts), evidence.windows, window_seconds)
    stays = [Stay(one.screen_id, _milliseconds(one.joined_at), _milliseconds(one.left_at)) for one in seen]
    load = lru_cache(maxsize=UNPACKED)(_load)
    folded = fold(
        [_window(row, load) for row in map(tuple, evidence.windows)], roster, stays, policy.rules(window_seconds)
    )
    presence = _presence(evidence, seen, folded, window_seconds, running=running)
    return build(policy, evidence.regions, evidence.targets, folded, presence)


def sessions(facts: Iterable[Sequence[Any]]) -> list[SessionSeen]:
    """Join the facts of each session; the order in which they were stored does not matter."""
    times: dict[str, dict[str, datetime]] = defaultdict(dict)
    who: dict[str, tuple[str, str | None]] = {}
    process: dict[str, tuple[str, str]] = {}
    for kind, session, screen_id, class_id, at, node, data in facts:
        times[session][kind] = at
        known = who.get(session, (screen_id, None))
        who[session] = (screen_id, class_id or known[1])
        process[session] = (node, json.loads(data).get("boot", ""))
    return [
        SessionSeen(*who[one], kinds.get("joined"), kinds.get("left"), process[one]) for one, kinds in times.items()
    ]


def _end_with_process(
    seen: Iterable[SessionSeen], windows: Iterable[Sequence[Any]], window_seconds: int
) -> list[SessionSeen]:
    """End stays whose leaving a crash swallowed: with the last window of their process, when a later one wrote windows."""
    last: dict[tuple[str, str], int] = {}
    for _, node, number, boot, *_ in windows:
        last[node, boot] = max(number, last.get((node, boot), number))
    latest = {node: boot for (node, boot), _ in sorted(last.items(), key=lambda item: item[1])}
    ended = []
    for one in seen:
        node, boot = one.process
        if one.left_at is None and latest.get(node, boot) != boot:
            end = window_start(last[one.process] + 1, window_seconds) if one.process in last else one.joined_at
            ended.append(replace(one, left_at=end))
        else:
            ended.append(one)
    return ended


def _window(row: Sequence[Any], load: Callable[[Sequence[Any]], Columns]) -> Window:
    _, node, number, boot, part, published, flowing_ms, _ = row
    return Window(node, number, boot, part, published, flowing_ms, partial(load, row))


def _load(row: Sequence[Any]) -> Columns:
    row_id, node, number, *_, packed = row
    try:
        return unpack(packed)
    except PackingError as error:
        raise DamagedLedger(f"delivery_windows row {row_id} (window {number} of {node}): {error}") from error


def _presence(
    evidence: Evidence, seen: Iterable[SessionSeen], folded: Folded, window_seconds: int, *, running: bool
) -> dict[str, Presence]:
    by_class: dict[str, list[SessionSeen]] = defaultdict(list)
    for one in seen:
        if one.class_id is not None:
            by_class[one.class_id].append(one)
    numbers = _terminal_numbers(evidence)
    result = {}
    for class_id in {*by_class, *folded.classes}:
        stays, delivery = by_class[class_id], folded.classes.get(class_id, ClassDelivery())
        begin = None if delivery.first is None else window_start(delivery.first, window_seconds)
        end = None if delivery.last is None else window_start(delivery.last + 1, window_seconds)
        terminals = tuple(sorted(numbers.get(class_id, ())))
        result[class_id] = Presence(_joined_at(stays, begin), _left_at(stays, end, running), terminals)
    return result


def _terminal_numbers(evidence: Evidence) -> dict[str, set[int]]:
    numbers: dict[str, set[int]] = defaultdict(set)
    terminal_no: dict[str, int] = dict(evidence.terminals)  # type: ignore[arg-type]  # rows are pairs
    named = [(screen_id, class_id) for _, _, screen_id, class_id in evidence.roster]
    named += [(screen_id, class_id) for _, _, screen_id, class_id, *_ in evidence.facts]
    for screen_id, class_id in named:
        if class_id is not None and screen_id in terminal_no:
            numbers[class_id].add(terminal_no[screen_id])
    return numbers


def _joined_at(stays: Iterable[SessionSeen], first_delivered: datetime | None) -> datetime | None:
    """Return the first joining; when none is on record, the begin of the first window with delivery."""
    return min((stay.joined_at for stay in stays if stay.joined_at is not None), default=first_delivered)


def _left_at(stays: Sequence[SessionSeen], last_delivered: datetime | None, running: bool) -> datetime | None:
    """Return the last leaving, None while a screen is there; a leaving that a crash swallowed is the end of the delivery."""
    open_ended = [stay for stay in stays if stay.left_at is None]
    if running and open_ended:
        return None
    left = [stay.left_at for stay in stays if stay.left_at is not None]
    if last_delivered is not None and (open_ended or not left):
        left.append(last_delivered)
    return max(left, default=None)


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
