"""How an attempt to send ended. Pure. The codes are stable; the console has a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "",
    "sent",
    "bad_target",
    "refused_address",
    "unreachable",
    "timeout",
    "tls_failed",
    "redirected",
    "http_status",
    "robot_refused",
    "too_large",
    "mail_refused",
    "mail_not_set_up",
    "channel_gone",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`final` says that another attempt would end the same. `detail` holds no secret: a status, an errcode, a reply code."""

    code: Code
    detail: str = ""
    final: bool = False

    @property
    def ok(self) -> bool:
        """Whether the other side has it."""
        return self.code == "sent"
