"""Bodies and answers of the session and of one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Password = Annotated[str, Field(min_length=1, max_length=256)]
Code = Annotated[str, Field(min_length=6, max_length=32)]


class Body(BaseModel):
    """A body; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    """Login and password."""

    login: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password


class CodeBody(Body):
    """A one-time code of six digits; at the second step of a login a recovery code too."""

    code: Code


class InvitationToken(Body):
    """The secret of an invitation link."""

    token: Annotated[str, Field(min_length=8, max_length=128)]


class FirstPassword(InvitationToken):
    """The secret of an invitation link and the password that is to be."""

    password: Password


class PasswordChange(Body):
    """The password that was and the one that is to be."""

    old: Password
    new: Password


class Enrol(Body):
    """The password again; left out by who was let in to set up one-time codes."""

    password: Password | None = None


class PasswordAndCode(CodeBody):
    """The password again, and a code."""

    password: Password


class UserDocument(BaseModel):
    """A person as the API shows it; `permissions` are those of the role at its node."""

    id: str
    name: str
    role: str
    node: str
    permissions: list[str]


class SessionDocument(BaseModel):
    """Who is logged in. At the stage `enrolment` nothing is open but the setting up of one-time codes."""

    user: UserDocument
    stage: Literal["full", "enrolment"]


class PolicyDocument(BaseModel):
    """What a password must be: letters at least, kinds of letters at least (small, capital, other, digits, signs)."""

    shortest: int
    longest: int
    kinds: int


class InvitedDocument(BaseModel):
    """Whose link it is, whether there was a password before, and what the new one must be."""

    login: str
    name: str
    first: bool
    expires_at: datetime
    policy: PolicyDocument


class SecondFactorDocument(BaseModel):
    """How one's one-time codes stand."""

    since: datetime | None
    required: bool
    codes_left: int


class AccountDocument(BaseModel):
    """One's own account."""

    id: str
    login: str
    name: str
    role: str
    node: str
    created_at: datetime
    password_changed_at: datetime | None
    policy: PolicyDocument
    second_factor: SecondFactorDocument


class EnrolmentDocument(BaseModel):
    """What an authenticator needs, shown once: the secret, the address that the QR code holds, the QR code as SVG."""

    secret: str
    address: str
    qr: str


class RecoveryDocument(BaseModel):
    """Recovery codes, shown once."""

    codes: list[str]


class LoginDocument(BaseModel):
    """A login that is open; `seen_at` is right to a few minutes."""

    id: str
    here: bool
    lecture_id: str | None
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime


class LoginsDocument(BaseModel):
    """The open logins of a person, the latest first."""

    items: list[LoginDocument]
