"""The statements behind publishing rights and fences; `service.py` runs them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, select, update

from signaling.auth.models import User
from signaling.live.models import Broadcast, BroadcastTransition, StreamKey, Ticket


def locked(lecture_id: str) -> Select[Broadcast]:
    """A lecture's broadcast, locked until the transaction ends."""
    return select(Broadcast).where(Broadcast.lecture_id == lecture_id).with_for_update()


def history(lecture_id: str) -> Select[BroadcastTransition]:
    """The transitions of a lecture's broadcast, oldest first."""
    own = select(BroadcastTransition).join(Broadcast).where(Broadcast.lecture_id == lecture_id)
    return own.order_by(BroadcastTransition.at, BroadcastTransition.id)


def ticket(token_hash: str, now: datetime) -> Select[Any]:
    """Lecture, user and user's name of a ticket that is good."""
    return select(Ticket.lecture_id, Ticket.user_id, _name_of(Ticket)).where(*_good_ticket(token_hash, now))


def stream_key(token_hash: str, now: datetime) -> Select[Any]:
    """Lecture, user and user's name of a stream key that is good."""
    return select(StreamKey.lecture_id, StreamKey.user_id, _name_of(StreamKey)).where(*_good_key(token_hash, now))


def consume(token_hash: str, now: datetime) -> Any:
    """Consume a good ticket: gives its hash once, nothing ever after."""
    used = update(Ticket).where(*_good_ticket(token_hash, now)).values(consumed_at=now)
    return used.returning(Ticket.token_hash)


def raise_fence(lecture_id: str) -> Any:
    """Raise the fence by one: gives the new one."""
    raised = update(Broadcast).where(Broadcast.lecture_id == lecture_id).values(fence=Broadcast.fence + 1)
    return raised.returning(Broadcast.fence)


def revoke_rights(lecture_id: str, at: datetime) -> tuple[Update, Update]:
    """Make every ticket and every stream key of a lecture worthless."""
    keys = update(StreamKey).where(StreamKey.lecture_id == lecture_id, StreamKey.revoked_at.is_(None))
    tickets = update(Ticket).where(Ticket.lecture_id == lecture_id, Ticket.revoked_at.is_(None))
    return keys.values(revoked_at=at), tickets.values(revoked_at=at)


def revoke_key(key_id: str, at: datetime) -> Update:
    """Make one stream key worthless."""
    return update(StreamKey).where(StreamKey.id == key_id, StreamKey.revoked_at.is_(None)).values(revoked_at=at)


def _good_ticket(token_hash: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    fresh = (Ticket.consumed_at.is_(None), Ticket.revoked_at.is_(None), Ticket.expires_at > now)
    return Ticket.token_hash == token_hash, *fresh


def _good_key(token_hash: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    window = (StreamKey.revoked_at.is_(None), StreamKey.not_before <= now, StreamKey.not_after > now)
    return StreamKey.token_hash == token_hash, *window


def _name_of(model: type[Ticket] | type[StreamKey]) -> Any:
    return select(User.name).where(User.id == model.user_id).scalar_subquery()
