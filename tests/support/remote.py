"""Another machine: a network namespace behind a pair of virtual cables, with an address of its own. Needs root.

with another_machine() as remote:
    Server(..., options=("--host", "0.0.0.0", "--media-host", remote.server))
    with chromium(path=remote.browser(tmp_path)) as browser: ...   # runs over there
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.chromium import executable


@dataclass(frozen=True)
class Remote:
    """`server` is this machine's address as seen from over there, `address` that machine's own."""

    name: str
    server: str
    address: str

    def command(self, *words: str) -> list[str]:
        """Return a command that runs over there."""
        return ["ip", "netns", "exec", self.name, *words]

    def browser(self, folder: Path) -> str:
        """Write a script into `folder` that starts Chromium over there; return its path."""
        script = folder / "chromium-over-there"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.command(executable()))} "$@"\n')
        script.chmod(0o755)
        return str(script)


@contextmanager
def another_machine() -> Iterator[Remote]:
    """Yield a machine that is one cable away; it is gone with the block."""
    mark = secrets.token_hex(3)
    name, near, far = f"jt-{mark}", f"jtn{mark}", f"jtf{mark}"
    net = f"10.{secrets.randbelow(56) + 200}.{secrets.randbelow(256)}"
    remote = Remote(name, f"{net}.1", f"{net}.2")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", f"{remote.server}/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"{remote.address}/30", "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield remote
    finally:
        _ip("netns", "delete", name)  # the cable goes with it


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
