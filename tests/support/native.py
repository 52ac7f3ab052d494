"""The native twin for tests: there, or a sentence that says why not; and builds of it that watch themselves."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Final

import pytest

from broadcaster.forward.native import Native, NativeUnavailable, load

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "broadcaster" / "forward"
WATCHED: Final = shlex.split(
    "-g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined -std=gnu11 -pthread -Wall -Wextra"
)


def available() -> Native | str:
    """Return the extension, or why there is none; a build that was asked for by name must be there."""
    try:
        return load()
    except NativeUnavailable as reason:
        if os.environ.get("JIANGTANG_NATIVE"):
            raise
        return str(reason)


NATIVE = available()
needs_native = pytest.mark.skipif(isinstance(NATIVE, str), reason=str(NATIVE))


def c_files() -> list[Path]:
    """What the twin is made of."""
    return sorted(path for path in SOURCES.glob("_*.c") if not path.name.startswith("_native"))


def compile_c(compiler: str, sanitizers: str, output: Path, files: Sequence[Path], *options: str) -> None:
    """Build `files` with sanitizers and everything that finds the place of a fault; AssertionError with what the compiler said."""
    command = [compiler, *WATCHED, f"-fsanitize={sanitizers}", f"-I{SOURCES}", *options, *map(str, files)]
    done = subprocess.run([*command, "-lm", "-o", str(output)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def build_watched_extension(folder: Path) -> Path:
    """Build the whole extension with gcc's address and undefined behaviour sanitizers; return its path."""
    from broadcaster.forward._native_build import emit  # needs setuptools, which a server does not

    binding = folder / "binding.c"
    with chdir(ROOT):
        emit(binding)
    include = sysconfig.get_paths()["include"]
    output = folder / "_native.abi3.so"
    options = ("-shared", "-fPIC", f"-I{include}")
    compile_c("gcc", "address,undefined", output, [binding, *c_files()], *options)
    return output
