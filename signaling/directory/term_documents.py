"""The documents of terms."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from signaling.directory.documents import Code, Day, Order
from signaling.directory.models import Term


class TermOrder(Order):
    """First and last day of a term."""

    starts_on: Day
    ends_on: Day


class TermQuery(BaseModel):
    """What narrows the list: a county unit, the year in which the school year begins."""

    model_config = ConfigDict(extra="forbid")

    county: Code | None = None
    year: Annotated[int, Field(ge=2000, le=2200)] | None = None


class CurrentQuery(BaseModel):
    """Whose term, on which day; today when left out."""

    model_config = ConfigDict(extra="forbid")

    county: Code | None = None
    day: Day | None = None


class TermDocument(BaseModel):
    """A term of a county unit or of the prefecture."""

    region: str
    code: str
    starts_on: date
    ends_on: date
    version: int


class TermList(BaseModel):
    """Terms, the latest first."""

    items: list[TermDocument]


class CurrentTerm(BaseModel):
    """The term that a day lies in; null in the holidays."""

    term: TermDocument | None


def term_document(row: Term) -> TermDocument:
    """Return the document of a term."""
    return TermDocument(
        region=row.region_code, code=row.code, starts_on=row.starts_on, ends_on=row.ends_on, version=row.version
    )
