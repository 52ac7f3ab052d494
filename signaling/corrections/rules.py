"""What becomes of a correction, by whom and until when. Pure.

| is | approve | reject | withdraw |
|---|---|---|---|
| requested | approved | rejected | withdrawn |
| approved, rejected, withdrawn | | | |

1. **An action that the table does not have changes nothing**: 409 `illegal_correction`. What was decided stays: another correction supersedes it.
2. **Two people**: whoever asked for a correction does not decide about it, whatever their role; only they withdraw it. The database holds this too.
3. A correction is asked for within `days` of the lecture's end and before the term is closed (封账); the prefecture may open a closed term
   again, and while it is open the days do not matter. Nothing is approved in a closed term.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from signaling.api.problems import Problem

REQUESTED, APPROVED, REJECTED, WITHDRAWN = "requested", "approved", "rejected", "withdrawn"
TABLE: Final = {
    (REQUESTED, "approve"): APPROVED,
    (REQUESTED, "reject"): REJECTED,
    (REQUESTED, "withdraw"): WITHDRAWN,
}


class Term(StrEnum):
    """How the books of a term stand."""

    OPEN = "open"  # never closed
    CLOSED = "closed"
    REOPENED = "reopened"


def after(state: str, action: str) -> str:
    """Return the state after an action; raise 409 `illegal_correction`."""
    new = TABLE.get((state, action))
    if new is None:
        raise Problem(
            409, "illegal_correction", f"a correction that is {state} cannot be asked to {action}", state=state
        )
    return new


def check_person(action: str, by: str, requested_by: str) -> None:
    """Raise 403 `own_request` for whoever would decide about what they asked for, `not_yours` for who would withdraw another's."""
    if action == "withdraw":
        if by != requested_by:
            raise Problem(403, "not_yours", "only who asked for a correction withdraws it")
    elif by == requested_by:
        raise Problem(403, "own_request", "somebody else decides about a correction that you asked for")


def check_time(ended_at: datetime | None, now: datetime, days: int, term: Term) -> None:
    """Raise 409 `not_ended`, `term_closed` or `too_late` when nothing of a lecture is corrected any more, or yet."""
    if ended_at is None:
        raise Problem(409, "not_ended", "the lecture has not ended yet")
    check_term(term)
    if term is Term.OPEN and now >= ended_at + timedelta(days=days):
        raise Problem(409, "too_late", f"corrections are asked for within {days} days", days=days)


def check_term(term: Term) -> None:
    """Raise 409 `term_closed`."""
    if term is Term.CLOSED:
        raise Problem(409, "term_closed", "the term is closed; the prefecture can open it again")
