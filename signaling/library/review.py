"""Who lets screens see a recording, as rules without a database.

    pending --approve--> approved <--approve/withdraw--> withdrawn <--withdraw-- pending

1. **Screens see approved recordings only**; a new one is pending.
2. Only a finished recording can be approved: nobody has seen the end of another one.
3. The same decision again changes nothing: reviewer and time of the first one stand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from signaling.api.problems import Problem


class Review(StrEnum):
    """What was decided about a recording."""

    PENDING = "pending"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


ACTIONS: Final = {Review.APPROVED: "recording.approved", Review.WITHDRAWN: "recording.withdrawn"}
"""What the audit log says of a decision."""


def is_news(state: str, present: str, wish: Review) -> bool:
    """Whether the decision changes anything; raise the problem 409 `not_ready` when there is nothing to approve yet."""
    if wish is Review.APPROVED and state != "ready":
        raise not_ready(state)
    return present != wish


def not_ready(state: str) -> Problem:
    """Return the problem of a recording that is not finished, or of which nothing is left."""
    return Problem(409, "not_ready", "the recording is not finished", f"its state is {state}", state=state)
