"""The state table and the places of files."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from recorder.errors import IllegalTransition, RecorderError, UnknownRecording
from recorder.states import PUBLIC, TABLE, Event, State, step
from recorder.store import Store

EVIL = [
    "../../etc/passwd", "..", ".", "", "/", "01a208d8-ea4a-7d63-ada9-1bda52f9e4ee/../x", "%2e%2e", "a\x00b",
    "01A208D8-EA4A-7D63-ADA9-1BDA52F9E4EE", "\\\\host\\share", "\u202e01a208d8", "x" * 4096,
    "01a208d8-ea4a-7d63-ada9-1bda52f9e4ee\n",
]  # fmt: skip


@pytest.mark.parametrize(("state", "event"), sorted(set(product(State, Event)) - set(TABLE)))
def test_an_illegal_event_raises(state: State, event: Event) -> None:
    with pytest.raises(IllegalTransition, match=f"a recording in state {state} has no event {event}"):
        step(state, event)


def test_every_state_can_be_left_but_the_last_two() -> None:
    assert {state for state, _ in TABLE} == set(State) - {State.READY, State.FAILED}
    assert set(PUBLIC) == set(State)


def test_every_open_state_can_end_and_degrade() -> None:
    for state in (State.GAP, State.WAIT_KEY, State.RECORDING, State.DEGRADED):
        assert step(state, Event.END) is State.ENDING
        assert step(state, Event.DISK_FULL) is State.DEGRADED


@pytest.mark.parametrize("name", EVIL)
def test_only_ids_become_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownRecording):
        Store(tmp_path).folder(name)


@pytest.mark.parametrize("name", ["../e001.mp4", "/etc/passwd", ".hidden", "a/b"])
def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    folder = Store(tmp_path).folder("01a208d8-ea4a-7d63-ada9-1bda52f9e4ee")
    with pytest.raises(RecorderError, match="not in its folder"):
        folder.file(name)
