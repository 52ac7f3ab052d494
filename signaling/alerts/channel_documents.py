"""The documents of channels and their messages as the API takes and gives them. **No document holds a target or a secret.**"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field

from signaling.alerts.channels_service import ListedChannel
from signaling.alerts.documents import RuleName
from signaling.alerts.messages import unpacked
from signaling.alerts.models import Notice
from signaling.alerts.outcome import Code as OutcomeCode
from signaling.api.paging import PageQuery
from signaling.directory.documents import Code, Name, NodeName, Order

Kind = Literal["email", "wecom", "dingtalk", "webhook"]
Target = Annotated[str, Field(min_length=3, max_length=1000, pattern=r"^[\x20-\x7e]+$")]
Secret = Annotated[str, Field(max_length=200, pattern=r"^[\x21-\x7e]*$")]


ChannelRule = RuleName | Literal["urged"]
"""What a channel may tell: alarms by their rule, and that schools are urged to connect."""


def _once(values: list[ChannelRule]) -> list[ChannelRule]:
    return list(dict.fromkeys(values))


MOST_RULES: Final = len(get_args(RuleName)) + 1
Rules = Annotated[list[ChannelRule], Field(min_length=1, max_length=MOST_RULES), AfterValidator(_once)]


class NewChannel(Order):
    """A channel to add. `target` is an https address, or mail addresses with commas between them."""

    name: Name
    kind: Kind
    node: Code
    rules: Rules
    target: Target
    secret: Secret = ""
    escalated_only: bool = False
    enabled: bool = True


class ChannelEdit(Order):
    """What of a channel may change; a target or secret that is not given stays."""

    name: Name | None = None
    node: Code | None = None
    rules: Rules | None = None
    target: Target | None = None
    secret: Secret | None = None
    escalated_only: bool | None = None
    enabled: bool | None = None


class ChannelQuery(PageQuery):
    """A page of channels."""


class NoticeQuery(PageQuery):
    """A page of messages."""


class NoticeDocument(BaseModel):
    """A message and how its last attempt ended; `next_at` is when it is tried again."""

    id: str
    event: Literal["opened", "escalated", "urged", "test"]
    rule: Literal[
        "no_duty", "not_approved", "no_studio", "absent", "disk", "uploads", "ledger", "damaged", "urged", "test"
    ]
    title: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    created_at: datetime
    tried_at: datetime | None
    sent_at: datetime | None
    next_at: datetime | None
    outcome: OutcomeCode
    detail: str


class ChannelDocument(BaseModel):
    """A channel; `hint` is what may be shown of its target, `last` the last message that was tried."""

    id: str
    name: str
    kind: Kind
    node: NodeName
    rules: list[ChannelRule]
    hint: str
    escalated_only: bool
    enabled: bool
    version: int
    last: NoticeDocument | None


class TrialDocument(BaseModel):
    """How a trial ended: `ok`, the outcome's code and what the other side said."""

    ok: bool
    outcome: OutcomeCode
    detail: str


def channel_document(row: ListedChannel) -> ChannelDocument:
    """Return the document of a channel."""
    names = ("id", "name", "kind", "hint", "escalated_only", "enabled", "version")
    members: dict[str, object] = {name: getattr(row.channel, name) for name in names}
    return ChannelDocument.model_validate(
        members
        | {
            "node": {"code": row.channel.node, "name": row.node_name},
            "rules": row.channel.rules.split(","),
            "last": None if row.last is None else notice_document(row.last),
        }
    )


def notice_document(row: Notice) -> NoticeDocument:
    """Return the document of a message."""
    message = unpacked(row.message)
    names = ("id", "state", "attempts", "created_at", "tried_at", "sent_at", "outcome", "detail")
    members: dict[str, object] = {name: getattr(row, name) for name in names}
    told = {"event": message.event, "rule": message.rule, "title": message.title}
    return NoticeDocument.model_validate(members | told | {"next_at": row.next_at if row.state == "waiting" else None})
