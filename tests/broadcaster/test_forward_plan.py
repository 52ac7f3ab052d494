"""Who receives: joining, leaving, and rows that change in place."""

from __future__ import annotations

import pytest

from broadcaster.forward.layout import ROW_BYTES, Row, State
from broadcaster.forward.plan import Lane, Plan, PlanError, Terminal
from broadcaster.media import Kind
from broadcaster.rtp.extensions import elements
from tests.support.forwarding import MID_ID, TIME_ID, terminal


def test_a_terminal_gets_a_row_in_flat_memory() -> None:
    plan = Plan(4)
    row = plan.join(terminal(0))
    assert Row.read(plan.memory, row.slot) == row
    assert [stream.state for stream in row.streams] == [State.WAITING, State.WAITING]


def test_a_slot_comes_back_under_a_higher_generation() -> None:
    plan = Plan(2)
    first, _ = plan.join(terminal(0)), plan.join(terminal(1))
    left = plan.leave(first.slot)
    again = plan.join(terminal(0))
    assert left is not None
    assert (again.slot, again.generation > left > first.generation) == (0, True)
    assert len(plan) == 2


def test_leaving_twice_is_leaving_once() -> None:
    plan = Plan(2)
    slot = plan.join(terminal(0)).slot
    assert plan.leave(slot) is not None
    assert plan.leave(slot) is None
    assert plan.row(slot) is None
    assert plan.leave(77) is None


def test_a_full_plan_says_so_and_takes_the_next_after_a_leave() -> None:
    plan = Plan(2)
    plan.join(terminal(0))
    plan.join(terminal(1))
    with pytest.raises(PlanError, match="holds 2 terminals and is full"):
        plan.join(terminal(2))
    plan.leave(1)
    assert plan.join(terminal(1)).slot == 1


def test_the_flat_row_is_the_truth() -> None:
    """What another twin writes under a new generation is what this one sees."""
    plan = Plan(2)
    row = plan.join(terminal(0))
    foreign = Row.read(plan.memory, row.slot)
    foreign.generation += 1
    foreign.streams[Kind.VIDEO].packets = 77
    foreign.write(plan.memory)
    seen = plan.row(row.slot)
    assert seen is not None
    assert seen.streams[Kind.VIDEO].packets == 77


def test_saving_numbers_keeps_the_generation() -> None:
    plan = Plan(1)
    row = plan.join(terminal(0))
    row.streams[Kind.VIDEO].packets = 5
    plan.save(row, Kind.VIDEO)
    flat = Row.read(plan.memory, 0)
    assert (flat.streams[Kind.VIDEO].packets, flat.generation) == (5, row.generation)


def test_a_terminal_that_moves_keeps_its_streams() -> None:
    plan = Plan(1)
    row = plan.join(terminal(0))
    generation = row.generation
    plan.move(0, b"\x02\x00\x1f\x90\x7f\x00\x00\x01", 3)
    flat = Row.read(plan.memory, 0)
    assert (flat.sockaddr, flat.socket) == (b"\x02\x00\x1f\x90\x7f\x00\x00\x01", 3)
    assert flat.generation == generation + 1
    assert flat.streams == row.streams


@pytest.mark.parametrize("sequence", [-1, 1 << 15, 65535])
def test_numbers_begin_below_the_middle(sequence: int) -> None:
    with pytest.raises(PlanError, match=f"first sequence number {sequence} is not below 32768"):
        Plan(1).join(terminal(0, sequence=sequence))


def test_a_refused_terminal_takes_no_slot() -> None:
    plan = Plan(1)
    with pytest.raises(PlanError):
        plan.join(terminal(0, sequence=-1))
    assert plan.join(terminal(0)).slot == 0
    plan.leave(0)
    with pytest.raises(PlanError):
        plan.join(terminal(0, sequence=-1))
    assert plan.join(terminal(0)).slot == 0


@pytest.mark.parametrize("identifier", [2, 14, 15, 200])
def test_the_extension_block_is_ready_but_for_the_time(identifier: int) -> None:
    lane = Lane(1, 108, 0, 0, identifier, identifier + 1, b"video")
    row = Plan(1).join(Terminal(1, audio=lane, video=None))
    stream = row.streams[Kind.AUDIO]
    profile, block = int.from_bytes(stream.extension[:2], "big"), stream.extension[4:]
    assert dict(elements(profile, block)) == {identifier: bytes(3), identifier + 1: b"video"}
    assert stream.extension[stream.time_offset : stream.time_offset + 3] == bytes(3)
    assert stream.time_offset == (5 if identifier + 1 <= 14 else 6)


def test_video_without_retransmission_has_no_send_time() -> None:
    row = Plan(1).join(terminal(0, rtx=False))
    block = row.streams[Kind.VIDEO].extension[4:]
    assert dict(elements(0xBEDE, block)) == {MID_ID: b"1"}
    assert TIME_ID in dict(elements(0xBEDE, row.streams[Kind.AUDIO].extension[4:]))


def test_extensions_that_do_not_fit_a_row_are_refused() -> None:
    lane = Lane(1, 108, 0, 0, 2, 3, b"m" * 40)
    with pytest.raises(PlanError, match="exceed 32"):
        Plan(1).join(Terminal(1, audio=lane, video=None))


def test_the_memory_is_laid_out_once() -> None:
    plan = Plan(100)
    memory = plan.memory
    for slot in range(100):
        plan.join(terminal(slot))
    assert plan.memory is memory
    assert len(memory) == 100 * ROW_BYTES
    assert plan.slots() == tuple(range(100))
