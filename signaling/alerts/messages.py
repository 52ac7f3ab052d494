"""What a channel says: an alarm as a title and some lines, in the language of the house. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {
        "no_duty": "讲座无人值守",
        "not_approved": "讲座内容尚未审核通过",
        "no_studio": "导播台尚未连接",
        "absent": "有学校尚未接入",
        "disk": "录制磁盘空间不足",
        "uploads": "录像上传失败",
        "ledger": "到课数据暂时不能入库",
        "damaged": "到课台账有记录被改动",
        "urged": "讲座正在进行，请尽快接入",
        "test": "通知渠道测试",
        "escalated": "（升级）",
    },
    "en": {
        "no_duty": "Nobody is on duty for a lecture",
        "not_approved": "A lecture is not approved yet",
        "no_studio": "The studio is not connected yet",
        "absent": "Schools are not connected yet",
        "disk": "The recorder's disk is running full",
        "uploads": "Uploads of recordings fail",
        "ledger": "Facts of attendance do not reach the database",
        "damaged": "An entry of the attendance ledger was changed",
        "urged": "A lecture is on: please connect",
        "test": "Test of a channel",
        "escalated": " (not acknowledged)",
    },
}
LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-CN": {
        "lecture": "讲座：{title}",
        "starts": "开始：{time}",
        "node": "单位：{name}",
        "count": "未接入：{count} / {expected} 校",
        "classes": "未收看：{count} / {expected} 班",
        "urged": "已催办：{count} 校",
        "note": "留言：{note}",
        "unanswered": "未确认：{count} 条",
        "failed": "失败：{count} 个",
        "test": "收到本条消息，说明渠道“{name}”可以使用。",
        "link": "处理：{url}",
    },
    "en": {
        "lecture": "Lecture: {title}",
        "starts": "Start: {time}",
        "node": "Unit: {name}",
        "count": "Not connected: {count} of {expected} schools",
        "classes": "Not receiving: {count} of {expected} classes",
        "urged": "Urged: {count} schools",
        "note": "Note: {note}",
        "unanswered": "Not acknowledged: {count}",
        "failed": "Failed: {count}",
        "test": "This message says that the channel “{name}” works.",
        "link": "Open: {url}",
    },
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message before it takes the form of a channel. `id` is the same at every attempt: who gets it twice can tell."""

    id: str
    event: str  # opened, escalated, urged, test
    rule: str
    at: str
    title: str
    lines: tuple[str, ...]
    lecture_id: str | None = None
    node: str = ""
    count: int = 0
    url: str = ""

    def packed(self) -> str:
        """Return the text that the outbox keeps."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


def unpacked(text: str) -> Message:
    """Return what `packed` gave."""
    fields: dict[str, Any] = json.loads(text)
    return Message(**(fields | {"lines": tuple(fields["lines"])}))


@dataclass(frozen=True, slots=True)
class House:
    """How this server speaks: language, hours ahead of UTC, address of its console ("" when it has none)."""

    language: str = "zh-CN"
    offset_hours: float = 8.0
    url: str = ""

    def local(self, moment: datetime) -> str:
        """Return a time as the schools read it."""
        return (moment + timedelta(hours=self.offset_hours)).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class Lecture:
    """What of a lecture is told."""

    id: str
    title: str
    starts_at: datetime


def alarm(
    message_id: str,
    event: str,
    rule: str,
    at: datetime,
    house: House,
    node: tuple[str, str],
    lecture: Lecture | None,
    count: int,
    expected: int,
    note: str = "",
    counted: str = "schools",
) -> Message:
    """Return the message of an alarm at a node (code, name)."""
    words, lines = LINES[house.language], []
    title = TITLES[house.language][rule] + (TITLES[house.language]["escalated"] if event == "escalated" else "")
    if lecture is not None:
        lines += [words["lecture"].format(title=lecture.title)]
        lines += [words["starts"].format(time=house.local(lecture.starts_at))]
    lines.append(words["node"].format(name=node[1]))
    if rule == "uploads":
        lines.append(words["failed"].format(count=count))
    elif count:
        lines.append(words[_counting(rule, expected, counted)].format(count=count, expected=expected))
    if note:
        lines.append(words["note"].format(note=note))
    page = f"lectures/{lecture.id}/missing" if rule == "urged" and lecture is not None else "alerts"
    url = f"{house.url}/console#/{page}" if house.url else ""
    if url:
        lines.append(words["link"].format(url=url))
    told = None if lecture is None else lecture.id
    return Message(message_id, event, rule, _stamp(at), title, tuple(lines), told, node[0], count, url)


def _counting(rule: str, expected: int, counted: str) -> str:
    if rule == "urged":
        return "classes" if counted == "classes" else "urged"
    return "count" if expected else "unanswered"


def trial(message_id: str, at: datetime, house: House, name: str) -> Message:
    """Return the message by which somebody tries a channel."""
    lines = (LINES[house.language]["test"].format(name=name),)
    return Message(message_id, "test", "test", _stamp(at), TITLES[house.language]["test"], lines, url=house.url)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
