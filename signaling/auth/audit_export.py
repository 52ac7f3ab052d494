"""The audit log as CSV, a chunk at a time: UTF-8 with BOM and CRLF, no text that a spreadsheet would take for a formula."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from signaling.attendance.exports import quoted
from signaling.auth.actions import sentence
from signaling.auth.audit_service import Actor, Line

HEADER: Final = ("时间", "人员", "登录名", "动作", "动作代码", "对象", "对象编号", "详情")
KINDS: Final = {"screen": "班级屏幕", "system": "系统", "above": "上级人员"}
BOM: Final = "\ufeff"


def head() -> bytes:
    """Return the first line."""
    return (BOM + _line(HEADER)).encode()


def chunk(lines: Sequence[Line], zone: tzinfo) -> bytes:
    """Return the lines of some rows, times in `zone`."""
    return "".join(_line(_cells(line, zone)) for line in lines).encode()


def _cells(line: Line, zone: tzinfo) -> tuple[str, ...]:
    return (
        line.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        _name(line.actor),
        line.actor.login,
        sentence(line.action).zh,
        line.action,
        line.subject_name,
        line.subject,
        json.dumps(line.detail, ensure_ascii=False, sort_keys=True) if line.detail else "",
    )


def _name(actor: Actor) -> str:
    return actor.name or KINDS.get(actor.kind, "")


def _line(cells: Sequence[str]) -> str:
    return ",".join(quoted(cell) for cell in cells) + "\r\n"
