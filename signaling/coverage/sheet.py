"""What stands on a school's one-page report, and its seal. Pure.

1. **The figures are those of the reports**: nothing is counted here.
2. The check sum covers the figures alone, not the time at which they were printed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from signaling.attendance.report import ClassRow, LectureReport
from signaling.coverage import documents as shown
from signaling.coverage import sheet_documents as told
from signaling.coverage.counting import SchoolCoverage
from signaling.coverage.obligations import Kind
from signaling.coverage.term import CountedTerm
from signaling.ledger.chain import Root, day_root


def term_figures(counted: CountedTerm, school: SchoolCoverage, county: told.NamedDocument) -> told.TermFigures:
    """Return what a term came to in a school."""
    rules, span = counted.rules, counted.spans.get(school.place.region_code)
    return told.TermFigures.model_validate(
        {
            "school": told.NamedDocument(code=school.place.code, name=school.place.name),
            "county": county,
            "term": counted.code,
            "starts_on": None if span is None else span.starts_on,
            "ends_on": None if span is None else span.ends_on,
            "policy": told.PolicyDocument(version=rules.version, name=rules.name, summary=rules.summary),
            "assessment": rules.enabled[Kind.ASSESSMENT],
            "cells": shown.cells_document(dict(school.cells)),
            "totals": shown.totals_document(school.totals),
            "four": bool(school.totals.done_four),
            "notes": school.place.notes,
            "lectures": shown.lecture_documents(counted, [school]),
        }
    )


def lecture_figures(made: LectureReport, school: told.NamedDocument, county: told.NamedDocument) -> told.LectureFigures:
    """Return what a lecture came to in the school that the report was made for."""
    report, policy = made.report, made.report.policy
    counts = {name: getattr(report.total, name) for name in told.LectureCounts.model_fields}
    return told.LectureFigures(
        school=school,
        county=county,
        lecture_id=made.lecture_id,
        title=made.title,
        state=made.state,
        started_at=made.started_at,
        ended_at=made.ended_at,
        on_air_seconds=report.on_air_ms / 1000,
        policy=told.PolicyDocument(version=policy.version, name=policy.name, summary=policy.summary),
        qualified_ratio=float(policy.qualified_ratio),
        totals=told.LectureCounts(**counts),
        classes=[_class(row) for row in report.classes],
    )


def _class(row: ClassRow) -> told.ClassFigures:
    decision = row.decision
    return told.ClassFigures(
        name=row.target.name,
        result=decision.result.value,
        label=decision.label,
        pending=decision.pending,
        ratio=None if decision.ratio is None else float(decision.ratio),
        expected=decision.expected,
        present=decision.present,
    )


def seal(figures: BaseModel, as_of: datetime, roots: Sequence[Root]) -> told.SealDocument:
    """Return the seal of some figures; `roots` are those of one day."""
    return told.SealDocument(
        as_of=as_of,
        checksum=checksum(figures),
        day=roots[0].day if roots else None,
        entries=sum(one.entries for one in roots),
        root=day_root(roots).hex() if roots else None,
    )


def checksum(figures: BaseModel) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of figures."""
    plain = json.dumps(figures.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:16]
