"""A cable between two network namespaces: the server at one end, its terminals at the other. Needs root and iproute2."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench.place import NAMESPACES, Network, loopback

PREFIX = "jiangtang-bench"
SERVER, LOAD = "198.51.100.1", "198.51.100.2"  # of RFC 5737, in namespaces that nobody else sees


def missing() -> str:
    """Say in a sentence why there can be no cable here; empty when there can be one."""
    if shutil.which("ip") is None:
        return "the command ip (iproute2) is not installed: no cable between namespaces"
    if os.geteuid() != 0:
        return "only root may make network namespaces: no cable between namespaces"
    tried = subprocess.run(["ip", "netns", "add", _name("try")], capture_output=True, text=True)
    if tried.returncode:
        return f"network namespaces cannot be made here ({tried.stderr.strip()}): no cable between namespaces"
    _remove(_name("try"))
    return ""


@contextlib.contextmanager
def cable(cores: set[int]) -> Iterator[Network]:
    """Yield a way through a pair of virtual interfaces; both namespaces are gone with the block."""
    sweep()
    near, far = _name("server"), _name("load")
    try:
        for name in (near, far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "eth0", "netns", near, "type", "veth", "peer", "name", "eth0", "netns", far)
        for name, address in ((near, SERVER), (far, LOAD)):
            _ip("-n", name, "addr", "add", f"{address}/30", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        plain = loopback(cores)
        yield Network(
            "veth",
            replace(plain.server, address=SERVER, namespace=near),
            replace(plain.load, address=LOAD, namespace=far),
        )
    finally:
        for name in (near, far):
            _remove(name)


def sweep() -> None:
    """Remove what a run left behind that was killed and could not."""
    for path in Path(NAMESPACES).glob(f"{PREFIX}-*"):
        owner = path.name.removeprefix(f"{PREFIX}-").split("-")[0]
        if not Path("/proc", owner).exists():
            _remove(path.name)


def _name(end: str) -> str:
    return f"{PREFIX}-{os.getpid()}-{end}"


def _remove(name: str) -> None:
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)  # the cable goes with its end


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
