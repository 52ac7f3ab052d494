"""Facts through codec, columns and journal lines: what comes back is what went in, or an error that names the entry."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.ledger.codec import HEAD, decode, encode, framed, screens_of
from signaling.ledger.columns import StoredDelivery, StoredRefused, StoredRendered, StoredReplay
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Draft, Header, Subject
from signaling.ledger.facts import (
    REASONS,
    Answered,
    Challenged,
    Confirmed,
    Corrected,
    Fact,
    Fault,
    Flags,
    Joined,
    Kind,
    Left,
    MediaDelivered,
    Numbered,
    OnAir,
    RefusedReports,
    Rendered,
    ReplayDelivered,
    Ruled,
)
from signaling.ledger.lines import from_line, to_line
from signaling.ledger.roster import Roster

NOON = datetime(2026, 9, 14, 4, 0, tzinfo=UTC)
UUIDS = [f"01991c7f-3b4a-7000-8000-{number:012x}" for number in range(9)]
A, B, C = UUIDS[:3]
CLASS = UUIDS[3]

FACTS: dict[Kind, list[Fact]] = {
    Kind.JOINED: [
        Joined("s1", A, CLASS, NOON, "boot"),
        Joined("s2", B, None, NOON + timedelta(milliseconds=5), "boot"),
        Joined("s3", C, "another class", NOON - timedelta(hours=1), "boot-2"),
    ],
    Kind.LEFT: [Left("s1", A, CLASS, NOON, "replaced"), Left("s2", B, "0", NOON, "")],
    Kind.CHALLENGED: [Challenged("c1", 2, NOON, NOON + timedelta(seconds=90), (A, B, C))],
    Kind.ANSWERED: [Answered("c1", C, NOON, 3_210, True, 1), Answered("c1", A, NOON, 90_000, False, 7)],
    Kind.CONFIRMED: [
        Confirmed(CLASS, "", 45, 44, 0, "room", NOON, 1),
        Confirmed("a class without a screen", "s1", 40, 41, 2, "user-1", NOON, 2),
    ],
    Kind.ON_AIR: [OnAir("open", "live", NOON, "start"), OnAir("live", "paused", NOON, "pause")],
    Kind.RULED: [Ruled(2, NOON), Ruled(3, NOON + timedelta(hours=1))],
    Kind.FAULT: [
        Fault("f1", "power", "522301", NOON, None, "user-1", "grid", NOON, 1),
        Fault("f1", "power", "522301", NOON, NOON + timedelta(hours=1), "user-1", "grid", NOON, 2),
    ],
    Kind.CORRECTED: [Corrected("k1", CLASS, "present", "44", "43", "miscounted", "user-1", "user-2", NOON, None)],
}
DELIVERED = MediaDelivered(177_000_000, 0, 1750, 10_000, ((B, 1750, 0), (A, 1600, 12), (C, 0, 0)))
REPLAYED = ReplayDelivered(177_000_001, ((B, 5, 9_000), (A, 1_789_000_000_000, 1_789_000_010_000), (B, 0, 5)), 1, 6)
REFUSED = RefusedReports(
    29_500_000,
    ((C, "unproven", 1), (A, "replayed_counter", 70_000), (A, "bad_signature", 2)),
    (("bad_signature", 2), ("replayed_counter", 5_000_000_000), ("stale_nonce", 9)),
    2,
)
SHOWN = Rendered(29_500_000, ((C, 60_000, Flags.VISIBLE | Flags.AUDIBLE), (A, 0, Flags.MUTED | Flags.UNSIGNED)))


def roster() -> Roster:
    made = Roster()
    for screen, class_id in ((A, CLASS), (B, None), (C, UUIDS[4])):
        made.add(screen, class_id)
    return made


def header(kind: Kind, facts: int = 1) -> Header:
    return Header("node-1", 7, date(2026, 9, 14), str(kind), "lecture-1", "broadcast-1", "boot", 3, NOON, facts)


@pytest.mark.parametrize("kind", FACTS)
def test_facts_come_back_as_they_were(kind: Kind) -> None:
    facts = FACTS[kind]
    assert decode(header(kind, len(facts)), encode(kind, facts, roster()), roster()) == facts
    assert {fact.kind for fact in facts} == {kind}
    assert len({fact.key for fact in facts}) == len(facts)


def test_a_replay_of_before_there_were_several_windows_in_one_is_of_one() -> None:
    one, known = ReplayDelivered(177_000_001, ((A, 5, 9_000),)), roster()
    body = encode(Kind.MEDIA_DELIVERED, [one], known)[HEAD.size :]
    way, window_no, part, windows = struct.unpack_from("<BqIH", body)
    assert (way, windows) == (2, 1)
    older = struct.pack("<BqI", 1, window_no, part) + body[struct.calcsize("<BqIH") :]
    (replayed,) = decode(header(Kind.MEDIA_DELIVERED), framed(older), known)
    assert isinstance(replayed, StoredReplay)
    assert replayed.whole(known.screens) == one


def test_columns_stay_packed_and_come_back_whole() -> None:
    known = roster()
    (delivered,) = decode(header(Kind.MEDIA_DELIVERED), encode(Kind.MEDIA_DELIVERED, [DELIVERED], known), known)
    assert isinstance(delivered, StoredDelivery)
    assert delivered.columns().slots == [0, 1, 2]
    assert delivered.key == DELIVERED.key
    whole = delivered.whole(known.screens)
    assert (whole.window_no, set(whole.deliveries)) == (DELIVERED.window_no, set(DELIVERED.deliveries))
    (replayed,) = decode(header(Kind.MEDIA_DELIVERED), encode(Kind.MEDIA_DELIVERED, [REPLAYED], known), known)
    assert isinstance(replayed, StoredReplay)
    assert replayed.key == REPLAYED.key == "replay:177000001:1"
    assert replayed.whole(known.screens).deliveries == (REPLAYED.deliveries[1], (B, 0, 5), (B, 5, 9_000))
    assert replayed.whole(known.screens).windows == 6
    (shown,) = decode(header(Kind.RENDERED), encode(Kind.RENDERED, [SHOWN], known), known)
    assert isinstance(shown, StoredRendered)
    assert shown.key == SHOWN.key
    assert set(shown.whole(known.screens).reports) == set(SHOWN.reports)
    (refused,) = decode(header(Kind.REFUSED), encode(Kind.REFUSED, [REFUSED], known), known)
    assert isinstance(refused, StoredRefused)
    assert refused.key == REFUSED.key == "refused:29500000:2"
    assert refused.whole(known.screens) == replace(
        REFUSED, reports=(*reversed(REFUSED.reports[1:]), REFUSED.reports[0])
    )


def test_reasons_keep_their_numbers() -> None:
    """Entries hold them: a new reason comes last."""
    first = ("bad_report", "bad_signature", "stale_nonce", "wrong_broadcast", "replayed_counter", "wrong_minute")
    assert REASONS[:8] == (*first, "fast_forward", "unproven")


@pytest.mark.parametrize(
    ("rows", "totals", "why"),
    [
        (((A, "unproven", 1), (A, "unproven", 2)), (), "a screen stands twice with a reason"),
        (((A, "unproven", 0),), (), "a reason is unknown, or was given less than once"),
        (((A, "because", 1),), (), "a reason is unknown"),
        ((), (("because", 1),), "a reason is unknown"),
    ],
)
def test_refusals_that_could_not_be_stored_cannot_be_made(rows: Any, totals: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RefusedReports(1, rows, totals)


@pytest.mark.parametrize(
    "ids", [UUIDS, ["screen-1", "screen-2"], [UUIDS[0].upper()]], ids=["uuids", "words", "capitals"]
)
def test_a_roster_comes_back(ids: Sequence[str]) -> None:
    facts = [Numbered(4 + n, one, None if n == 1 else one) for n, one in enumerate(ids)]
    body = encode(Kind.ROSTER, facts, Roster())
    assert decode(header(Kind.ROSTER, len(facts)), body, Roster()) == facts


def test_ids_of_one_day_cost_little() -> None:
    """The last half of an id of the same import is what differs."""
    facts = [Numbered(n, UUIDS[0][:-12] + f"{n * 7919:012x}", None) for n in range(1000)]
    assert len(encode(Kind.ROSTER, facts, Roster())) < 6_000


def test_times_are_whole_milliseconds_of_utc() -> None:
    local = datetime(2026, 9, 14, 12, 0, 0, 1999).astimezone(tz=UTC)
    assert OnAir("open", "live", local, "start").at.microsecond == 1000
    with pytest.raises(ValueError, match="naive time"):
        OnAir("open", "live", datetime(2026, 9, 14), "start")


@pytest.mark.parametrize(
    ("rows", "why"), [(((A, 1, 0), (A, 2, 0)), "a screen stands twice"), (((A, -1, 0),), "a number is negative")]
)
def test_what_could_not_be_stored_cannot_be_made(rows: tuple[tuple[str, int, int], ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MediaDelivered(1, 0, 10, 10_000, rows)
    with pytest.raises(ValueError, match=why):
        Rendered(1, rows)
    with pytest.raises(ValueError, match="ends before it begins"):
        ReplayDelivered(1, ((A, 5, 4),))


BODIES = [(kind, encode(kind, facts, roster()), len(facts)) for kind, facts in FACTS.items()]
BODIES += [
    (Kind.MEDIA_DELIVERED, encode(Kind.MEDIA_DELIVERED, [DELIVERED], roster()), 1),
    (Kind.MEDIA_DELIVERED, encode(Kind.MEDIA_DELIVERED, [REPLAYED], roster()), 1),
    (Kind.RENDERED, encode(Kind.RENDERED, [SHOWN], roster()), 1),
    (Kind.REFUSED, encode(Kind.REFUSED, [REFUSED], roster()), 1),
    (Kind.ROSTER, encode(Kind.ROSTER, [Numbered(0, A, None)], Roster()), 1),
]


@pytest.mark.parametrize(
    ("kind", "body", "facts"), BODIES, ids=[f"{kind}-{n}" for n, (kind, _, _) in enumerate(BODIES)]
)
def test_a_torn_body_or_an_unknown_version_is_named(kind: Kind, body: bytes, facts: int) -> None:
    one = header(kind, facts)
    named = rf"^entry 7 of node node-1 \({kind}\): "
    for length in range(len(body)):
        with pytest.raises(DamagedEntry, match=named):
            decode(one, body[:length], roster())
    with pytest.raises(DamagedEntry, match=named + "unknown version 9"):
        decode(one, b"\x09" + body[1:], roster())
    for place in range(1, len(body)):
        with pytest.raises(DamagedEntry, match=named + "torn"):
            decode(one, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :], roster())
    with pytest.raises(DamagedEntry, match=f"{facts} facts instead of {facts + 1}"):
        decode(header(kind, facts + 1), body, roster())


def test_a_slot_without_a_screen_is_damage() -> None:
    body = encode(Kind.JOINED, FACTS[Kind.JOINED], roster())
    with pytest.raises(DamagedEntry, match="slot 0 is in no roster"):
        decode(header(Kind.JOINED, 3), body, Roster())


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_no_payload_does_anything_but_decode_or_be_damaged(payload: bytes) -> None:
    for kind in Kind:
        for one in (payload, zlib.compress(payload)):
            try:
                decode(header(kind), HEAD.pack(1, zlib.crc32(one)) + one, roster())
            except DamagedEntry as error:
                assert "entry 7 of node node-1" in str(error)  # noqa: PT017 - either is right, nothing else


TOLD: list[tuple[Kind, list[Fact]]] = [
    *FACTS.items(),
    (Kind.MEDIA_DELIVERED, [DELIVERED, REPLAYED]),
    (Kind.RENDERED, [SHOWN]),
    (Kind.REFUSED, [REFUSED]),
]
DRAFTS = [
    Draft(kind, Subject(None if kind is Kind.FAULT else "l", "b"), "boot", 3, NOON, tuple(facts))
    for kind, facts in TOLD
]


@pytest.mark.parametrize("draft", DRAFTS, ids=[str(draft.kind) for draft in DRAFTS])
def test_drafts_survive_as_lines(draft: Draft) -> None:
    line = to_line(draft)
    assert b"\n" not in line
    assert from_line(line) == draft


@pytest.mark.parametrize("line", [b"", b"?", to_line(DRAFTS[0])[:-9], to_line(DRAFTS[-1])[4:], b"eJyLBQAAXgBc"])
def test_torn_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a journal line"):
        from_line(line)


def test_every_screen_gets_a_number_before_it_is_written() -> None:
    assert set(screens_of(FACTS[Kind.CHALLENGED][0])) == set(screens_of(DELIVERED)) == {A, B, C}
    assert list(screens_of(FACTS[Kind.ANSWERED][0])) == [C]
    assert list(screens_of(FACTS[Kind.CONFIRMED][0])) == []
