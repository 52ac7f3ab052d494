"""The documents of connection tests as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from signaling.directory.documents import Code, Order
from signaling.lines.verdicts import KINDS, State, Verdict


class Line(Order):
    """What one line of the test came to.

    `code` says it in a word for which the pages have a sentence; `value` is in kb/s, milliseconds or seconds, as the kind has it.
    """

    kind: Literal["engine", "codecs", "server", "push", "udp", "bandwidth", "clock", "sound"]
    state: State
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    value: Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)] | None = None
    detail: Annotated[str, Field(max_length=40, pattern=r"^[ -~]*$")] = ""


class LineTestOrder(Order):
    """A run of the test page; `run` is the page's own name for it."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,36}$")]
    lines: Annotated[list[Line], Field(min_length=1, max_length=len(KINDS))]

    @model_validator(mode="after")
    def _each_once(self) -> LineTestOrder:
        if len({line.kind for line in self.lines}) < len(self.lines):
            raise ValueError("a line is there twice")
        return self


class LineTestDocument(BaseModel):
    """A run of the test page as a screen reported it."""

    id: str
    at: datetime
    verdict: Verdict
    agent: str
    lines: list[Line]


class LineTestList(BaseModel):
    """The last runs of a screen, the newest first."""

    items: list[LineTestDocument]


class SummaryQuery(BaseModel):
    """Whose screens are counted; without both, all that the caller's node covers."""

    county: Code | None = None
    school: Code | None = None


class Summary(BaseModel):
    """Of the paired screens, how many were tested in the last `days`, and what came out. The rate is tested / paired."""

    days: int
    paired: int
    tested: int
    good: int
    limited: int
    bad: int


class ServerTime(BaseModel):
    """The server's clock, and what a test may take."""

    server_time: datetime
    download_bytes: int
    upload_bytes: int
    seconds: float
