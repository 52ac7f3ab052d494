"""Which twin is used, and that one which seals otherwise is not."""

from __future__ import annotations

import sys

import pytest

from broadcaster.errors import TwinUnavailable
from broadcaster.forward import native
from broadcaster.transport import engine, twin
from broadcaster.transport.aiortc_private import function_address
from broadcaster.transport.selftest import PROFILES, SelfTestFailed, check


@pytest.fixture
def swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pylibsrtp whose functions changed their meaning: what is called for RTP protects RTCP."""
    monkeypatch.setattr(engine, "function_address", lambda name: function_address(name.removesuffix("_rtcp") + "_rtcp"))


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, native.MODULE, raising=False)
    monkeypatch.setenv("JIANGTANG_NATIVE", "/nowhere/_native.so")


def test_the_native_twin_passes_its_test() -> None:
    check(native.load())
    assert twin.choose_twin("auto")[0] == twin.choose_twin("native")[0] == "native"


def test_the_python_twin_can_be_forced() -> None:
    assert twin.choose_twin("python") == ("python", None)


@pytest.mark.usefixtures("swapped")
def test_a_library_that_seals_otherwise_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SelfTestFailed, match=PROFILES[0]):
        check(native.load())
    assert twin.choose_twin("auto") == ("python", None)
    assert capsys.readouterr().out.count("python twin") == 1
    with pytest.raises(TwinUnavailable, match="Build again"):
        twin.choose_twin("native")


@pytest.mark.usefixtures("unbuilt")
def test_without_a_compiler_the_server_says_so_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert twin.choose_twin("auto") == ("python", None)
    assert "was not built" in capsys.readouterr().out
    with pytest.raises(TwinUnavailable, match="was not built"):
        twin.choose_twin("native")
