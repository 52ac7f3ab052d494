"""Faults that people write down: seen before they are made, excusing who missed something, taken back by another fact."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signaling.ledger.facts import Kind
from tests.support.attending import END, FIRST, SECOND, A, B, C
from tests.support.righting import AWAY, HOME, TERM, TOP, Office, office
from tests.support.roll import LECTURE, START, at


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as made:
        yield made


def fault(scope: str, cause: str = "power", begin: Any = START, end: Any = END) -> dict[str, Any]:
    return {
        "cause": cause,
        "scope": scope,
        "begin": begin.isoformat(),
        "end": None if end is None else end.isoformat(),
    }


async def labels(here: Office) -> dict[str, str]:
    return {row.target.class_id: row.decision.label for row in (await here.report()).report.classes}


async def test_what_a_fault_excuses_is_seen_before_it_is_written_down(here: Office) -> None:
    status, seen, _ = await here.ask("county", "POST", "/faults/preview", fault(HOME))
    assert status == 200
    (lecture,) = seen["lectures"]
    assert {key: lecture[key] for key in ("lecture_id", "classes", "touched", "excused_before", "excused_after")} == {
        "lecture_id": LECTURE,
        "classes": 2,
        "touched": 1,
        "excused_before": 0,
        "excused_after": 1,
    }
    assert lecture["results"] == [{"old": "absent", "new": "excused", "classes": 1}]
    assert await labels(here) == {A: "待确认", B: "未接入", C: "待确认"}
    status, made, headers = await here.ask("county", "POST", "/faults", fault(HOME))
    assert (status, made["name"], made["by"], headers["ETag"]) == (201, "兴义市", "County", '"1"')
    assert await labels(here) == {A: "待确认", B: "免计", C: "待确认"}
    assert await here.attendance.settler.round() == [LECTURE]


async def test_a_fault_that_was_none_is_taken_back_by_another_fact(here: Office) -> None:
    _, made, _ = await here.ask("operator", "POST", "/faults", fault(TOP, "network", START + timedelta(seconds=7)))
    assert (await labels(here))[B] == "免计"
    path = f"/faults/{made['id']}"
    assert (await here.ask("operator", "PATCH", path, {"taken_back": True}))[0] == 428
    _, done, _ = await here.ask("operator", "PATCH", path, {"taken_back": True}, {"If-Match": '"1"'})
    assert (done["taken_back"], done["version"], done["editable"]) == (True, 2, False)
    assert (await labels(here))[B] == "未接入"
    status, document, _ = await here.ask("operator", "PATCH", path, {"taken_back": True}, {"If-Match": '"1"'})
    assert (status, document["code"]) == (412, "changed_meanwhile")
    status, document, _ = await here.ask("operator", "PATCH", path, {"taken_back": True}, {"If-Match": '"2"'})
    assert (status, document["code"]) == (409, "taken_back")
    assert len([told async for told in here.ledger.facts(None, {Kind.FAULT})]) == 2


async def test_one_that_lasts_ends_later(here: Office) -> None:
    _, made, _ = await here.ask("county", "POST", "/faults", fault(FIRST, begin=at(90), end=None))
    assert (await labels(here))[B] == "免计"  # one of two minutes, and half is enough
    edit = {"end": at(100).isoformat()}
    _, done, _ = await here.ask("county", "PATCH", f"/faults/{made['id']}", edit, {"If-Match": '"1"'})
    assert (done["end"], done["version"]) == (at(100).isoformat().replace("+00:00", "Z"), 2)


@pytest.mark.parametrize(
    ("who", "order", "status", "code"),
    [
        ("teacher", fault(FIRST), 403, "forbidden"),
        ("auditor", fault(TOP), 403, "forbidden"),
        ("county", fault(SECOND), 404, "not_found"),
        ("county", fault(TOP), 404, "not_found"),
        ("county", fault("nowhere"), 404, "not_found"),
        ("county", fault(HOME, end=START), 422, "ends_first"),
        ("county", fault(HOME, end=END + timedelta(days=1)), 422, "in_future"),
        ("county", fault(HOME, begin=START - timedelta(days=32)), 422, "too_long"),
        ("county", fault(HOME, "rain"), 422, "invalid"),
    ],
)
async def test_what_is_refused(here: Office, who: str, order: dict[str, Any], status: int, code: str) -> None:
    for path in ("/faults", "/faults/preview"):
        answer = await here.ask(who, "POST", path, order)
        assert (answer[0], answer[1]["code"]) == (status, code)


async def test_not_for_a_closed_term_nor_too_late(here: Office) -> None:
    here.clock.now = END + timedelta(days=16)
    assert (await here.ask("county", "POST", "/faults", fault(HOME)))[1]["code"] == "too_late"
    here.clock.now = END + timedelta(days=1)
    path = f"/terms/{HOME}/{TERM}/books"
    assert (await here.ask("county", "PUT", path, {"closed": True}, {"If-Match": '"0"'}))[0] == 200
    assert (await here.ask("county", "POST", "/faults", fault(HOME)))[1]["code"] == "term_closed"
    everywhere = await here.ask("prefecture", "POST", "/faults", fault(TOP))
    assert (everywhere[0], everywhere[1]["code"]) == (409, "term_closed"), "it would change what one county unit closed"
    assert (await here.ask("prefecture", "POST", "/faults", fault(AWAY)))[0] == 201


async def test_a_fault_of_a_region_concerns_its_schools_alone(here: Office) -> None:
    await here.ask("county", "POST", "/faults", fault(HOME))
    await here.ask("prefecture", "POST", "/faults", fault(C, "exam"))
    await here.ask("operator", "POST", "/faults", fault(TOP, "server"))
    seen = {}
    for who in ("teacher", "other", "county", "away", "auditor"):
        _, document, _ = await here.ask(who, "GET", "/faults")
        seen[who] = {one["scope"] for one in document["items"]}
        assert all(one["editable"] is (one["scope"] == HOME) for one in document["items"] if who == "county")
    assert seen == {
        "teacher": {HOME, TOP},
        "other": {C, TOP},
        "county": {HOME, TOP},
        "away": {C, TOP},
        "auditor": {HOME, C, TOP},
    }
    assert AWAY not in seen["away"]
