"""The JSON document of a lecture's attendance. Times are UTC, durations seconds, rates shares of 1; null means not measured.

A policy that judges delivery alone has the members that it always had; what rests on other evidence is added to those of a later one.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from signaling.attendance.judgement import Decision
from signaling.attendance.missing import why
from signaling.attendance.report import ClassRow, LectureReport, Report, Tally


def document(made: LectureReport) -> dict[str, Any]:
    """Return the members of the document."""
    report, policy = made.report, made.report.policy
    full = policy.credit is not None
    return {
        "lecture_id": made.lecture_id,
        "title": made.title,
        "state": made.state,
        "started_at": _time(made.started_at),
        "ended_at": _time(made.ended_at),
        "as_of": _time(made.as_of),
        "unit": {"code": made.unit[0], "name": made.unit[1]},
        "policy": {"version": policy.version, "name": policy.name, "summary": policy.summary},
        "on_air_seconds": report.on_air_ms / 1000,
        "totals": _tally(report.total, full),
        "counties": [
            {"code": row.region.code, "display_code": row.region.display_code, "name": row.region.name}
            | _tally(row.tally, full)
            for row in report.counties
        ],
        "schools": [
            {
                "code": row.target.school_code,
                "name": row.target.school_name,
                "county": row.target.region_code,
                "first_joined_at": _time(row.first_joined_at),
            }
            | _tally(row.tally, full)
            for row in report.schools
        ],
        "classes": [_class(report, row, full) for row in report.classes],
    }


def _class(report: Report, row: ClassRow, full: bool) -> dict[str, Any]:
    target, decision = row.target, row.decision
    made = {
        "id": target.class_id,
        "code": target.code,
        "name": target.name,
        "school": target.school_code,
        "county": target.region_code,
        "terminals": list(row.presence.terminals),
        "joined_at": _time(row.presence.joined_at),
        "left_at": _time(row.presence.left_at),
        "delivered_seconds": row.delivery.delivered_ms / 1000,
        "credited_seconds": decision.watched_ms / 1000,
        "interrupted_seconds": row.delivery.interrupted_ms / 1000,
        "ratio": _ratio(decision.ratio),
        "evidence": row.evidence,
        "result": decision.result.value,
        "label": decision.label,
        "reason": decision.reason,
        "policy_version": decision.policy_version,
        "pupils": target.pupils,
        "present": decision.present,
    }
    return made | _beyond_delivery(decision) | {"missing_reason": why(report, row)} if full else made


def _beyond_delivery(decision: Decision) -> dict[str, Any]:
    return {
        "reasons": list(decision.reasons),
        "on_air_seconds": decision.on_air_ms / 1000,
        "expected": decision.expected,
        "covered": decision.covered,
        "pending": decision.pending,
        "confirmed_at": _time(decision.confirmed_at),
        "checks_asked": decision.asked,
        "checks_passed": decision.passed,
        "flags": [flag.value for flag in decision.flags],
        "corrected": decision.corrected,
    }


def _tally(tally: Tally, full: bool) -> dict[str, Any]:
    made = {
        "schools": tally.schools,
        "schools_connected": tally.schools_connected,
        "schools_qualified": tally.schools_qualified,
        "classes": tally.classes,
        "classes_connected": tally.connected,
        "qualified": tally.qualified,
        "partial": tally.partial,
        "failed": tally.failed,
        "absent": tally.absent,
        "make_up": tally.made_up,
        "excused": tally.excused,
        "coverage": _ratio(tally.coverage),
        "pupils": tally.pupils,
        "present": tally.present if full else None,
        "delivered_seconds": tally.delivered_ms / 1000,
        "interrupted_seconds": tally.interrupted_ms / 1000,
    }
    if not full:
        return made
    return made | {
        "schools_lenient": tally.schools_lenient,
        "schools_excused": tally.schools_excused,
        "unconfirmed": tally.unconfirmed,
        "pending": tally.pending,
        "excused_pupils": tally.excused_pupils,
        "confirmed": tally.confirmed,
        "reached": tally.reached,
        "student_coverage": _ratio(tally.student_coverage),
        "checks_asked": tally.asked,
        "checks_passed": tally.passed,
        "flagged": tally.flagged,
        "corrected": tally.corrected,
    }


def _ratio(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
