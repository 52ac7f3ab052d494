"""The draft of a lecture's bulletin (通报) from the figures of its report. Pure.

1. **A clause without content is left out**: no zero is told where nothing was counted. The numbers of schools and classes are always told.
2. Rates are those of the tables, from the same sums and rounded the same way.
3. A machine drafts, a person answers for it: the text ends with saying so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Final

from signaling.attendance.missing import make_up_until
from signaling.attendance.policy import Result
from signaling.attendance.report import LectureReport, Report
from signaling.attendance.sentences import minutes_short
from signaling.attendance.tables import rounded

DRAFTED: Final = "（自动生成，须人工审核）"


def draft(made: LectureReport, called: Collection[str], zone: tzinfo) -> str:
    """Return the text; `called` are the codes of the schools that somebody called. Times are those of `zone`."""
    report = made.report
    sentences = (
        _occasion(made, zone),
        f"{made.unit[1]}{_schools(report)}；{_classes(report)}{_pupils(report)}",
        _excused(report),
        _waiting(report),
        _missing(made, called, zone),
    )
    return "".join(f"{one}。" for one in sentences if one) + DRAFTED


def checksum(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def silent_schools(report: Report) -> list[str]:
    """Return the codes of the schools that nothing was delivered to, without those that are excused as a whole."""
    return [
        row.target.school_code
        for row in report.schools
        if not row.tally.schools_connected and not row.tally.schools_excused
    ]


def _occasion(made: LectureReport, zone: tzinfo) -> str:
    lecture = f"“{made.title}”远程集中授课"
    if made.started_at is None:
        return f"{lecture}尚未开播"
    played = "实际播出" if made.ended_at is not None else "已播出"
    return f"{_hour(made.started_at, zone)}，{lecture}{played}{minutes_short(made.report.on_air_ms)}分钟"


def _schools(report: Report) -> str:
    total = report.total
    connected = f"接入{total.schools_connected}所{_rate(total.school_connection)}"
    return f"应参加学校{total.schools}所，{connected}，达标{total.schools_qualified}所"


def _classes(report: Report) -> str:
    total, names = report.total, report.policy.results
    late = total.unconfirmed - total.pending
    counted = (
        (late, f"{names.get(Result.UNCONFIRMED, '')}{late}个"),
        (total.made_up, f"补看达标{total.made_up}个"),
    )
    told = [f"应播班级{total.classes}个", f"直播{names[Result.QUALIFIED]}{total.qualified}个"]
    told += [clause for count, clause in counted if count]
    if total.coverage is not None:
        told.append(f"班级覆盖率{_percent(total.coverage)}")
    return "，".join(told)


def _pupils(report: Report) -> str:
    """Return the clause about pupils, nothing when nobody was counted."""
    total = report.total
    if report.policy.credit is None or not total.confirmed:
        return ""
    return f"；应到学生{total.pupils}人，实到{total.present}人{_rate(total.student_coverage)}"


def _excused(report: Report) -> str:
    excused = [row.decision for row in report.classes if row.decision.result is Result.EXCUSED]
    if not excused:
        return ""
    names = report.policy.causes
    causes = "、".join(names.get(one, one) for one in sorted({one for made in excused for one in made.causes}))
    return f"因{causes}免计班级{len(excused)}个" if causes else f"免计班级{len(excused)}个"


def _waiting(report: Report) -> str:
    pending = report.total.pending
    return f"另有{pending}个班级人数待确认，暂不计入覆盖率" if pending else ""


def _missing(made: LectureReport, called: Collection[str], zone: tzinfo) -> str:
    """Return what becomes of those who were not there or fell short; nothing before the start."""
    report, schools = made.report, silent_schools(made.report)
    if not report.on_air_ms:
        return ""
    told = [f"未接入学校{len(schools)}所"] if schools else []
    reached = len(set(schools) & set(called))
    if reached:
        told.append("已全部联系" if reached == len(schools) else f"已联系{reached}所")
    total, until = report.total, make_up_until(report.policy, made.ended_at)
    if until is not None and total.absent + total.failed + total.partial:
        told.append(f"补看截止{_day(until, zone)}")
    return "，".join(told)


def _hour(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    minute = f"{local.minute}分" if local.minute else ""
    return f"{_day(at, zone)}{local.hour}时{minute}"


def _day(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.month}月{local.day}日"


def _rate(ratio: Fraction | None) -> str:
    return "" if ratio is None else f"（{_percent(ratio)}）"


def _percent(ratio: Fraction) -> str:
    return f"{rounded(ratio):.2%}"
