"""The native twin for tests: there, or a sentence that says why not."""

from __future__ import annotations

import pytest

from broadcaster.forward.native import Native, NativeUnavailable, load


def available() -> Native | str:
    """Return the extension, or why there is none."""
    try:
        return load()
    except NativeUnavailable as reason:
        return str(reason)


NATIVE = available()
needs_native = pytest.mark.skipif(isinstance(NATIVE, str), reason=str(NATIVE))
