"""Rehearsals: a lecture as it will be, before nobody (彩排). Pure.

A rehearsal is a broadcast of its own with an id that no lecture has, and with a room of that id.

1. **No screen is ever told of it**: screens are told of lectures, and a rehearsal is in no timetable and has no audience.
2. **No token of a screen or a person opens it**: a watch token names one lecture, and only a monitor's may name a rehearsal.
3. **Nothing of it is kept but its history**: its facts go to the pages of the people who rehearse, not to the listeners of lectures,
   so it is not recorded (what was not reviewed could be shown by mistake) and is in no attendance.
4. It needs no approval, for it is how a lecture becomes fit for one. It ends when the lecture opens, or after some hours by itself.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import ColumnElement

PREFIX: Final = "rehearsal-"


def new_id() -> str:
    """Return the id of a new rehearsal: 96 random bits, of the same length at most as a lecture's."""
    return PREFIX + secrets.token_hex(12)


def is_rehearsal(lecture_id: str) -> bool:
    """Whether the id of a broadcast is that of a rehearsal."""
    return lecture_id.startswith(PREFIX)


def of_lecture(column: Any) -> ColumnElement[bool]:
    """Whether a column with such ids has that of a lecture."""
    condition: ColumnElement[bool] = ~column.startswith(PREFIX)
    return condition
