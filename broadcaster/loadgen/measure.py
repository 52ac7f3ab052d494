"""CPU time, memory and losses of a process, as Linux tells them: this process' own, or the server's on the same machine."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

CPUCLOCK_SCHED: Final = 2  # Linux: with the process id, the id of that process' CPU clock (clock_getcpuclockid(3))


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` and `waited` (ready, but without a core; all threads) in seconds, `resident` in bytes, `drops` at its full UDP sockets.

    Differences and sums are field by field.
    """

    cpu: float = 0.0
    waited: float = 0.0
    resident: int = 0
    drops: int = 0

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def usage(pid: int, *, drops: bool = True) -> Usage:
    """Return what a process has used, its sockets' `drops` only when wanted. Raises `ProcessLookupError`."""
    try:
        lost = socket_drops(pid) if drops else 0
        return Usage(cpu_seconds(pid), waited_seconds(pid), resident_bytes(pid), lost)
    except OSError:
        raise ProcessLookupError(f"no process has the id {pid} here") from None


def is_alive(pid: int) -> bool:
    """Whether there is such a process here that has not ended, buried or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads, user and system, in steps of nanoseconds. Raises `OSError`."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def waited_seconds(pid: int) -> float:
    """How long the threads of a process were ready and had to wait for a core; 0 where the system does not tell."""
    total = 0
    for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(stat.read_text("ascii").split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return total / 1e9


def resident_bytes(pid: int) -> int:
    """Resident memory. Raises `OSError`."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def socket_drops(pid: int) -> int:
    """How many datagrams were dropped because a UDP socket of this process was full; 0 for somebody else's process."""
    inodes, total = _sockets_of(pid), 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError):
            rows = (line.split() for line in Path(table).read_text("ascii").splitlines()[1:])
            total += sum(int(row[-1]) for row in rows if row[9] in inodes)
    return total


def _sockets_of(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
