"""The whole schema: importing this module registers every table in `Base.metadata`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from signaling.db.append_only import append_only
from signaling.db.base import Base

DOMAINS = (
    "directory",
    "auth",
    "lectures",
    "live",
    "attendance",
    "ledger",
    "library",
    "screens",
    "alerts",
    "lines",
    "coverage",
    "home",
    "corrections",
)

for _domain in DOMAINS:
    if find_spec(f"signaling.{_domain}.models") is not None:
        import_module(f"signaling.{_domain}.models")

metadata = Base.metadata
# attendance, ledger, coverage, home and corrections make their tables append-only themselves, for whoever imports them alone.
LOGS = ("audit_log", "broadcast_transitions", "school_events", "lecture_reviews", "expert_ratings", "alert_steps")
LEDGER = ("ledger_entries",)
MARKS = ("training_marks", "home_views", "assessment_entries")
HOMES = ("home_links", "home_arrivals", "home_seen")
DECISIONS = ("attendance_decisions", "attendance_settlings", "attendance_frames")
CORRECTIONS = ("corrections", "correction_outcomes", "term_closings")
URGINGS = ("urgings", "urged_schools", "urging_receipts", "school_calls")
ALL_APPEND_ONLY = (*LOGS, *URGINGS, *LEDGER, *MARKS, *HOMES, *DECISIONS, *CORRECTIONS)

for _name in (*LOGS, *URGINGS):
    append_only(metadata.tables[_name])
