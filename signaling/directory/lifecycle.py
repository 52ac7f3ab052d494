"""What may happen to a school, as a table. Pure.

| event | allowed when the school is | needs |
|---|---|---|
| closed | open | `into` where its classes go to another school |
| merged | open | `into`, the school that takes its classes |
| reopened | closed without a successor | |
| renamed | open | `name` |
| moved | open | `region`, its new county unit |
| recoded | open | `code`, its new national code |

**An event that the table does not allow changes nothing.** Only a closing without a successor may lie in the future: it takes effect
on its day because being open is read from the day (`School.closed_on`); everything else is told when it has happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from signaling.api.problems import Problem
from signaling.directory.models import School

NEEDS: Final = {
    "closed": "",
    "merged": "into",
    "reopened": "",
    "renamed": "name",
    "moved": "region",
    "recoded": "code",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that somebody wants to write down."""

    kind: str
    on: date
    into: str | None = None
    region: str | None = None
    code: str | None = None
    name: str | None = None
    move_classes: bool = True
    note: str = ""


def is_closed(school: School, today: date) -> bool:
    """Whether a school is closed on a day."""
    return school.closed_on is not None and school.closed_on <= today


def check(school: School, event: Happening, today: date) -> None:
    """Raise the problem 422 or 409 when the table does not allow the event."""
    if event.kind not in NEEDS:
        raise Problem(422, "invalid", "this event is written by the server", errors=[wrong("kind")])
    needed = NEEDS[event.kind]
    if needed and getattr(event, needed) is None:
        raise Problem(422, "invalid", f"{event.kind} needs {needed}", errors=[wrong(needed, "missing")])
    if event.on > today and (event.kind != "closed" or event.into is not None):
        raise Problem(422, "date_in_future", "tell it when it has happened", errors=[wrong("on")])
    if school.opened_on is not None and event.on < school.opened_on:
        raise Problem(422, "before_opening", "the school was not open yet on that day", errors=[wrong("on")])
    closed = school.closed_on is not None
    if event.kind == "reopened":
        if not closed or school.successor_code is not None:
            raise Problem(409, "not_closed", "only a closed school without a successor can open again")
    elif closed:
        raise Problem(409, "school_closed", "the school is closed, or its closing is written down")


def check_successor(school: School, successor: School | None, event: Happening) -> School:
    """Return the school that takes the classes; raise 422 `bad_successor` for none, itself or a closed one."""
    if successor is None or successor.code == school.code or successor.closed_on is not None:
        raise Problem(422, "bad_successor", "no other open school has that code", errors=[wrong("into")])
    return successor


def wrong(field: str, reason: str = "value_error") -> dict[str, str]:
    """Return the entry of a problem's `errors` for one field."""
    return {"field": field, "reason": reason}
