"""Who may take the air from another user. Pure: `now` is monotonic seconds.

1. The same user needs no permission; this desk is only for **another** user.
2. A request lives `seconds`; nobody but the user whose studio is live may answer it, and only once.
3. A permission holds for the rest of these seconds and for one lecture; a cut forgets everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class TakeoverRequest:
    """Somebody waits for the live studio: `allowed` is None until it has answered."""

    id: str
    lecture_id: str
    by_id: str
    owner_id: str
    expires_at: float
    allowed: bool | None = None


class NoSuchRequest(LookupError):
    """The request is unknown, expired, answered, or somebody else's to answer."""


class TakeoverDesk:
    """The open requests: at most one for each lecture and user, so their number is bounded by people."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._requests: dict[tuple[str, str], TakeoverRequest] = {}

    def ask(
        self, request_id: str, lecture_id: str, by_id: str, owner_id: str, now: float
    ) -> tuple[TakeoverRequest, bool]:
        """Return the request of this user and whether it is new; `request_id` is used for a new one."""
        self._expire(now)
        waiting = self._requests.get((lecture_id, by_id))
        if waiting is not None and waiting.owner_id == owner_id and waiting.allowed is not True:
            return waiting, False
        request = TakeoverRequest(request_id, lecture_id, by_id, owner_id, now + self._seconds)
        self._requests[lecture_id, by_id] = request
        return request, True

    def answer(self, request_id: str, owner_id: str, allow: bool, now: float) -> TakeoverRequest:
        """Record the live studio's answer; raise `NoSuchRequest`."""
        self._expire(now)
        for request in self._requests.values():
            if request.id == request_id and request.owner_id == owner_id and request.allowed is None:
                request.allowed = allow
                return request
        raise NoSuchRequest(f"no open takeover request {request_id!r} for this studio")

    def granted(self, lecture_id: str, by_id: str, owner_id: str, now: float) -> bool:
        """Whether `owner_id` has allowed `by_id` to take over."""
        self._expire(now)
        request = self._requests.get((lecture_id, by_id))
        return request is not None and request.owner_id == owner_id and request.allowed is True

    def forget(self, lecture_id: str) -> None:
        """Drop all requests of a lecture."""
        for key in list(self._of(lecture_id)):
            del self._requests[key]

    def _of(self, lecture_id: str) -> Iterator[tuple[str, str]]:
        return (key for key in self._requests if key[0] == lecture_id)

    def _expire(self, now: float) -> None:
        for key, request in list(self._requests.items()):
            if now >= request.expires_at:
                del self._requests[key]
