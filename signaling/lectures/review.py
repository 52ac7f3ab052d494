"""The review of a lecture's content (先审后播), as a table. Pure.

| is | submit | approve | return | content changed |
|---|---|---|---|---|
| draft | submitted | | | draft |
| submitted | | approved | returned | draft |
| returned | submitted | | | returned |
| approved | | | returned | draft |

1. **An action that the table does not have changes nothing**: 409 `illegal_review`.
2. **Two persons**: whoever lectures or has planned the lecture does not approve it.
3. Another time is no other content; another title, topic, summary or lecturer is.
"""

from __future__ import annotations

from typing import Final

from signaling.api.problems import Problem

DRAFT, SUBMITTED, APPROVED, RETURNED = "draft", "submitted", "approved", "returned"
TABLE: Final = {
    (DRAFT, "submit"): SUBMITTED,
    (RETURNED, "submit"): SUBMITTED,
    (SUBMITTED, "approve"): APPROVED,
    (SUBMITTED, "return"): RETURNED,
    (APPROVED, "return"): RETURNED,
    (DRAFT, "change"): DRAFT,
    (SUBMITTED, "change"): DRAFT,
    (RETURNED, "change"): RETURNED,
    (APPROVED, "change"): DRAFT,
}
CONTENT: Final = frozenset({"title", "topic", "summary", "lecturer_id"})
"""Members of a plan whose change asks for another review."""
WRITTEN: Final = {"submit": "submitted", "approve": "approved", "return": "returned", "change": "changed"}


def after(state: str, action: str) -> str:
    """Return the state after an action; raise 409 `illegal_review`."""
    new = TABLE.get((state, action))
    if new is None:
        raise Problem(409, "illegal_review", f"a lecture that is {state} cannot be asked to {action}", state=state)
    return new


def check_person(user_id: str, lecturer_id: str, created_by: str | None) -> None:
    """Raise 403 `own_lecture` for somebody who would approve what is theirs."""
    if user_id in {lecturer_id, created_by}:
        raise Problem(403, "own_lecture", "somebody else approves what you lecture or have planned")
