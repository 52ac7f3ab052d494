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
    REVIEWER = "reviewer"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """An action that a route asks for."""

    LECTURE_READ = "lecture.read"
    LECTURE_EDIT = "lecture.edit"  # plan, change, call off; a lecturer their own
    LECTURE_REVIEW = "lecture.review"  # let the content go on the air, or send it back
    LECTURE_CONTROL = "lecture.control"  # open, start, pause, resume, end
    LECTURE_PUBLISH = "lecture.publish"  # mint a publishing ticket
    LECTURE_CUT = "lecture.cut"
    EXPERT_READ = "expert.read"  # the pool of lecturers
    EXPERT_EDIT = "expert.edit"
    EXPERT_RATE = "expert.rate"  # say something of lecturers, and see what was said
    DUTY_EDIT = "duty.edit"  # who watches over a lecture
    ALERT_READ = "alert.read"  # alarms and reminders of one's node
    ALERT_ANSWER = "alert.answer"  # acknowledge them, say who was called
    CHANNEL_EDIT = "channel.edit"  # where notices are sent
    BOARD_READ = "board.read"
    DIRECTORY_READ = "directory.read"  # regions, terms, schools and classes
    DIRECTORY_EDIT = "directory.edit"  # schools and classes of one's node
    DIRECTORY_IMPORT = "directory.import"
    DIRECTORY_EXPORT = "directory.export"
    TERM_EDIT = "term.edit"
    TEACHER_READ = "teacher.read"  # names of staff
    TEACHER_EDIT = "teacher.edit"
    SCREEN_READ = "screen.read"  # the inventory
    SCREEN_PAIR = "screen.pair"  # confirm, revoke, print stickers
    PERSON_READ = "person.read"  # accounts
    PERSON_EDIT = "person.edit"
    AUDIT_READ = "audit.read"
    LEDGER_READ = "ledger.read"  # roots of the chains
    RECORDING_READ = "recording.read"
    RECORDING_REVIEW = "recording.review"  # let screens see a recording, or hide it again
    RECORDER_READ = "recorder.read"  # the recorder's disk and uploads
    ATTENDANCE_READ = "attendance.read"
    ATTENDANCE_EXPORT = "attendance.export"
    ATTENDANCE_CONFIRM = "attendance.confirm"  # how many of a class were there
    CORRECTION_REQUEST = "correction.request"  # ask that a result or a number be put right, withdraw that
    CORRECTION_DECIDE = "correction.decide"  # decide about what somebody else asked for
    FAULT_EDIT = "fault.edit"  # write down power cuts and the like, which excuse
    HOME_LINK = "home.link"  # the secret links of classes to parents' lectures
    TERM_CLOSE = "term.close"  # close the books of a term (封账)
    TERM_REOPEN = "term.reopen"  # open them again


_READ = {
    Permission.LECTURE_READ,
    Permission.BOARD_READ,
    Permission.RECORDING_READ,
    Permission.DIRECTORY_READ,
    Permission.SCREEN_READ,
    Permission.ALERT_READ,
}
_REPORT = {Permission.ATTENDANCE_READ, Permission.ATTENDANCE_EXPORT}
_OPERATE = {
    Permission.LECTURE_CONTROL,
    Permission.LECTURE_CUT,
    Permission.RECORDER_READ,
    Permission.DUTY_EDIT,
    Permission.ALERT_ANSWER,
}
_KEEP = {  # what an administrator does for the node
    Permission.DIRECTORY_EDIT,
    Permission.DIRECTORY_IMPORT,
    Permission.DIRECTORY_EXPORT,
    Permission.TEACHER_READ,
    Permission.TEACHER_EDIT,
    Permission.SCREEN_PAIR,
    Permission.ATTENDANCE_CONFIRM,
    Permission.PERSON_READ,
    Permission.PERSON_EDIT,
    Permission.ALERT_ANSWER,
    Permission.CORRECTION_REQUEST,
    Permission.HOME_LINK,
}
_DECIDE = {Permission.CORRECTION_DECIDE, Permission.FAULT_EDIT, Permission.TERM_CLOSE}
_PLAN = {
    Permission.LECTURE_EDIT,
    Permission.EXPERT_READ,
    Permission.EXPERT_EDIT,
    Permission.EXPERT_RATE,
    Permission.DUTY_EDIT,
}
_REVIEW = {Permission.LECTURE_REVIEW, Permission.RECORDING_REVIEW}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.PREFECTURE_ADMIN: frozenset(
        _READ
        | _REPORT
        | _OPERATE
        | _KEEP
        | _PLAN
        | _REVIEW
        | _DECIDE
        | {
            Permission.TERM_EDIT,
            Permission.TERM_REOPEN,
            Permission.AUDIT_READ,
            Permission.LEDGER_READ,
            Permission.CHANNEL_EDIT,
        }
    ),
    Role.OPERATOR: frozenset(
        _READ
        | _OPERATE
        | {Permission.SCREEN_PAIR, Permission.PERSON_READ, Permission.LEDGER_READ, Permission.FAULT_EDIT}
    ),
    Role.COUNTY_ADMIN: frozenset(
        _READ | _REPORT | _KEEP | _DECIDE | {Permission.TERM_EDIT, Permission.EXPERT_READ, Permission.EXPERT_RATE}
    ),
    Role.SCHOOL_ADMIN: frozenset(_READ | _REPORT | _KEEP),
    Role.LECTURER: frozenset(
        {Permission.LECTURE_READ, Permission.LECTURE_EDIT, Permission.LECTURE_CONTROL, Permission.LECTURE_PUBLISH}
    ),
    Role.REVIEWER: frozenset(
        {Permission.LECTURE_READ, Permission.RECORDING_READ, Permission.EXPERT_READ, Permission.DIRECTORY_READ}
        | _REVIEW
    ),
    Role.AUDITOR: frozenset(_READ | _REPORT | {Permission.AUDIT_READ, Permission.PERSON_READ, Permission.LEDGER_READ}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person with a login or a program with an API token.

    `node` is the code of the prefecture, county unit or school to which the role is scoped. A lecturer's rights hold only
    for lectures whose `lecturer_id` is their `user_id`; a login by invitation holds for `lecture_id` alone. `rights` is what an
    agency left of the role's (`signaling.auth.agencies`), None when there is no agency.
    """

    user_id: str
    name: str
    role: Role
    node: str
    lecture_id: str | None = None
    agency: str | None = None
    rights: frozenset[Permission] | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role grants at its own node, narrowed by the agency: never more than the role."""
        return GRANTS[self.role] if self.rights is None else GRANTS[self.role] & self.rights

    def may(self, permission: Permission) -> bool:
        """Whether role and agency grant the permission at the person's own node."""
        return permission in self.permissions
