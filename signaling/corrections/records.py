"""Export 10: what was corrected, by whom, and everything that it changed. Pure.

1. **The rows together are the difference** between the report without corrections and the report with them: what a correction changed besides its own
   field (a number that settles a result) is a row of its own (随之变化).
2. What was corrected stands there even where it changed nothing, and is told to be so: the difference is in the other rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from signaling.attendance.frame import Target
from signaling.attendance.policy import Policy
from signaling.attendance.report import Report
from signaling.attendance.supposing import Change, Step, word
from signaling.attendance.tables import Cell, Column, Kind, Table, local
from signaling.corrections.effect import EXCUSED
from signaling.corrections.reasons import name as reason_name

COLUMNS: Final = (
    Column("序号", width=6),
    Column("学校标识码", Kind.TEXT, 12),
    Column("申请单位", Kind.TEXT, 22),
    Column("对象", Kind.TEXT, 34),
    Column("班级代码", Kind.TEXT, 14),
    Column("字段", Kind.TEXT, 8),
    Column("原值", Kind.TEXT, 12),
    Column("新值", Kind.TEXT, 12),
    Column("类别", Kind.TEXT, 10),
    Column("理由", Kind.TEXT, 12),
    Column("说明", Kind.TEXT, 30),
    Column("佐证", Kind.TEXT, 20),
    Column("申请人", Kind.TEXT, 12),
    Column("审批人", Kind.TEXT, 12),
    Column("申请时间", Kind.TEXT, 17),
    Column("审批时间", Kind.TEXT, 17),
)
OWN, FOLLOWS, IDLE = "更正", "随之变化", "更正(无变化)"


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a correction besides what it changed; `place` is the name of a whole school or county unit."""

    unit: str = ""
    place: str = ""
    reason: str = ""
    note: str = ""
    evidence: str = ""
    requested_by: str = ""
    approved_by: str = ""
    requested_at: datetime | None = None


NOTHING: Final = Details()


def record_table(report: Report, steps: Iterable[Step], details: Mapping[str, Details], zone: tzinfo) -> Table:
    """Return 10 for the classes of a report; `steps` are those of the whole lecture in their order."""
    targets = {row.target.class_id: row.target for row in report.classes}
    rows: list[Sequence[Cell]] = []
    for step in steps:
        known = details.get(step.correction_id, NOTHING)
        for change, kind in _shown(step, targets):
            cells = _cells(report.policy, step, change, kind, targets.get(change.class_id), known, zone)
            rows.append((len(rows) + 1, *cells))
    return Table("10", "更正记录表", COLUMNS, rows)


def _shown(step: Step, targets: Mapping[str, Target]) -> Iterator[tuple[Change, str]]:
    """Yield what a step changed in the classes that are shown, what was corrected first."""
    made = step.correction
    told = [one for one in step.changes if one.class_id in targets]
    if made is None:
        touched = any(step.scope in (one.school_code, one.region_code) for one in targets.values())
        if touched and not told:
            yield Change("", "result", "", EXCUSED), IDLE
        yield from ((one, OWN if one.field == "result" else FOLLOWS) for one in told)
    elif step.scope in targets:
        own = next((one for one in told if one.field == made.field), None)
        yield (own, OWN) if own is not None else (Change(step.scope, made.field, made.old, made.new), IDLE)
        yield from ((one, FOLLOWS) for one in told if one is not own)


def _cells(
    policy: Policy, step: Step, change: Change, kind: str, target: Target | None, known: Details, zone: tzinfo
) -> tuple[Cell, ...]:
    made = step.correction
    place = known.place or step.scope if target is None else f"{target.school_name} {target.name}"
    reason = known.reason or ("" if made is None else made.reason_code)
    return (
        None if target is None else target.school_code,
        known.unit or None,
        place,
        None if target is None else target.code,
        policy.fields[change.field],
        word(policy, change.field, change.old) or None,
        word(policy, change.field, change.new) or None,
        kind,
        reason_name(reason) or None,
        known.note or None,
        known.evidence or None,
        known.requested_by or (made.requested_by if made is not None else None),
        known.approved_by or (made.approved_by if made is not None else None),
        local(known.requested_at, zone),
        local(step.at, zone),
    )
