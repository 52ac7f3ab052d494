"""Pages of long lists.

**In the order of reports, which is that of schools, no list is sorted to find a page**: how many rows each school has tells in which few
schools the page lies, and how many rows there are in all; only those schools' rows are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVarTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.directory.models import Region, School
from signaling.directory.queries import number_of, part

Columns = TypeVarTuple("Columns")


async def page_by_school(
    session: AsyncSession, numbers: Select[str, int], statement: Select[*Columns], limit: int, offset: int
) -> tuple[Sequence[Row[*Columns]], int]:
    """Return a page of a statement, and how many rows it has; `numbers` are schools and how many of its rows each has.

    The statement is sorted by county unit and school, and joins `School`.
    """
    counted = numbers.subquery()
    in_order = (
        select(counted.c[0], counted.c[1])
        .join(School, School.code == counted.c[0])
        .join(Region, Region.code == School.region_code)
        .order_by(Region.sort, School.code)
    )
    rows = [(code, number) for code, number in await session.execute(in_order)]
    codes, skipped = window(rows, limit, offset)
    page = statement.where(School.code.in_(codes)).limit(limit).offset(skipped)
    return (await session.execute(page)).all() if codes else [], sum(number for _, number in rows)


def window(numbers: Iterable[tuple[str, int]], limit: int, offset: int) -> tuple[list[str], int]:
    """Return the schools in which a page lies, and how many rows of the first one lie before it."""
    codes: list[str] = []
    before = skipped = 0
    for code, number in numbers:
        if before < offset + limit and before + number > offset:
            skipped = skipped if codes else offset - before
            codes.append(code)
        before += number
    return codes, skipped


async def page_by_key(
    session: AsyncSession, keys: Select[str], statement: Select[*Columns], key: Any, limit: int, offset: int
) -> tuple[Sequence[Row[*Columns]], int]:
    """Return a page of a statement in another order than that of schools, and how many rows it has; `keys` are all its keys, sorted."""
    total = await session.scalar(number_of(keys)) or 0
    return (await session.execute(part(statement, key, limit, offset, keys))).all(), total
