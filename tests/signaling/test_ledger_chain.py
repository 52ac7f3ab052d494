"""Whoever changes what is stored is found out: each field, each region of bytes, each row, in any table of either database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from signaling.__main__ import main
from signaling.db.engine import Database
from signaling.ledger import roots_csv
from signaling.ledger.chain import GENESIS, Fault, Root, Wrong, day_root, link, verify
from signaling.ledger.codec import encode
from signaling.ledger.events import Entry, Header, Note, Subject
from signaling.ledger.facts import Confirmed, Joined, Kind, MediaDelivered, OnAir
from signaling.ledger.roots_service import Noted, RootsService
from signaling.ledger.roster import Roster
from signaling.ledger.service import LedgerService
from tests.signaling.test_ledger_service import Clock, ledger
from tests.support.databases import POSTGRESQL, migrated, sqlite_only

NOON = datetime(2026, 9, 14, 4, 0, tzinfo=UTC)
DAY = date(2026, 9, 14)


def chain(node: str, length: int) -> list[Entry]:
    """A chain of changes of a broadcast, three entries a day."""
    entries: list[Entry] = []
    for number in range(1, length + 1):
        fact = OnAir("live", "paused", NOON + timedelta(seconds=number), "pause")
        day = DAY + timedelta(days=number // 3)
        header = Header(node, number, day, "on_air", f"lecture-{number % 2}", "b", "boot", number, NOON, 1)
        before = entries[-1].digest if entries else GENESIS
        entries.append(link(before, header, encode(Kind.ON_AIR, [fact], Roster())))
    return entries


def changed(entries: list[Entry], place: int, **fields: Any) -> list[Entry]:
    """The chain with other fields in one header."""
    one = entries[place]
    return [*entries[:place], one._replace(header=one.header._replace(**fields)), *entries[place + 1 :]]


OTHER: dict[str, Any] = {
    "day": DAY + timedelta(days=99),
    "kind": "left",
    "lecture_id": None,
    "broadcast_id": "c",
    "boot": "Boot",
    "counter": 999,
    "recorded_at": NOON + timedelta(milliseconds=1),
    "facts": 2,
}


def test_a_chain_as_it_was_recorded_is_right() -> None:
    assert verify([*chain("a", 9), *chain("b", 5)]) is None
    assert verify([]) is None


@pytest.mark.parametrize("field", OTHER)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_another_header_is_found_where_it_is(field: str, place: int) -> None:
    fault = verify(changed(chain("a", 7), place, **{field: OTHER[field]}))
    assert fault is not None
    assert (fault.wrong, fault.number) == (Wrong.CONTENT, place + 1)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_another_byte_anywhere_in_a_body_is_found(place: int) -> None:
    entries = chain("a", 7)
    for byte in range(len(entries[place].body)):
        body = bytearray(entries[place].body)
        body[byte] ^= 0x20
        forged = [*entries[:place], entries[place]._replace(body=bytes(body)), *entries[place + 1 :]]
        fault = verify(forged)
        assert fault is not None
        assert (fault.wrong, fault.number) == (Wrong.BODY, place + 1), byte


def test_another_digest_is_told_from_another_content() -> None:
    entries = chain("a", 7)
    fault = verify([*entries[:3], entries[3]._replace(digest=bytes(32)), *entries[4:]])
    assert fault is not None
    assert (fault.wrong, fault.number) == (Wrong.DIGEST, 4)


def test_a_body_that_was_made_anew_with_its_check_sum_is_another_content() -> None:
    entries = chain("a", 7)
    body = encode(Kind.ON_AIR, [OnAir("live", "paused", NOON, "pause")], Roster())
    fault = verify([*entries[:3], entries[3]._replace(body=body), *entries[4:]])
    assert fault is not None
    assert (fault.wrong, fault.number) == (Wrong.CONTENT, 4)


@pytest.mark.parametrize("place", [0, 2, 5])
def test_swapped_entries_are_named(place: int) -> None:
    entries = chain("a", 7)
    one, two = entries[place], entries[place + 1]
    forged = [
        *entries[:place],
        two._replace(header=two.header._replace(number=place + 1)),
        one._replace(header=one.header._replace(number=place + 2)),
        *entries[place + 2 :],
    ]
    fault = verify(forged)
    assert fault is not None
    assert (fault.wrong, fault.number) == (Wrong.SWAPPED, place + 1)


@pytest.mark.parametrize("place", [0, 3])
def test_a_missing_number_is_named(place: int) -> None:
    entries = chain("a", 7)
    fault = verify([*chain("0", 2), *entries[:place], *entries[place + 1 :]])
    assert fault is not None
    assert (fault.wrong, fault.number, fault.header.node) == (Wrong.MISSING, place + 1, "a")


def test_a_fault_is_a_sentence() -> None:
    fault = verify(changed(chain("node-1", 7), 3, boot="x"))
    assert str(fault) == (
        "node node-1, 2026-09-15, entry 4 (on_air, lecture lecture-0) has another header or content than was recorded"
    )
    assert str(Fault(Wrong.MISSING, 2, chain("n", 1)[0].header)).endswith(
        "entry 2 (on_air, lecture lecture-1) is missing"
    )


@given(st.data())
@settings(max_examples=60)
def test_no_change_of_any_row_goes_unseen(data: st.DataObject) -> None:
    entries = chain("a", 8)
    place = data.draw(st.integers(0, 7))
    one = entries[place]
    how = data.draw(st.sampled_from(["body", "digest", "header", "gone", "twice"]))
    if how == "body":
        forged = [one._replace(body=data.draw(st.binary(max_size=99).filter(lambda body: body != one.body)))]
    elif how == "digest":
        forged = [
            one._replace(digest=data.draw(st.binary(min_size=32, max_size=32).filter(lambda new: new != one.digest)))
        ]
    elif how == "header":
        field = data.draw(st.sampled_from(sorted(OTHER)))
        forged = [one._replace(header=one.header._replace(**{field: OTHER[field]}))]
    else:
        forged = [] if how == "gone" and place < 7 else [one, one]
    fault = verify([*entries[:place], *forged, *entries[place + 1 :]])
    assert fault is not None
    assert fault.number in (place + 1, place + 2)


def test_the_root_over_all_nodes_does_not_depend_on_their_order() -> None:
    roots = [Root(node, DAY, 3, 3, bytes([number]) * 32) for number, node in enumerate("ab")]
    assert day_root(roots) == day_root(roots[::-1]) != day_root(roots[:1])


def test_roots_survive_as_csv() -> None:
    roots = [Root("-a.b", DAY, 3, 3, bytes(range(32))), Root("node-2", DAY, 12, 5, bytes(32))]
    data = roots_csv.written(roots)
    assert data.startswith(b"\xef\xbb\xbf")
    assert b'"\'-a.b"' in data  # no spreadsheet takes it for a formula
    assert roots_csv.read(data) == [
        Noted("-a.b", "2026-09-14", 3, bytes(range(32)).hex()),
        Noted("node-2", "2026-09-14", 12, bytes(32).hex()),
    ]
    with pytest.raises(ValueError, match="line 2 is no root"):
        roots_csv.read(roots_csv.written([]) + b"x,y\r\n")


# --- in a database ----------------------------------------------------------------------------------------------------

LIVE, LATER = Subject("lecture-1", "broadcast-1"), Subject("lecture-2", "broadcast-2")


async def fill(db: Database, folder: Path) -> None:
    """Two nodes, two days, two lectures."""
    clock = Clock()
    services: list[LedgerService] = [ledger(db, folder / node, node=node, clock=clock) for node in ("node-1", "node-2")]
    for subject in (LIVE, LATER):
        for service in services:
            came = [Joined(f"{subject[0]}-{n}", f"screen-{n}", None, clock.now, "boot-1") for n in range(20)]
            await service.record(subject, *came)
            delivered = [
                MediaDelivered(n, 0, 1750, 10_000, (("screen-1", 1750, 0), ("screen-2", 17, 3))) for n in range(3)
            ]
            await service.record_all([Note(subject, one) for one in delivered])
            await service.record(subject, Confirmed("class", "", 45, 44, 0, "room", clock.now, 1))
        clock.now += timedelta(days=1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await migrated(tmp_path / "jiangtang.sqlite3")
    await fill(made, tmp_path)
    yield made
    await made.close()


Forge = Callable[..., Awaitable[None]]


@pytest.fixture
def forge(db: Database) -> Forge:
    """Runs statements as somebody does who has the database and takes the triggers away first."""

    async def run(*statements: str, **values: object) -> None:
        async with db.engine.begin() as connection:
            if POSTGRESQL:
                await connection.exec_driver_sql("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
            else:
                for action in ("update", "delete"):
                    await connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS ledger_entries_no_{action}")
            for statement in statements:
                await connection.execute(text(statement), values)

    return run


async def rows(db: Database) -> list[Any]:
    async with db.reading() as session:
        query = text("SELECT node, number, kind, body, lecture_id, day FROM ledger_entries ORDER BY node, number")
        return list(await session.execute(query))


async def test_what_nobody_touched_is_right(db: Database) -> None:
    roots = RootsService(db)
    whole = await roots.verify()
    assert (whole.entries, whole.nodes, whole.fault) == (24, 2, None)
    for day, lecture in ((DAY, None), (None, "lecture-2"), (DAY + timedelta(days=1), None)):
        found = await roots.verify(day, lecture)
        assert (found.entries, found.fault) == (14, None)  # twelve, and a neighbour on each node
    assert (await roots.verify(date(2000, 1, 1))).entries == 0


async def test_every_region_of_every_body_is_guarded(db: Database, forge: Forge) -> None:
    roots = RootsService(db)
    for node, number, kind, body, lecture, _ in await rows(db):
        data = bytes(body)
        for place in {0, 1, 5, len(data) // 2, len(data) - 1}:
            flipped = data[:place] + bytes([data[place] ^ 0x01]) + data[place + 1 :]
            where = "WHERE node = :node AND number = :number"
            change = f"UPDATE ledger_entries SET body = :body {where}"
            await forge(change, body=flipped, node=node, number=number)
            for found in (await roots.verify(), await roots.verify(None, lecture)):
                assert found.fault is not None
                fault = found.fault
                assert (fault.wrong, fault.header.node, fault.number, fault.header.kind) == (
                    Wrong.BODY,
                    node,
                    number,
                    kind,
                )
            await forge(change, body=data, node=node, number=number)
    assert (await roots.verify()).fault is None


@pytest.mark.parametrize(
    ("change", "wrong", "number"),
    [
        ("SET lecture_id = 'lecture-9'", Wrong.CONTENT, 4),
        ("SET lecture_id = NULL", Wrong.CONTENT, 4),
        ("SET day = '2026-09-20'", Wrong.CONTENT, 4),
        ("SET kind = 'rendered'", Wrong.CONTENT, 4),
        ("SET boot = 'x'", Wrong.CONTENT, 4),
        ("SET counter = counter + 1000", Wrong.CONTENT, 4),
        ("SET recorded_at = '2026-09-14 05:00:00.000000'", Wrong.CONTENT, 4),
        ("SET facts = 7", Wrong.CONTENT, 4),
        ("SET broadcast_id = 'x'", Wrong.CONTENT, 4),
        ("SET digest = :zeros", Wrong.DIGEST, 4),
    ],
)
async def test_every_column_is_guarded(db: Database, forge: Forge, change: str, wrong: Wrong, number: int) -> None:
    values = {"zeros": bytes(32)} if ":zeros" in change else {}
    await forge(f"UPDATE ledger_entries {change} WHERE node = 'node-2' AND number = 4", **values)
    fault = (await RootsService(db).verify()).fault
    assert fault is not None
    assert (fault.wrong, fault.header.node, fault.number) == (wrong, "node-2", number)


async def test_rows_that_are_gone_added_or_swapped_are_named(db: Database, forge: Forge) -> None:
    roots = RootsService(db)
    swap = "UPDATE ledger_entries SET number = {} WHERE node = 'node-1' AND number = {}"
    to_and_fro = [swap.format(99, 3), swap.format(3, 4), swap.format(4, 99)]
    await forge(*to_and_fro)
    fault = (await roots.verify()).fault
    assert fault is not None
    assert (fault.wrong, fault.number) == (Wrong.SWAPPED, 3)
    await forge(*to_and_fro)
    assert (await roots.verify()).fault is None
    await forge("DELETE FROM ledger_entries WHERE node = 'node-1' AND number = 3")
    for found in (await roots.verify(), await roots.verify(DAY), await roots.verify(None, "lecture-1")):
        assert found.fault is not None
        assert (found.fault.wrong, found.fault.header.node, found.fault.number) == (Wrong.MISSING, "node-1", 3)
    assert (await roots.verify(None, "lecture-2")).fault is None


async def test_a_cut_off_end_is_told_by_roots_that_were_noted(db: Database, forge: Forge) -> None:
    roots = RootsService(db)
    noted = roots_csv.read(roots_csv.written(await roots.roots()))
    assert len(noted) == 4
    assert await roots.differing(noted) == []
    await forge("DELETE FROM ledger_entries WHERE node = 'node-2' AND number > 10")
    assert (await roots.verify()).fault is None
    assert [(one.node, one.number) for one in await roots.differing(noted)] == [("node-2", 12)]


async def test_the_root_of_a_day_is_its_last_digest_and_the_next_day_goes_on(db: Database) -> None:
    roots = RootsService(db)
    first, second = await roots.roots(DAY, DAY), await roots.roots(DAY + timedelta(days=1))
    assert [(one.node, one.number, one.entries) for one in first] == [("node-1", 6, 6), ("node-2", 6, 6)]
    assert [(one.node, one.number, one.entries) for one in second] == [("node-1", 12, 6), ("node-2", 12, 6)]
    assert await roots.newest_day() == DAY + timedelta(days=1)
    assert await roots.roots(date(2000, 1, 1), date(2000, 1, 1)) == []


@sqlite_only
def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def make() -> None:
        made = await migrated(tmp_path / "jiangtang.sqlite3")
        await fill(made, tmp_path)
        await made.close()

    asyncio.run(make())
    data = ["--data", str(tmp_path)]
    assert main(["ledger", "verify", *data]) == 0
    assert capsys.readouterr().out == "24 entries of 2 nodes are as they were recorded\n"
    assert main(["ledger", "root", "--day", "2026-09-14", *data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["node-1", "node-2", "all"]
    assert all(len(line.split("\t")[3]) == 64 for line in lines)
    assert main(["ledger", "root", "--day", "2020-01-01", *data]) == 1
    assert "no entry of 2020-01-01" in capsys.readouterr().err
    noted = tmp_path / "roots.csv"
    noted.write_bytes(roots_csv.written([Root("node-1", DAY, 6, 6, bytes(32))]))
    assert main(["ledger", "verify", "--roots", str(noted), *data]) == 1
    assert "node node-1, 2026-09-14, entry 6 is gone or another than was noted" in capsys.readouterr().err
    with sqlite3.connect(tmp_path / "jiangtang.sqlite3") as raw:
        raw.execute("DROP TRIGGER ledger_entries_no_update")
        raw.execute("UPDATE ledger_entries SET body = x'00' WHERE node = 'node-2' AND number = 9")
    for part in ([], ["--day", "2026-09-15"], ["--lecture", "lecture-2"]):
        assert main(["ledger", "verify", *part, *data]) == 1
        said = capsys.readouterr().err
        assert said.startswith(
            "jiangtang: node node-2, 2026-09-15, entry 9 (media_delivered, lecture lecture-2) has another body"
        )
    assert main(["ledger", "verify", "--lecture", "lecture-1", *data]) == 0
