"""Who is asking, and what they may do. **Deny by default**: what is not in `GRANTS` is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person or program is, at one node of prefecture -> county -> school."""

    PREFECTURE_ADMIN = "prefecture_admin"
    OPERATOR = "operator"
    COUNTY_ADMIN = "county_admin"
    SCHOOL_ADMIN = "school_admin"
    LECTURER = "lecturer"


class Permission(StrEnum):
    """An action that a route asks for."""

    LECTURE_READ = "lecture.read"
    LECTURE_CONTROL = "lecture.control"  # open, start, pause, resume, end
    LECTURE_PUBLISH = "lecture.publish"  # mint a publishing ticket
    LECTURE_CUT = "lecture.cut"
    BOARD_READ = "board.read"
    DIRECTORY_READ = "directory.read"  # schools and classes
    RECORDING_READ = "recording.read"
    RECORDING_REVIEW = "recording.review"  # let screens see a recording, or hide it again
    RECORDER_READ = "recorder.read"  # the recorder's disk and uploads
    ATTENDANCE_READ = "attendance.read"
    ATTENDANCE_EXPORT = "attendance.export"


_READ = {Permission.LECTURE_READ, Permission.BOARD_READ, Permission.RECORDING_READ, Permission.DIRECTORY_READ}
_REPORT = {Permission.ATTENDANCE_READ, Permission.ATTENDANCE_EXPORT}
_OPERATE = {Permission.LECTURE_CONTROL, Permission.LECTURE_CUT, Permission.RECORDER_READ}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.PREFECTURE_ADMIN: frozenset(_READ | _REPORT | _OPERATE | {Permission.RECORDING_REVIEW}),
    Role.OPERATOR: frozenset(_READ | _OPERATE),
    Role.COUNTY_ADMIN: frozenset(_READ | _REPORT),
    Role.SCHOOL_ADMIN: frozenset(_READ | _REPORT),
    Role.LECTURER: frozenset({Permission.LECTURE_READ, Permission.LECTURE_CONTROL, Permission.LECTURE_PUBLISH}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person with a login or a program with an API token.

    `node` is the code of the prefecture, county unit or school to which the role is scoped. A lecturer's rights hold only
    for lectures whose `lecturer_id` is their `user_id`; a login by invitation holds for `lecture_id` alone.
    """

    user_id: str
    name: str
    role: Role
    node: str
    lecture_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role grants the permission at its own node."""
        return permission in GRANTS[self.role]
