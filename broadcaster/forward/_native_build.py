"""How the native twin is built: cffi in API mode, called by setup.py. **Without a compiler there is none, and that is no error.**"""

from pathlib import Path

from cffi import FFI

HERE = Path("broadcaster/forward")  # setuptools wants paths relative to setup.py

# What a test's callbacks are written in (cffi's `extern "Python"`).
CALLBACKS = """
extern "Python" int on_seal(void *context, uint64_t handle, uint8_t *packet, int *length, int rtcp);
extern "Python" int on_send(void *context, uint32_t slot, const uint8_t *datagram, int length);
extern "Python" void on_wish(void *context, int32_t slot, int reason);
"""

builder = FFI()
builder.cdef((HERE / "_native_api.h").read_text("utf-8") + CALLBACKS)
builder.set_source(
    "broadcaster.forward._native",
    '#include "_native.h"',
    sources=[str(HERE / name) for name in ("_fanout.c", "_intake.c", "_engine.c")],
    depends=[str(HERE / name) for name in ("_native.h", "_native_api.h")],
    include_dirs=[str(HERE)],
    extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-pthread"],
    extra_link_args=["-pthread"],
    optional=True,
)
