"""Who may see which recording: the shelf alone."""

from __future__ import annotations

import pytest

from signaling.auth.tokens import MONITOR, PERSON, WatchClaims
from signaling.library.shelf import Item, Shelf, Verdict


def claims(subject: str = "screen-1", lecture_id: str = "lecture") -> WatchClaims:
    return WatchClaims(subject, lecture_id, 2e9, "jti")


def filled(*items: Item) -> Shelf:
    shelf = Shelf()
    for item in items:
        shelf.put(item)
    return shelf


@pytest.mark.parametrize(
    ("subject", "state", "approved", "verdict"),
    [
        ("screen-1", "recording", False, Verdict.ALLOWED),
        ("screen-1", "degraded", False, Verdict.ALLOWED),
        ("screen-1", "finalising", False, Verdict.NOT_RELEASED),
        ("screen-1", "ready", False, Verdict.NOT_RELEASED),
        ("screen-1", "ready", True, Verdict.ALLOWED),
        (MONITOR, "ready", False, Verdict.NOT_RELEASED),
        (MONITOR, "recording", False, Verdict.ALLOWED),
        (PERSON + "u", "ready", False, Verdict.ALLOWED),
        (PERSON + "u", "recording", False, Verdict.ALLOWED),
    ],
)
def test_screens_see_what_runs_and_what_is_approved_people_see_all(
    subject: str, state: str, approved: bool, verdict: Verdict
) -> None:
    item = Item("r1", "lecture", state, approved)
    shelf = filled(item)
    assert shelf.allowed(claims(subject), item) is verdict
    assert shelf.allowed(claims(subject, "another"), item) is Verdict.WRONG_LECTURE
    assert shelf.allowed(claims(subject), item, on_air=True) is Verdict.ALLOWED
    assert shelf.allowed(claims(subject, "another"), item, on_air=True) is Verdict.WRONG_LECTURE


def test_the_newest_one_counts_and_a_change_replaces() -> None:
    shelf = filled(
        Item("r1", "lecture", "ready", True),
        Item("r2", "lecture", "ready", False),
        Item("r3", "lecture", "recording", False),
        Item("r4", "another", "recording", False),
    )
    running = shelf.running("lecture")
    assert running is not None
    assert running.recording_id == "r3"
    assert [found and found.recording_id for found in (shelf.newest("lecture"), shelf.newest("none"))] == ["r3", None]
    for only, expected in ((True, "r1"), (False, "r2")):
        found = shelf.newest_finished("lecture", approved_only=only)
        assert found is not None
        assert found.recording_id == expected
    shelf.put(Item("r3", "lecture", "ready", True))
    assert shelf.running("lecture") is None
    assert shelf.newest_finished("lecture", approved_only=True) == Item("r3", "lecture", "ready", True)
    assert len(shelf) == 4


def test_what_is_removed_is_gone() -> None:
    shelf = filled(Item("r1", "lecture", "ready", True))
    shelf.remove("r1")
    shelf.remove("r1")
    assert (len(shelf), shelf.get("r1"), shelf.newest("lecture")) == (0, None, None)
