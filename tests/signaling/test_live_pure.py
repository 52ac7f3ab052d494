"""The pure parts: buckets, conflicts, takeover desk, board."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signaling.live import board
from signaling.live.board import ClassPlace, Presence, Reception
from signaling.live.conflicts import Conflicts
from signaling.live.limits import Bucket, Buckets
from signaling.live.takeover import NoSuchRequest, TakeoverDesk

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def test_a_bucket_allows_a_burst_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=3.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.4) == pytest.approx(0.1)
    assert bucket.take(0.5) == 0.0
    assert [bucket.take(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_buckets_are_separate_and_bounded() -> None:
    buckets = Buckets(rate=1.0, burst=1.0, capacity=3)
    assert [buckets.take(key, 0.0) for key in "abc"] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("d", 0.0) == 0.0
    assert len(buckets) == 3
    assert buckets.take("a", 0.0) > 0  # was used last but one
    assert buckets.take("b", 0.0) == 0.0  # was forgotten


def test_more_than_the_limit_in_a_minute_is_a_conflict_once() -> None:
    conflicts = Conflicts(per_minute=3)
    assert [conflicts.replaced("s", t) for t in (0, 1, 2, 3)] == [False, False, False, True]
    assert [conflicts.replaced("s", t) for t in (4, 5, 6)] == [False, False, False]


def test_replacements_older_than_a_minute_do_not_count() -> None:
    conflicts = Conflicts(per_minute=3)
    assert [conflicts.replaced("s", t) for t in (0, 20, 40, 60, 80)] == [False] * 5


def test_conflicts_forget_the_quietest_screen() -> None:
    conflicts = Conflicts(per_minute=1, capacity=2)
    for screen in ("a", "b", "c"):
        conflicts.replaced(screen, 0.0)
    assert not conflicts.replaced("a", 1.0)
    assert conflicts.replaced("c", 1.0)


def test_the_desk_forgets_with_a_cut() -> None:
    desk = TakeoverDesk(60.0)
    request, is_new = desk.ask("r1", "lecture", "guest", "owner", 0.0)
    assert is_new
    desk.answer("r1", "owner", allow=True, now=1.0)
    assert desk.granted("lecture", "guest", "owner", 2.0)
    assert not desk.granted("other", "guest", "owner", 2.0)
    assert not desk.granted("lecture", "guest", "somebody else", 2.0)
    desk.forget("lecture")
    assert not desk.granted("lecture", "guest", "owner", 2.0)
    assert request.allowed is True


def test_a_permission_expires_with_its_request() -> None:
    desk = TakeoverDesk(60.0)
    desk.ask("r1", "lecture", "guest", "owner", 0.0)
    desk.answer("r1", "owner", allow=True, now=1.0)
    assert not desk.granted("lecture", "guest", "owner", 60.0)


def test_a_request_is_answered_once() -> None:
    desk = TakeoverDesk(60.0)
    desk.ask("r1", "lecture", "guest", "owner", 0.0)
    desk.answer("r1", "owner", allow=False, now=1.0)
    with pytest.raises(NoSuchRequest, match="'r1'"):
        desk.answer("r1", "owner", allow=True, now=2.0)
    assert not desk.granted("lecture", "guest", "owner", 3.0)


def test_a_new_owner_is_asked_anew() -> None:
    desk = TakeoverDesk(60.0)
    desk.ask("r1", "lecture", "guest", "owner", 0.0)
    second, is_new = desk.ask("r2", "lecture", "guest", "another", 1.0)
    assert (second.id, is_new) == ("r2", True)
    with pytest.raises(NoSuchRequest):
        desk.answer("r1", "owner", allow=True, now=2.0)


@pytest.mark.parametrize(
    ("presence", "reception", "state"),
    [
        (Presence(), Reception(None), "none"),
        (Presence("session", AT, AT), Reception(None), "connected"),
        (Presence("session", AT, AT), Reception(10.0), "receiving"),
        (Presence("session", AT, AT), Reception(10.1), "connected"),
        (Presence(None, AT, AT), Reception(3.0), "lost"),
        (Presence(None, AT, AT), Reception(None), "lost"),
        (Presence(None, AT, AT), Reception(3.0, path="hls"), "receiving"),
        (Presence(None, AT, AT), Reception(10.1, path="hls"), "lost"),
        (Presence(), Reception(10.1, path="hls"), "none"),
    ],
)
def test_the_state_of_a_screen_is_what_the_server_measured(
    presence: Presence, reception: Reception, state: str
) -> None:
    assert board.row("screen", 1, presence, reception, fresh=10.0)["state"] == state


def test_hints_stand_apart_from_what_was_measured() -> None:
    boasting = Presence(None, None, None, {"playing": True, "frames": 10_000})
    row = board.row("screen", 1, boasting, Reception(None), fresh=10.0)
    assert (row["state"], row["kbps"], row["hints"]["playing"]) == ("none", 0, True)


def place(county: str, school: str, number: int, *screens: str) -> ClassPlace:
    return ClassPlace(
        county,
        f"{county}县",
        school,
        f"{school}中",
        f"{school}-{number}",
        f"{number}班",
        tuple((s, 1) for s in screens),
    )


PLACES = [place("A", "a1", 1, "s1"), place("A", "a1", 2), place("A", "a2", 1, "s2", "s3"), place("B", "b1", 1, "s4")]


def rows(*receiving: str) -> board.Rows:
    found = {}
    for screen_id in board.screens_of(PLACES):
        session = Presence("session", AT, AT) if screen_id in receiving else Presence()
        age = 1.0 if screen_id in receiving else None
        found[screen_id] = board.row(screen_id, 1, session, Reception(age, 1500.4, 0.0123, 12.3), fresh=10.0)
    return found


def test_a_class_watches_when_one_of_its_screens_receives() -> None:
    document = board.document(PLACES, rows("s2", "s3"), AT)
    assert document["totals"] == {"classes": 4, "watching": 1, "schools": 3, "schools_watching": 1}
    assert [(c["code"], c["classes"], c["watching"], c["schools"]) for c in document["counties"]] == [
        ("A", 3, 1, 2),
        ("B", 1, 0, 1),
    ]
    school = document["counties"][0]["schools_items"][1]
    assert [screen["id"] for screen in school["classes"][0]["screens"]] == ["s2", "s3"]
    assert school["classes"][0]["screens"][0]["kbps"] == 1500


def test_a_class_without_screens_is_on_the_board() -> None:
    document = board.document(PLACES, rows(), AT)
    assert document["counties"][0]["schools_items"][0]["classes"][1] == {"id": "a1-2", "name": "2班", "screens": []}


def test_an_empty_board() -> None:
    assert board.document([], {}, AT)["totals"] == {"classes": 0, "watching": 0, "schools": 0, "schools_watching": 0}


def test_only_changed_rows_are_pushed() -> None:
    assert [row["id"] for row in board.changed(rows("s1"), rows("s1", "s4"))] == ["s4"]
    assert board.changed(rows("s1"), rows("s1")) == []
