"""The documents of people as the API takes and gives them. No password, no secret but an invitation that is told once."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from signaling.api.paging import PageQuery
from signaling.auth.agencies import Agencies
from signaling.auth.identity import Role
from signaling.auth.people_queries import WITHOUT_PASSWORD
from signaling.auth.people_service import Person
from signaling.directory.documents import Code, Name, Order, Text

State = Literal["active", "invited", "disabled"]
Sort = Literal["login", "-login", "name", "-name", "role", "-role", "created", "-created"]
AgencyKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


def _lower(text: str) -> str:
    return text.lower()


LoginName = Annotated[
    str, Field(min_length=3, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"), AfterValidator(_lower)
]


class PeopleQuery(PageQuery):
    """Query of the list of people; `node` means that node and everything below it."""

    role: Role | None = None
    node: Code | None = None
    agency: AgencyKey | None = None
    state: State | None = None
    q: Text = ""
    sort: Sort | None = None


class NewPerson(Order):
    """Somebody to add; they choose a password themselves by the invitation."""

    login: LoginName
    name: Name
    role: Role
    node: Code
    agency: AgencyKey | None = None


class PersonEdit(Order):
    """What may be changed; `agency` null takes somebody out of their agency."""

    name: Name | None = None
    role: Role | None = None
    node: Code | None = None
    agency: AgencyKey | None = None


class NodeDocument(BaseModel):
    """The node of a role; `level` is null when the node is not there any more."""

    code: str
    name: str
    level: Literal["prefecture", "county", "school"] | None


class AgencyDocument(BaseModel):
    """An agency of the prefecture."""

    key: str
    name: str


class PersonDocument(BaseModel):
    """Somebody in a list; `managed` tells whether the caller may change them."""

    id: str
    login: str
    name: str
    role: Role
    node: NodeDocument
    agency: AgencyDocument | None
    state: State
    second_factor: bool
    invited_until: datetime | None
    created_at: datetime
    last_login_at: datetime | None
    managed: bool


class PersonRecord(PersonDocument):
    """Somebody with the number of their logins that hold."""

    open_logins: int


class InvitationDocument(BaseModel):
    """A link by which somebody sets a password. It is told once."""

    url: str
    expires_at: datetime


class Invited(BaseModel):
    """Somebody with a new invitation."""

    person: PersonRecord
    invitation: InvitationDocument


class RoleDocument(BaseModel):
    """A role that the caller may give, and the levels at which it is held."""

    role: Role
    levels: list[Literal["prefecture", "county", "school"]]


class PeopleOptions(BaseModel):
    """What the caller may give; `agencies` are all there are, for filters as well."""

    roles: list[RoleDocument]
    agencies: list[AgencyDocument]


@dataclass(frozen=True, slots=True)
class Entrances:
    """What else documents tell of people: names of agencies, who has one-time codes, until when invitations hold."""

    agencies: Agencies
    enrolled: Set[str]
    invited: Mapping[str, datetime]


def person_document(person: Person, entrances: Entrances) -> PersonDocument:
    """Return somebody as a list shows them."""
    return PersonDocument.model_validate(_members(person, entrances))


def person_record(person: Person, open_logins: int, entrances: Entrances) -> PersonRecord:
    """Return somebody as their own page shows them."""
    return PersonRecord.model_validate(_members(person, entrances) | {"open_logins": open_logins})


def _members(person: Person, entrances: Entrances) -> dict[str, object]:
    user = person.user
    agency = None if user.agency is None else {"key": user.agency, "name": entrances.agencies.name(user.agency)}
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "node": {"code": user.node, "name": person.node_name, "level": person.level},
        "agency": agency,
        "state": _state(person),
        "second_factor": user.id in entrances.enrolled,
        "invited_until": entrances.invited.get(user.id),
        "created_at": user.created_at,
        "last_login_at": person.last_login,
        "managed": person.managed,
    }


def _state(person: Person) -> State:
    if person.user.disabled_at is not None:
        return "disabled"
    return "invited" if person.user.password_hash == WITHOUT_PASSWORD else "active"
