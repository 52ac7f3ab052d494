"""How the native twin is built: cffi in API mode, as a step of setuptools. **Without a compiler there is none, and that is no error.**

pyproject.toml names the extension and this class; what Python may call stands in `_native_api.h`.
"""

from __future__ import annotations

from pathlib import Path

from cffi import FFI
from setuptools import Extension
from setuptools.command.build_ext import build_ext

HERE = Path("broadcaster/forward")  # relative to pyproject.toml, where setuptools runs

# What a test's callbacks are written in (cffi's `extern "Python"`).
CALLBACKS = """
extern "Python" int on_seal(void *context, uint64_t handle, uint8_t *packet, int *length, int rtcp);
extern "Python" int on_send(void *context, uint32_t slot, const uint8_t *datagram, int length);
extern "Python" void on_wish(void *context, int32_t slot, int reason);
"""


def emit(path: Path) -> None:
    """Write the C file that binds the extension to Python."""
    builder = FFI()
    builder.cdef((HERE / "_native_api.h").read_text("utf-8") + CALLBACKS)
    builder.set_source("broadcaster.forward._native", '#include "_native.h"')
    builder.emit_c_code(str(path))


class BuildNative(build_ext):  # type: ignore[misc]  # setuptools is not typed
    """Adds cffi's part to the sources of the extension."""

    def build_extension(self, ext: Extension) -> None:
        """Build; what fails is a warning, because the extension is optional."""
        for stale in HERE.glob("_native*.so"):  # what fails to build must not leave the extension of older sources
            stale.unlink()
        folder = Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        emit(folder / "_native.binding.c")
        ext.sources = [*ext.sources, str(folder / "_native.binding.c")]
        super().build_extension(ext)
