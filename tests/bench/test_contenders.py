"""The benchmark itself: every contender sends the whole lecture, and the figures come out."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tests.bench.__main__ import NAMES, figures, makers, measure
from tests.bench.contenders import compiled
from tests.bench.score import PACKETS


def test_the_lecture_is_one_and_a_half_megabits_a_second() -> None:
    assert PACKETS == 119 * 6 + 60 + 100


def test_contenders_take_turns_and_are_compared(tmp_path: Path) -> None:
    library = compiled(tmp_path)
    if isinstance(library, str):
        pytest.skip(library)
    turns = measure(makers(library), 3, 0.0)
    assert set(turns) == set(NAMES)
    folded = figures(turns)
    assert folded["turns"] == 1
    assert all(folded[name] > 0 for name in NAMES)  # type: ignore[operator]
    ratio = folded["ratio_python_to_floor"]
    assert ratio is not None
    assert ratio > 1, "the fan-out in Python cannot be cheaper than the floor"


def test_without_a_compiler_the_floor_in_c_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = compiled(tmp_path)
    assert not isinstance(answer, ctypes.CDLL)
    assert "no C compiler" in answer
    folded = figures(measure(makers(None), 2, 0.0))
    assert folded["floor"] is folded["ratio_python_to_floor"] is None
    assert folded["ratio_python_to_floor_python"] is not None
