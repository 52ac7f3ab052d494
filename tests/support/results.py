"""Results of lectures as a test tells them, in place of those of the attendance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signaling.coverage.results import ClassResult, SchoolResults
from signaling.directory.queries import Scope


class ToldResults:
    """Implements `signaling.coverage.results.Results`; `asked` counts the times that results were read."""

    def __init__(self) -> None:
        self.asked = 0
        self._schools: dict[tuple[str, str], SchoolResults] = {}
        self._minutes: dict[str, dict[str, Sequence[int]]] = {}
        self._changes: dict[str, int] = {}

    def tell(self, lecture: str, school: str, region: str, *classes: ClassResult) -> None:
        """Say what a lecture came to for a school."""
        self._schools[lecture, school] = SchoolResults(lecture, school, region, classes)
        self._changes[lecture] = self._changes.get(lecture, 0) + 1

    def count(self, lecture: str, class_id: str, minutes: Sequence[int]) -> None:
        """Say which minutes count for a class."""
        self._minutes.setdefault(lecture, {})[class_id] = minutes
        self._changes[lecture] = self._changes.get(lecture, 0) + 1

    async def stamps(self, lecture_ids: Sequence[str]) -> Mapping[str, str]:
        """Return how often something was told about each lecture."""
        return {one: str(self._changes[one]) for one in lecture_ids if one in self._changes}

    async def decisions(self, lecture_ids: Sequence[str], scope: Scope) -> Sequence[SchoolResults]:
        """Return what was told."""
        self.asked += 1
        wanted = set(lecture_ids)
        return [
            one
            for one in self._schools.values()
            if one.lecture_id in wanted and scope.includes(one.region_code, one.school_code)
        ]

    async def minutes(self, lecture_id: str) -> Mapping[str, Sequence[int]]:
        """Return what was told."""
        return self._minutes.get(lecture_id, {})
