"""What was recorded before the ledger moves into its chain, and back, on either database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from signaling.db.engine import Database
from signaling.db.migrate import downgrade, upgrade
from signaling.ledger import queries
from signaling.ledger.chain import verify
from signaling.ledger.columns import StoredDelivery
from signaling.ledger.facts import Joined, Left
from signaling.ledger.packing import pack
from signaling.ledger.reading import tell
from tests.support.databases import opened

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
FACTS = "key, kind, node, session, lecture_id, broadcast_id, screen_id, class_id, at, data"
WINDOWS = "node, lecture_id, broadcast_id, window_no, boot, part, published, flowing_ms, packed"
ROSTER = "broadcast_id, node, slot, screen_id, class_id"


def fact(kind: str, node: str, broadcast: str, screen: str, seconds: int, **data: str) -> dict[str, Any]:
    """A row of a joining or leaving."""
    session = f"{node}-{broadcast}-{screen}"
    return {
        "key": f"{kind}:{session}",
        "kind": kind,
        "node": node,
        "session": session,
        "lecture_id": f"lecture-{broadcast}",
        "broadcast_id": broadcast,
        "screen_id": screen,
        "class_id": None if screen == "c" else f"class-{screen}",
        "at": NOON + timedelta(seconds=seconds),
        "data": json.dumps({"boot": "boot-1"} | data),
    }


def rows() -> dict[str, list[dict[str, Any]]]:
    """Two nodes, three broadcasts; a screen that only came and went is in no roster."""
    facts, windows, roster = [], [], []
    for node, broadcast in (("n2", "b1"), ("n1", "b2"), ("n1", "b1")):
        facts += [fact("joined", node, broadcast, screen, n) for n, screen in enumerate("abcd")]
        facts += [fact("left", node, broadcast, screen, 60 + n, reason="replaced") for n, screen in enumerate("ab")]
        number = int(NOON.timestamp()) // 10
        for part, boot in ((0, "boot-1"), (0, "boot-2"), (1, "boot-1")):
            packed = pack(1750, [(0, 1750, 0), (1, 1600, 3)])
            of = {"node": node, "lecture_id": f"lecture-{broadcast}", "broadcast_id": broadcast, "boot": boot}
            windows.append(
                of | {"window_no": number, "part": part, "published": 1750, "flowing_ms": 10_000, "packed": packed}
            )
        for slot, screen in enumerate("ba"):
            roster.append(
                {
                    "broadcast_id": broadcast,
                    "node": node,
                    "slot": slot,
                    "screen_id": screen,
                    "class_id": f"class-{screen}",
                }
            )
    return {"attendance_facts": facts, "delivery_windows": windows, "attendance_roster": roster}


async def add(db: Database) -> None:
    """Fill the tables of before."""
    async with db.writing() as session:
        for table, some in rows().items():
            for number, row in enumerate(some):
                one = row if table == "attendance_roster" else {"id": f"{table[:3]}-{number}"} | row
                if db.is_sqlite and "at" in one:
                    one = one | {"at": one["at"].strftime("%Y-%m-%d %H:%M:%S.%f")}
                names = ", ".join(one), ", ".join(f":{name}" for name in one)
                await session.execute(text(f"INSERT INTO {table} ({names[0]}) VALUES ({names[1]})"), one)


async def dump(db: Database) -> list[list[tuple[Any, ...]]]:
    """Return what the tables of before hold, without ids."""
    async with db.reading() as session:
        found = []
        for columns, table, order in (
            (FACTS, "attendance_facts", "key"),
            (WINDOWS, "delivery_windows", "node, broadcast_id, boot, part"),
            (ROSTER, "attendance_roster", "node, broadcast_id, slot"),
        ):
            query = text(f"SELECT {columns} FROM {table} ORDER BY {order}")
            found.append(
                [
                    tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in await session.execute(query)
                ]
            )
        return found


async def entries(db: Database) -> list[Any]:
    async with db.reading() as session:
        return [
            queries.entry(row)
            for node in await session.scalars(queries.nodes())
            for row in await session.execute(queries.chain(node, 0, None, 1000))
        ]


async def test_rows_move_into_a_chain_and_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as db:
        await upgrade(db)
        await downgrade(db, "0016")
        await add(db)
        before = await dump(db)
        await upgrade(db)
        moved = await entries(db)
        assert verify(moved) is None
        assert [one.header.node for one in moved] == ["n1"] * 12 + ["n2"] * 6
        facts = list(tell(moved))
        assert len([one for one in facts if isinstance(one.fact, Joined)]) == 12
        assert {one.fact.class_id for one in facts if isinstance(one.fact, Joined)} == {
            "class-a",
            "class-b",
            None,
            "class-d",
        }
        assert {one.fact.reason for one in facts if isinstance(one.fact, Left)} == {"replaced"}
        windows = [one for one in facts if isinstance(one.fact, StoredDelivery)]
        assert len(windows) == 9
        assert windows[0].fact.whole(windows[0].roster.screens).deliveries == (("b", 1750, 0), ("a", 1600, 3))
        await downgrade(db, "0016")
        after = await dump(db)
        assert after[:2] == before[:2]
        named = [row for row in after[2] if row[3] in "ab"]  # those that only came and went have numbers now
        assert named == before[2]
        assert len(after[2]) == 12
        await upgrade(db)
        again = await entries(db)
        assert [one.header.facts for one in again] == [one.header.facts for one in moved]
        assert verify(again) is None


async def test_the_same_rows_make_the_same_chain(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        async with opened(tmp_path / name) as db:
            await upgrade(db)
            await downgrade(db, "0016")
            await add(db)
            await upgrade(db)
            digests.append([one.digest for one in await entries(db)])
    assert digests[0] == digests[1]


async def test_a_database_without_facts_moves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as db:
        await upgrade(db)
        await downgrade(db, "0016")
        await upgrade(db)
        assert await entries(db) == []
