"""The native twin built with gcc's address and undefined behaviour sanitizers, under the tests that both twins pass.

Python allocates with malloc here, so that a byte read beyond the end of a `bytes` object is seen, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.native import ROOT, build_watched_extension

SUITES = (
    "tests/broadcaster/test_forward_*.py",
    "tests/broadcaster/test_native_*.py",
    "tests/fuzz/test_fuzz_native_intake.py",
    "tests/fuzz/test_fuzz_twins.py",
)
TWINS = "native or twins or srtp"  # what never calls C has nothing to show here, and what anything costs even less
SMALLER = f"({TWINS}) and not costs and (not test_both_twins_do_the_same or 0-losses or 0-everything)"

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed: apt-get install gcc libc6-dev"),
]


def library(name: str) -> str:
    """Return where gcc keeps the runtime of a sanitizer, which must be loaded before Python is."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
    return str(Path(found).resolve())


def watched(extension: Path, command: Sequence[str]) -> tuple[int, str, str]:
    """Run Python with `extension` as the native twin; return its status, what it said, and what the sanitizers say.

    They write to files: under pytest what a dying process says is lost.
    """
    for old in extension.parent.glob("report.*"):
        old.unlink()
    log = f"log_path={extension.parent / 'report'}"
    environment = {
        **os.environ,
        "JIANGTANG_NATIVE": str(extension),
        "LD_PRELOAD": f"{library('libasan.so')} {library('libstdc++.so')}",
        "ASAN_OPTIONS": f"detect_leaks=0,{log}",
        "UBSAN_OPTIONS": f"print_stacktrace=1,{log}",
        "PYTHONMALLOC": "malloc",
    }
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    reports = [path.read_text("utf-8", "replace") for path in sorted(extension.parent.glob("report.*"))]
    return done.returncode, done.stdout, "\n".join([*reports, done.stderr])


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_watched_extension(tmp_path_factory.mktemp("sanitized"))


def test_a_fault_is_seen(extension: Path) -> None:
    """One byte fewer than the ring is told there are: a harness that misses it would miss everything."""
    script = (
        "from broadcaster.forward.native import load\n"
        "ffi, lib = load()\n"
        "packet = ffi.new('uint8_t[]', 100)\n"
        "ring = lib.ring_new(1.0, 4)\n"
        "lib.ring_store(ring, 1, 1, 1, packet, {}, 0, 1.0, 0, 0)\n"
        "print('stored')\n"
    )
    status, said, report = watched(extension, ["-c", script.format(100)])
    assert (status, said) == (0, "stored\n"), report
    status, said, report = watched(extension, ["-c", script.format(101)])
    assert (status != 0, said) == (True, "")
    assert "heap-buffer-overflow" in report
    assert "write_slot" in report


def test_both_twins_with_sanitizers(extension: Path) -> None:
    files = sorted({str(path.relative_to(ROOT)) for suite in SUITES for path in ROOT.glob(suite)})
    options = ("-q", "-x", "-m", "not server and not bench", "-k", SMALLER, "-p", "no:cacheprovider")
    status, said, report = watched(extension, ["-m", "pytest", *options, *files])
    print(*said.splitlines()[-15:], sep="\n")
    assert status == 0, f"{said[-6000:]}\n{report[:6000]}"
    assert "SKIPPED" not in said
