"""The live board: which screen of which class really receives. Pure folds over what the server itself measured.

A screen is `receiving` when it acknowledged packets, or asked for one HLS part after the other, within the last seconds,
`connected` when its transport is up, `lost` when it was there and is gone, `none` when it never came. What the screen says of itself stands apart, under `hints`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from signaling.live.stamps import stamp


@dataclass(frozen=True, slots=True)
class ClassPlace:
    """An expected class with the screens that hang in it: (screen id, terminal number)."""

    county_code: str
    county_name: str
    school_code: str
    school_name: str
    class_id: str
    class_name: str
    screens: tuple[tuple[str, int], ...]


class Expected:
    """The expected classes, by county, school and class, and where each screen hangs: who watches is counted from the viewers alone."""

    def __init__(self, places: Sequence[ClassPlace]) -> None:
        self.places = places
        self.schools = len({place.school_code for place in places})
        self._of_screen = {screen_id: place for place in places for screen_id, _ in place.screens}

    def watching(self, viewers: Iterable[str]) -> list[ClassPlace]:
        """Return the classes of these screens, each once, in no order; who is not expected has none."""
        found = (self._of_screen.get(screen_id) for screen_id in viewers)
        return [*{place.class_id: place for place in found if place is not None}.values()]


@dataclass(slots=True)
class Presence:
    """What is remembered of one screen of a lecture."""

    session: str | None = None
    since: datetime | None = None
    last_seen_at: datetime | None = None
    hints: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reception:
    """What was measured for one screen: `age` seconds since its last acknowledged packet or step over HLS, if any."""

    age: float | None
    kbps: float = 0.0
    loss: float = 0.0
    rtt_ms: float | None = None
    path: str = "webrtc"


Rows = dict[str, dict[str, Any]]


def row(screen_id: str, terminal_no: int, presence: Presence, reception: Reception, fresh: float) -> dict[str, Any]:
    """Return the board's row of one screen; delivery younger than `fresh` seconds counts as receiving."""
    receiving = reception.age is not None and reception.age <= fresh
    over_hls = receiving and reception.path == "hls"
    connected = presence.session is not None or over_hls
    state = "receiving" if receiving and connected else "connected" if connected else "lost"
    if presence.since is None and not connected:
        state = "none"
    return {
        "id": screen_id,
        "terminal_no": terminal_no,
        "state": state,
        "kbps": round(reception.kbps) if connected else 0,
        "loss": round(reception.loss, 3) if connected else 0.0,
        "rtt_ms": round(reception.rtt_ms) if connected and reception.rtt_ms is not None else None,
        "since": _text(presence.since),
        "last_seen_at": _text(presence.last_seen_at),
        "path": reception.path if over_hls else "webrtc" if connected else None,
        "hints": presence.hints,
    }


def changed(before: Mapping[str, Any], after: Rows) -> list[dict[str, Any]]:
    """Return the rows of `after` that `before` has not or has differently."""
    return [line for screen_id, line in after.items() if before.get(screen_id) != line]


def tally(places: Sequence[ClassPlace], receiving: Callable[[str], bool]) -> dict[str, int]:
    """Count classes and schools, expected and watching: a class watches when one of its screens receives."""
    watching = [place for place in places if any(receiving(screen_id) for screen_id, _ in place.screens)]
    return {
        "classes": len(places),
        "watching": len(watching),
        "schools": len({place.school_code for place in places}),
        "schools_watching": len({place.school_code for place in watching}),
    }


def document(places: Sequence[ClassPlace], rows: Rows, at: datetime) -> dict[str, Any]:
    """Return the whole board, county by county; `places` come sorted by county, school and class."""
    return {
        "updated_at": stamp(at),
        "totals": tally(places, _receives(rows)),
        "counties": [_county(list(group), rows) for _, group in groupby(places, key=lambda place: place.county_code)],
    }


def _receives(rows: Rows) -> Callable[[str], bool]:
    return lambda screen_id: screen_id in rows and rows[screen_id]["state"] == "receiving"


def _county(places: list[ClassPlace], rows: Rows) -> dict[str, Any]:
    counts = tally(places, _receives(rows))
    schools = [_school(list(group), rows) for _, group in groupby(places, key=lambda place: place.school_code)]
    head = {"code": places[0].county_code, "name": places[0].county_name}
    return head | counts | {"schools_items": schools}


def _school(places: list[ClassPlace], rows: Rows) -> dict[str, Any]:
    classes = [_class(place, rows) for place in places]
    return {"code": places[0].school_code, "name": places[0].school_name, "classes": classes}


def _class(place: ClassPlace, rows: Rows) -> dict[str, Any]:
    screens = [rows[screen_id] for screen_id, _ in place.screens if screen_id in rows]
    return {"id": place.class_id, "name": place.class_name, "screens": screens}


def screens_of(places: Iterable[ClassPlace]) -> dict[str, int]:
    """Return the terminal number of every screen of these classes."""
    return {screen_id: terminal_no for place in places for screen_id, terminal_no in place.screens}


def _text(value: datetime | None) -> str | None:
    return stamp(value) if value is not None else None
