"""A school's lectures as iCalendar (RFC 5545). Pure: the same lectures give the same bytes.

1. A UID never changes; SEQUENCE counts what calendars must hear of, LAST-MODIFIED and DTSTAMP tell when (section 3.8.7).
2. **What was called off or lost its approval stays, as CANCELLED** (RFC 5546 section 3.2.5): a calendar that only lost it would not
   tell anybody. Of what is not approved a calendar hears the title that was, and nothing else.
3. Times are local (`TZID=Asia/Shanghai`, whose offset has not changed since 1991), so that a person reads the hour of the school.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneStandard, vCalAddress, vText

ZONE: Final = ZoneInfo("Asia/Shanghai")
REFRESH: Final = timedelta(hours=1)
NO_MAIL: Final = "noreply@jiangtang.invalid"
"""An address that is none (RFC 6761): ORGANIZER must have one, and the office need not."""


WITHDRAWN: Final = "内容正在重新审核，通过后会再次出现在日历里"


@dataclass(frozen=True, slots=True)
class Entry:
    """A lecture as a calendar shows it; `changed_at` is the last change that calendars must hear of."""

    id: str
    title: str
    topic: str
    lecturer: str
    starts_at: datetime
    minutes: int
    sequence: int
    changed_at: datetime
    called_off: bool
    reason: str = ""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Office:
    """Who asks the schools to come: ORGANIZER."""

    name: str
    mail: str = ""


def calendar(name: str, entries: Iterable[Entry], office: Office) -> bytes:
    """Return the calendar of a school."""
    made = Calendar()
    about: dict[str, Any] = {
        "prodid": "-//Jiangtang//Lectures//ZH",
        "version": "2.0",
        "method": "PUBLISH",
        "x-wr-calname": name,
        "x-wr-timezone": ZONE.key,
    }
    for key, value in about.items():
        made.add(key, value)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add_component(_zone())
    for one in entries:
        made.add_component(_event(one, office))
    text: bytes = made.to_ical()
    return text


def _zone() -> Timezone:
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", ZONE.key)
    standard.add("dtstart", datetime(1991, 9, 15))
    standard.add("tzoffsetfrom", timedelta(hours=8))
    standard.add("tzoffsetto", timedelta(hours=8))
    standard.add("tzname", "CST")
    zone.add_component(standard)
    return zone


def _event(one: Entry, office: Office) -> Event:
    starts_at = one.starts_at.astimezone(ZONE)
    lines = [
        WITHDRAWN if one.withdrawn else "",
        f"主讲：{one.lecturer}" if one.lecturer else "",
        f"主题：{one.topic}" if one.topic else "",
        f"取消原因：{one.reason}" if one.reason else "",
    ]
    values: dict[str, Any] = {
        "uid": f"{one.id}@jiangtang",
        "summary": ("已取消：" if one.called_off else "已撤回：" if one.withdrawn else "") + one.title,
        "description": "\n".join(line for line in lines if line),
        "dtstart": starts_at,
        "dtend": starts_at + timedelta(minutes=one.minutes),
        "dtstamp": one.changed_at,
        "last-modified": one.changed_at,
        "sequence": one.sequence,
        "status": "CANCELLED" if one.called_off or one.withdrawn else "CONFIRMED",
        "organizer": _organizer(office),
    }
    event = Event()
    for key, value in values.items():
        event.add(key, value)
    if one.topic:
        event.add("categories", [one.topic])
    return event


def _organizer(office: Office) -> vCalAddress:
    address = vCalAddress(f"mailto:{office.mail or NO_MAIL}")
    address.params["CN"] = vText(office.name)
    return address
