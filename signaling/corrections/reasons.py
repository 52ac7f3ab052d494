"""Why something is corrected, as data of `reasons.toml`. Pure."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from signaling.ledger.facts import Cause

REASONS_FILE: Final = Path(__file__).with_name("reasons.toml")

Field = Literal["present", "expected", "result"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)


class Reason(BaseModel):
    """A reason in both languages, the fields that it explains, and the cause of the fault that it makes of a whole node."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    zh: str
    en: str
    fields: list[Field]
    cause: Cause | None = None


@cache
def reasons() -> dict[str, Reason]:
    """Return the reasons by code, in the order of the file."""
    document = tomllib.loads(REASONS_FILE.read_text(encoding="utf-8"))
    found = [Reason.model_validate(one) for one in document["reason"]]
    return {one.code: one for one in found}


def name(code: str) -> str:
    """Return the Chinese name of a reason; an older one is shown by its code."""
    return reasons()[code].zh if code in reasons() else code
