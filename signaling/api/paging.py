"""Lists in pages: `page` from 1 and `size` in the query, `items`, `total`, `page` and `size` in the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item", bound=BaseModel)
LONGEST_PAGE = 200


class PageQuery(BaseModel):
    """Query of a list; a list with filters derives its own query from it."""

    model_config = ConfigDict(extra="forbid")

    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    size: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = 50

    @property
    def offset(self) -> int:
        """How many rows lie before this page."""
        return (self.page - 1) * self.size


class Page(BaseModel, Generic[Item]):
    """One page of a list; `total` counts all pages."""

    items: list[Item]
    total: int
    page: int
    size: int


def page_of(items: Sequence[Item], total: int, wanted: PageQuery) -> Page[Item]:
    """Return the answer to a query."""
    return Page(items=list(items), total=total, page=wanted.page, size=wanted.size)
