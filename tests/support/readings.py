"""What a server tells of itself at `/metrics`, as numbers."""

from __future__ import annotations

import re

from tests.support.server import Server

LINE = re.compile(r'^jiangtang_(\w+?)(?:\{kind="(\w+)"\})? (\S+)$', re.M)


def readings(server: Server, token: str) -> dict[str, float]:
    """Return every metric by name without the prefix; `media_drops_total.would_block` is one with a label."""
    status, text = server.call("GET", "/metrics", token)
    assert status == 200, text
    found = LINE.findall(text.decode())
    assert found, "no metric could be read"
    return {f"{name}.{kind}" if kind else name: float(value) for name, kind, value in found}
