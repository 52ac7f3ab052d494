"""The agencies of the prefecture: each narrows what a role grants to its people, none ever widens it.

1. **Who belongs to no agency is not narrowed.**
2. **An agency that the file does not know allows nothing**: a key that was taken out of the file must not set its people free.
3. A name in the file that fits no permission is a mistake and refused at the start, not a right that silently never comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from config.agencies import Agency, AgencyFileError, load_agencies
from signaling.auth.identity import GRANTS, Permission, Role


class Agencies:
    """The agencies of the file with their permissions."""

    def __init__(self, agencies: Iterable[Agency] = ()) -> None:
        self._all = {agency.key: agency for agency in agencies}
        self._allowed = {key: _matched(agency) for key, agency in self._all.items()}

    @classmethod
    def of_file(cls, file: str | Path = "") -> Agencies:
        """Return the agencies of a file, or of the one that comes with the program; raise `AgencyFileError`."""
        return cls(load_agencies(file))

    def __iter__(self) -> Iterator[Agency]:
        return iter(self._all.values())

    def __contains__(self, key: object) -> bool:
        return key in self._all

    def name(self, key: str) -> str:
        """Return the name of an agency; one that the file does not know is shown by its key."""
        return self._all[key].name if key in self._all else key

    def rights(self, role: Role, agency: str | None) -> frozenset[Permission]:
        """Return what somebody of a role and an agency may do at their node."""
        if agency is None:
            return GRANTS[role]
        return GRANTS[role] & self._allowed.get(agency, frozenset())


def _matched(agency: Agency) -> frozenset[Permission]:
    allowed: set[Permission] = set()
    for pattern in agency.permissions:
        fitting = {permission for permission in Permission if fnmatchcase(permission.value, pattern)}
        if not fitting:
            raise AgencyFileError(f"agency file: {agency.key}: no permission is named {pattern!r}")
        allowed |= fitting
    return frozenset(allowed)
