"""Rows of the audit log. Whoever changes something adds its row in the same transaction, so that neither is without the other."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from signaling.auth.models import AuditEntry


def entry(at: datetime, actor: str, action: str, subject: str = "", detail: dict[str, Any] | None = None) -> AuditEntry:
    """Return a row: who did what to whom; `detail` becomes JSON and must hold no secret."""
    text = json.dumps(detail or {}, ensure_ascii=False, sort_keys=True)
    return AuditEntry(at=at, actor=actor, action=action, subject=subject, detail=text)
