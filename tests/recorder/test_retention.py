"""The plan of retention is pure: ages, states, reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recorder.retention import Kept, plan

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def kept(state: str | None, days: float | None) -> Kept:
    ended = None if days is None else NOW - timedelta(days=days)
    return Kept("01a20a66-0e8d-7b87-ac87-362bea9a2aea", "课", state, ended, 1)


@pytest.mark.parametrize(
    ("state", "days", "delete", "reason"),
    [
        ("ready", 183, True, "over_age"),
        ("ready", 182.99, False, "young"),
        ("failed", 400, True, "over_age"),
        ("ready", None, False, "no_end"),
        ("recording", 400, False, "unfinished"),
        ("degraded", 400, False, "unfinished"),
        ("finalising", 400, False, "unfinished"),
        (None, 400, False, "unknown"),
        ("ready", -10, False, "young"),
    ],
)
def test_only_finished_recordings_of_age_go(state: str | None, days: float | None, delete: bool, reason: str) -> None:
    (verdict,) = plan([kept(state, days)], NOW, 183)
    assert (verdict.delete, verdict.reason) == (delete, reason)
