"""The door to the native twin: what was compiled from the C files beside this one, or why it is not there.

`JIANGTANG_NATIVE` names another build of the extension, for instance one with sanitizers.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Final, NamedTuple

MODULE: Final = "broadcaster.forward._native"


class NativeUnavailable(ImportError):
    """There is no native twin; the message says why."""


class Native(NamedTuple):
    """cffi's two halves of the extension."""

    ffi: Any
    lib: Any


def load() -> Native:
    """Return the extension; raises `NativeUnavailable`."""
    try:
        module = _module()
    except (ImportError, OSError) as error:
        raise NativeUnavailable(f"the native fan-out was not built or cannot be loaded: {error}") from error
    return Native(module.ffi, module.lib)


def _module() -> ModuleType:
    path = os.environ.get("JIANGTANG_NATIVE")
    if not path or MODULE in sys.modules:
        return importlib.import_module(MODULE)
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module
