"""The transition table: every state × every event."""

from __future__ import annotations

import itertools

import pytest

from signaling.live.states import CONNECTED, OVER, RUNNING, TABLE, Event, IllegalTransition, State, advance

LEGAL = {
    ("scheduled", "open", "open"),
    ("open", "start", "live"),
    ("live", "pause", "paused"),
    ("paused", "resume", "live"),
    ("live", "cut", "cut"),
    ("paused", "cut", "cut"),
    ("cut", "resume", "live"),
    ("open", "end", "ended"),
    ("live", "end", "ended"),
    ("paused", "end", "ended"),
    ("cut", "end", "ended"),
    ("ended", "archive", "archived"),
}


def test_the_table_is_the_design() -> None:
    assert {(str(state), str(event), str(after)) for (state, event), after in TABLE.items()} == LEGAL


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_an_event_is_either_in_the_table_or_raises(state: State, event: Event) -> None:
    legal = {(before, name): after for before, name, after in LEGAL}
    if (state, event) in legal:
        assert advance(state, event) == legal[state, event]
        return
    with pytest.raises(IllegalTransition, match=f"a broadcast that is {state} cannot {event}") as raised:
        advance(state, event)
    assert (raised.value.state, raised.value.event) == (state, event)


def test_the_groups_of_states() -> None:
    assert {State.OPEN, State.LIVE, State.PAUSED, State.CUT} == RUNNING
    assert RUNNING - {State.CUT} == CONNECTED
    assert set(State) == RUNNING | OVER | {State.SCHEDULED}
