"""One line for every expected class: what it has reached, what it gets now, and why not. Pure.

1. **A level is what was reached, a state what is now**: a class that was lost keeps its level.
2. Nothing lies above E1 without delivery by the server's own measure; what a screen says of itself names reasons, and gives no level.
3. Lines that are alike are one object, so that what changed is found by identity and a prefecture takes little memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple

from signaling.alerts.urging import Missing, MissingSchool
from signaling.attendance.state import Reached
from signaling.live.audience import Sights
from signaling.live.board import ClassPlace, Presence

LEVELS: Final = ("E0", "E1", "E2", "E3", "E4", "E5")
ORDER: Final = ("receiving", "connected", "lost", "none")
"""States of a class, the best first: that of its best screen."""

_OF_TROUBLE: Final = {"silent": "muted", "hidden": "hidden", "still": "still", "unreported": "unreported"}
_OF_SOUND: Final = {"blocked": "sound_blocked", "muted": "muted"}
_NOBODY: Final = Reached(0)
_UNSEEN: Final = Presence()


class Line(NamedTuple):
    """What stands on the board for a class; `path` is "" unless it receives, `forged` that a report of its screens was refused as forged."""

    level: int
    state: str
    reason: str
    path: str
    forged: bool

    def document(self) -> dict[str, Any]:
        """Return its members as they are sent."""
        return {
            "level": LEVELS[self.level],
            "state": self.state,
            "reason": self.reason,
            "path": self.path,
            "forged": self.forged,
        }


@dataclass(slots=True)
class Known:
    """All that the lines are made of: what is there now (`sights`), what classes have `reached`, screens that have `shown` enough of a
    minute by a signed report, screens whose reports were `forged`.
    """

    sights: Sights
    reached: Mapping[str, Reached]
    shown: AbstractSet[str] = frozenset()
    forged: AbstractSet[str] = frozenset()
    live: bool = True
    running: bool = True
    came: set[str] = field(default_factory=set)
    """Screens that were ever seen to receive: over HLS nothing else tells that they came."""


def lines(places: Iterable[ClassPlace], known: Known, shared: dict[Line, Line]) -> dict[str, Line]:
    """Return the line of every class; `shared` keeps lines from one call to the next."""
    known.came.update(known.sights.receiving)
    found = {}
    for place in places:
        line = _line(place, known)
        found[place.class_id] = shared.setdefault(line, line)
    return found


def _line(place: ClassPlace, known: Known) -> Line:
    level, trouble = known.reached.get(place.class_id, _NOBODY)
    if not known.running:
        return Line(level, "none", "" if level else "absent" if place.screens else "unpaired", "", False)
    if not place.screens:
        return Line(level, "none", "unpaired", "", False)
    state, reason, path = min(
        (_screen(screen, level, trouble, known) for screen, _ in place.screens), key=lambda one: (one[0], bool(one[1]))
    )
    screens = [screen for screen, _ in place.screens]
    if state == 0:
        level = max(level, 3 if _any(known.shown, screens) else 2)
    elif state < 3:
        level = max(level, 1)
    forged = _any(known.forged, screens)
    return Line(level, ORDER[state], reason, path, forged)


def _any(found: AbstractSet[str], screens: Iterable[str]) -> bool:
    return bool(found) and any(screen in found for screen in screens)


def _screen(screen: str, level: int, trouble: str, known: Known) -> tuple[int, str, str]:
    """Return state (a place in `ORDER`), reason and path of one screen."""
    path = known.sights.receiving.get(screen)
    presence = known.sights.presence.get(screen, _UNSEEN)
    if path is not None:
        return 0, _why(presence.hints, trouble, known.live) or ("hls" if path == "hls" else ""), path
    if presence.session is not None:
        return 1, "undelivered" if known.live else "", ""
    if presence.since is not None or level or screen in known.came:
        return 2, "lost", ""
    return 3, "absent", ""


def _why(hints: Mapping[str, Any], trouble: str, live: bool) -> str:
    """Return why a class that receives sees or hears nothing. What the screen says now is newer than what its reports said."""
    if not hints:
        return _OF_TROUBLE.get(trouble, "")
    if sound := _OF_SOUND.get(str(hints.get("sound"))):
        return sound
    if hints.get("visible") is False:
        return "hidden"
    if live and hints.get("playing") is False:
        return "still"
    return _OF_TROUBLE[trouble] if trouble in {"still", "unreported"} else ""


def changed(before: Mapping[str, Line], after: Mapping[str, Line]) -> dict[str, Line]:
    """Return the lines of `after` that `before` has not or has differently."""
    return {one: line for one, line in after.items() if before.get(one) is not line}


def written(places: Sequence[ClassPlace], of: Mapping[str, Line], heads: Mapping[str, str]) -> str:
    """Return totals and county units with their schools and classes as JSON; `places` come sorted by county, school and class.

    The text is put together of what each class's line and name (`heads`) were written to once: as a tree of 15,600 objects it would take ten times as long.
    """
    tails = {line: _text(line.document())[1:] for line in set(of.values())}
    counties = [
        _county(list(group), of, heads, tails) for _, group in groupby(places, key=lambda place: place.county_code)
    ]
    return f'{{"totals":{_text(totals(places, of))},"counties":[{",".join(counties)}]}}'


def heads(places: Iterable[ClassPlace]) -> dict[str, str]:
    """Return the beginning of each class's object: id and name, which do not change while a lecture runs."""
    return {one.class_id: f"{_text({'id': one.class_id, 'name': one.class_name})[:-1]}," for one in places}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def totals(places: Sequence[ClassPlace], of: Mapping[str, Line]) -> dict[str, Any]:
    """Count classes and schools, expected and receiving, levels and reasons."""
    levels, reasons = [0] * len(LEVELS), Counter[str]()
    schools, receiving, there = set(), 0, set()
    for place in places:
        line = of[place.class_id]
        levels[line.level] += 1
        schools.add(place.school_code)
        if line.reason:
            reasons[line.reason] += 1
        if line.state == "receiving":
            receiving += 1
            there.add(place.school_code)
    return {
        "classes": len(places),
        "receiving": receiving,
        "schools": len(schools),
        "schools_receiving": len(there),
        "levels": dict(zip(LEVELS, levels, strict=True)),
        "reasons": dict(reasons),
        "forged": sum(of[place.class_id].forged for place in places),
    }


def missing(places: Iterable[ClassPlace], of: Mapping[str, Line]) -> list[MissingSchool]:
    """Return the schools with classes that something is wrong with, in the order of the board."""
    schools: dict[str, MissingSchool] = {}
    for place in places:
        school = schools.get(place.school_code)
        if school is None:
            names = place.school_code, place.school_name, place.county_code, place.county_name
            school = schools[place.school_code] = MissingSchool(*names, 0)
        school.expected += 1
        line = of[place.class_id]
        if line.reason:
            school.classes.append(
                Missing(place.class_id, place.class_name, LEVELS[line.level], line.state, line.reason, line.forged)
            )
    return [school for school in schools.values() if school.classes]


def _county(
    places: list[ClassPlace], of: Mapping[str, Line], heads: Mapping[str, str], tails: Mapping[Line, str]
) -> str:
    schools = []
    for code, group in groupby(places, key=lambda place: place.school_code):
        classes = list(group)
        items = ",".join([heads[one.class_id] + tails[of[one.class_id]] for one in classes])
        head = _text({"code": code, "name": classes[0].school_name})[:-1]
        schools.append(f'{head},"classes":[{items}]}}')
    head = _text({"code": places[0].county_code, "name": places[0].county_name})[:-1]
    return f'{head},"schools":[{",".join(schools)}]}}'
