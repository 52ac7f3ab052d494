"""Corrections: two people, in time, seen before they are made, and what was decided before stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from signaling.api.problems import Problem
from signaling.attendance.judgement import Decision
from signaling.attendance.models import AttendanceDecision
from signaling.auth.models import AuditEntry
from signaling.corrections import rules
from signaling.corrections.models import TABLES, CorrectionOutcome, TermClosing
from signaling.corrections.reasons import FIELDS, reasons
from signaling.db.base import Base
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.facts import Corrected, Fault, Kind
from tests.support.attending import END, FIRST, SECOND, A, B, C
from tests.support.righting import AWAY, HOME, TERM, TOP, Office, office
from tests.support.roll import LECTURE


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as made:
        yield made


async def write(here: Office, row: Base) -> None:
    async with here.db.writing() as session:
        session.add(row)


async def decision(here: Office, class_id: str) -> Decision:
    rows = (await here.report()).report.classes
    return next(row.decision for row in rows if row.target.class_id == class_id)


@pytest.mark.parametrize("state", [rules.REQUESTED, rules.APPROVED, rules.REJECTED, rules.WITHDRAWN])
@pytest.mark.parametrize("action", ["approve", "reject", "withdraw"])
def test_what_was_decided_stays(state: str, action: str) -> None:
    if state == rules.REQUESTED:
        assert rules.after(state, action) in {rules.APPROVED, rules.REJECTED, rules.WITHDRAWN}
        return
    with pytest.raises(Problem, match="illegal_correction"):
        rules.after(state, action)


def test_reasons_explain_known_fields_in_both_languages() -> None:
    assert {"停电", "断网", "平台故障", "停课", "人数填错", "终端更换"} <= {one.zh for one in reasons().values()}
    assert all(one.fields and set(one.fields) <= set(FIELDS) and one.en.isascii() for one in reasons().values())
    assert all("result" in one.fields for one in reasons().values() if one.cause is not None)


async def test_a_number_is_corrected_by_two_people_and_settles_another_decision(here: Office) -> None:
    await here.confirm(A, 40, 400)
    await here.attendance.settler.round()
    made = await here.request("teacher", A, "present", "44", "count", note="点名册少录四人", evidence="教务〔2026〕7号")
    assert (made["state"], made["old"], made["new"], made["mine"]) == ("requested", "40", "44", True)
    assert [(one["field"], one["old"], one["new"]) for one in made["effect"]["changes"]] == [("present", "40", "44")]
    assert (await decision(here, A)).present == 40
    status, document = await here.decide("county", made["id"], note="同意")
    assert (status, document["state"], document["decided_by"]) == (200, "approved", "County")
    found = await decision(here, A)
    assert (found.present, found.corrected, found.reasons[-1]) == (44, True, "已更正：实到44")
    facts = [told.fact async for told in here.ledger.facts(LECTURE, {Kind.CORRECTED})]
    assert [(one.old, one.new, one.requested_by, one.approved_by) for one in facts if isinstance(one, Corrected)] == [
        ("40", "44", here.ids["teacher"], here.ids["county"])
    ]
    assert await here.attendance.settler.round() == [LECTURE]
    async with here.db.reading() as session:
        mine = select(AttendanceDecision).where(AttendanceDecision.school_code == FIRST)
        rows = list(await session.scalars(mine.order_by(AttendanceDecision.revision)))
        actions = set(await session.scalars(select(AuditEntry.action).where(AuditEntry.subject == made["id"])))
    assert [(row.supersedes, row.cause, row.present) for row in rows] == [(None, "ended", 40), (1, "corrected", 44)]
    assert actions == {"correction.requested", "correction.approved"}


async def test_nobody_decides_about_what_they_asked_for_not_even_past_the_program(here: Office) -> None:
    made = await here.request("county", A, "present", "44", "count")
    status, document = await here.decide("county", made["id"])
    assert (status, document["code"]) == (403, "own_request")
    for role, wanted in (("teacher", 403), ("auditor", 403), ("other", 403), ("away", 404)):
        assert (await here.decide(role, made["id"]))[0] == wanted
    outcome = {"correction_id": made["id"], "outcome": "approved", "at": END}
    for requested_by, decided_by in (("county", "county"), ("away", "county")):
        people = {"requested_by": here.ids[requested_by], "decided_by": here.ids[decided_by]}
        with pytest.raises(IntegrityError):
            await write(here, CorrectionOutcome(**outcome, **people))
    assert (await here.decide("colleague", made["id"]))[0] == 200


async def test_what_waits_is_counted_for_those_who_decide_and_never_for_who_asked(here: Office) -> None:
    async def waiting(role: str) -> object:
        status, document, _ = await here.ask(role, "GET", "/corrections/waiting")
        return document["waiting"] if status == 200 else status

    assert [await waiting(role) for role in ("county", "teacher", "auditor")] == [0, 403, 403]
    made = await here.request("teacher", A, "present", "44", "count")
    await here.request("county", B, "present", "41", "count")
    assert [await waiting(role) for role in ("county", "colleague", "away")] == [1, 2, 0]
    await here.decide("county", made["id"])
    assert [await waiting(role) for role in ("county", "colleague")] == [0, 1]


async def test_a_correction_is_decided_once(here: Office) -> None:
    made = await here.request("teacher", A, "present", "44", "count")
    assert (await here.decide("county", made["id"], "reject", "无佐证"))[1]["decision_note"] == "无佐证"
    status, document = await here.decide("colleague", made["id"])
    assert (status, document["code"], document["state"]) == (409, "illegal_correction", "rejected")
    assert (await decision(here, A)).present is None
    again = await here.request("teacher", A, "present", "43", "count")
    status, document, _ = await here.ask("county", "POST", f"/corrections/{again['id']}/withdrawal")
    assert (status, document["code"]) == (403, "not_yours")
    status, document, _ = await here.ask("teacher", "POST", f"/corrections/{again['id']}/withdrawal")
    assert (status, document["state"]) == (200, "withdrawn")


async def test_who_approves_sees_what_changed_meanwhile(here: Office) -> None:
    await here.confirm(A, 40, 400)
    made = await here.request("teacher", A, "present", "44", "count")
    _, before, headers = await here.ask("county", "GET", f"/corrections/{made['id']}")
    await here.confirm(A, 41, 500)
    path, order = f"/corrections/{made['id']}/decision", {"decision": "approve"}
    assert (await here.ask("county", "POST", path, order))[0] == 428
    status, document, _ = await here.ask("county", "POST", path, order, {"If-Match": headers["ETag"]})
    assert (status, document["code"]) == (412, "changed_meanwhile")
    _, after, _ = await here.ask("county", "GET", f"/corrections/{made['id']}")
    assert (before["changed"], after["changed"], after["old"], after["effect"]["now"]) == (False, True, "40", "41")
    assert (await here.decide("county", made["id"]))[0] == 200
    facts = [told.fact async for told in here.ledger.facts(LECTURE, {Kind.CORRECTED})]
    assert [one.old for one in facts if isinstance(one, Corrected)] == ["41"]


@pytest.mark.parametrize(
    ("scope", "name", "new", "reason", "status", "code"),
    [
        (A, "present", "46", "count", 409, "changes_nothing"),
        (A, "expected", "45", "count", 409, "changes_nothing"),
        (B, "result", "absent", "terminal", 409, "changes_nothing"),
        (A, "present", "-1", "count", 422, "bad_value"),
        (A, "present", "044", "count", 422, "bad_value"),
        (A, "present", "４４", "count", 422, "bad_value"),
        (A, "present", "44", "power", 422, "wrong_reason"),
        (A, "present", "44", "weather", 422, "unknown_reason"),
        (A, "result", "unconfirmed", "terminal", 422, "bad_value"),
        (A, "guests", "4", "count", 422, "invalid"),
        (FIRST, "result", "qualified", "power", 422, "only_excused"),
        (FIRST, "result", "excused", "terminal", 422, "wrong_reason"),
        (HOME, "result", "excused", "power", 404, "not_found"),
        (C, "present", "44", "count", 404, "not_found"),
        ("nobody", "present", "44", "count", 404, "not_found"),
    ],
)
async def test_what_is_refused(
    here: Office, scope: str, name: str, new: str, reason: str, status: int, code: str
) -> None:
    order = {"lecture_id": LECTURE, "scope": scope, "field": name, "new": new, "reason": reason}
    answer = await here.ask("teacher", "POST", "/corrections", order)
    assert (answer[0], answer[1]["code"]) == (status, code)


async def test_the_same_is_not_asked_for_twice_and_a_note_holds_no_number_of_a_person(here: Office) -> None:
    await here.request("teacher", A, "present", "44", "count")
    order = {"lecture_id": LECTURE, "scope": A, "field": "present", "new": "43", "reason": "count"}
    status, document, _ = await here.ask("teacher", "POST", "/corrections", order)
    assert (status, document["code"]) == (409, "already_asked")
    status, document, _ = await here.ask("teacher", "POST", "/corrections", order | {"note": "13812345678"})
    assert (status, document["code"]) == (422, "invalid")


async def test_a_later_correction_supersedes_the_one_before(here: Office) -> None:
    first = await here.approved("teacher", "county", A, "present", "44", "count")
    await here.approved("teacher", "county", A, "present", "43", "count")
    facts = [told.fact async for told in here.ledger.facts(LECTURE, {Kind.CORRECTED})]
    assert [one.supersedes for one in facts if isinstance(one, Corrected)] == [None, first]
    assert (await decision(here, A)).present == 43


async def test_a_whole_school_is_excused_by_a_fault_and_who_watched_keeps_what_it_has(here: Office) -> None:
    made = await here.request("teacher", FIRST, "result", "excused", "power")
    assert (made["level"], made["effect"]["classes"], made["effect"]["changes"][0]["class_id"]) == ("school", 1, B)
    assert (await here.decide("county", made["id"]))[0] == 200
    assert (await decision(here, B)).label == "免计"
    assert "因停电无法收看2分钟" in (await decision(here, B)).reason
    assert (await decision(here, A)).label == "待确认"
    facts = [told.fact async for told in here.ledger.facts(LECTURE, {Kind.FAULT})]
    assert [(one.fault_id, one.cause, one.scope, one.note_code) for one in facts if isinstance(one, Fault)] == [
        (made["id"], "power", FIRST, "power")
    ]
    assert await here.attendance.settler.round() == [LECTURE]
    nothing = {"lecture_id": LECTURE, "scope": SECOND, "field": "result", "new": "excused", "reason": "power"}
    status, document, _ = await here.ask("other", "POST", "/corrections", nothing)
    assert (status, document["code"]) == (409, "changes_nothing")


async def test_everybody_sees_what_their_node_covers(here: Office) -> None:
    await here.request("teacher", A, "present", "44", "count")
    await here.request("county", HOME, "result", "excused", "network")
    await here.request("other", C, "present", "41", "count")
    seen = {}
    for who in ("teacher", "other", "county", "away", "prefecture", "auditor"):
        _, document, _ = await here.ask(who, "GET", "/corrections")
        seen[who] = (document["total"], sorted(one["level"] for one in document["items"]))
    assert seen == {
        "teacher": (1, ["class"]),
        "other": (1, ["class"]),
        "county": (2, ["class", "county"]),
        "away": (1, ["class"]),
        "prefecture": (3, ["class", "class", "county"]),
        "auditor": (3, ["class", "class", "county"]),
    }
    for wanted, total in (("state=requested", 3), ("state=approved", 0), (f"school={SECOND}", 1)):
        _, document, _ = await here.ask("prefecture", "GET", f"/corrections?{wanted}")
        assert document["total"] == total


async def test_fifteen_days_and_then_only_in_a_term_that_was_opened_again(here: Office) -> None:
    order = {"lecture_id": LECTURE, "scope": A, "field": "present", "new": "44", "reason": "count"}
    here.clock.now = END + timedelta(days=15)
    status, document, _ = await here.ask("teacher", "POST", "/corrections", order)
    assert (status, document["code"]) == (409, "too_late")
    here.clock.now -= timedelta(seconds=1)
    made = await here.request("teacher", A, "present", "44", "count")
    assert await close(here, "county", HOME, True) == (200, "closed")
    status, document = await here.decide("county", made["id"])
    assert (status, document["code"]) == (409, "term_closed")
    assert await close(here, "county", HOME, False, "补录") == (403, "only_prefecture")
    assert await close(here, "prefecture", HOME, False, "") == (422, "no_reason")
    assert await close(here, "prefecture", HOME, False, "州级抽查更正") == (200, "reopened")
    here.clock.now = END + timedelta(days=40)
    assert (await here.decide("county", made["id"]))[0] == 200
    await here.request("teacher", A, "expected", "46", "transfer")


async def close(here: Office, who: str, region: str, closed: bool, reason: str = "") -> tuple[int, str]:
    path = f"/terms/{region}/{TERM}/books"
    _, _, headers = await here.ask(who, "GET", path)
    match = {"If-Match": headers.get("ETag", '"0"')}
    status, document, _ = await here.ask(who, "PUT", path, {"closed": closed, "reason": reason}, match)
    return status, document.get("code") or document["state"]


async def test_the_newest_of_county_and_prefecture_counts(here: Office) -> None:
    assert await close(here, "away", HOME, True) == (404, "not_found")
    assert await close(here, "away", TOP, True) == (403, "forbidden")
    assert await close(here, "teacher", HOME, True) == (403, "forbidden")
    assert await close(here, "prefecture", TOP, True) == (200, "closed")
    assert await close(here, "county", HOME, True) == (409, "already_so")
    assert await close(here, "prefecture", HOME, False, "一县更正") == (200, "reopened")
    _, document, _ = await here.ask("away", "GET", f"/terms/{AWAY}/{TERM}/books")
    assert document["state"] == "closed"
    order = {"lecture_id": LECTURE, "scope": C, "field": "present", "new": "44", "reason": "count"}
    status, document, _ = await here.ask("other", "POST", "/corrections", order)
    assert (status, document["code"]) == (409, "term_closed")
    await here.request("teacher", A, "present", "44", "count")
    _, document, _ = await here.ask("county", "GET", f"/terms/{HOME}/{TERM}/books")
    assert (document["state"], document["waiting"]) == ("reopened", 1)
    _, document, _ = await here.ask("away", "GET", "/term-closings")
    assert [(one["region"], one["closed"], one["by"]) for one in document["items"]] == [(TOP, True, "Prefecture")]
    path, stale = f"/terms/{HOME}/{TERM}/books", {"If-Match": '"1"'}
    status, document, _ = await here.ask("county", "PUT", path, {"closed": True}, stale)
    assert (status, document["code"]) == (412, "changed_meanwhile")


async def test_nothing_that_was_written_changes(here: Office) -> None:
    await here.approved("teacher", "county", A, "present", "44", "count")
    assert await close(here, "county", HOME, True) == (200, "closed")
    for table, column in zip(TABLES, ("new", "outcome", "reason"), strict=True):
        for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="append-only"):
                async with here.db.writing() as session:
                    await session.execute(text(statement))
    about = {"region_code": HOME, "term": TERM, "closed": False, "reason": "", "by": "x", "at": END}
    with pytest.raises(IntegrityError):
        await write(here, TermClosing(number=9, **about))
    async with here.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(TermClosing)) == 1


async def test_what_a_crash_kept_from_the_ledger_is_told_once(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await here.request("teacher", A, "present", "44", "count")

    async def away(*facts: object) -> None:
        raise LedgerUnavailable("nothing takes facts")

    with monkeypatch.context() as broken:
        broken.setattr(here.ledger, "record", away)
        status, document = await here.decide("county", made["id"])
    assert (status, document["code"]) == (503, "busy")
    assert (await decision(here, A)).present is None
    assert await here.parts.telling.mend() == [made["id"]]
    assert (await decision(here, A)).present == 44
    assert await here.parts.telling.mend() == []
    here.parts.telling._told.clear()
    assert await here.parts.telling.mend() == []
