"""What a process used while something ran: CPU time of all its threads, and whether that is the whole truth."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path

CPUCLOCK_SCHED = 2  # with the process id, the id of that process' CPU clock (clock_getcpuclockid(3))
BUSY, STOLEN = (
    (1, 2, 3, 6, 7),
    8,
)  # words of a line of /proc/stat: user, nice, system, interrupts; what the hypervisor took


@dataclass(frozen=True)
class Reading:
    """Seconds that only grow.

    `cpu` of the process, `loop` that of its first thread, where asyncio runs. `waited`: its threads were ready and the core was taken, by each other too. `softirqd`: the kernel's own
    thread worked off packets on that core, which nobody's CPU time shows. `busy`: the core, whoever used it. `stolen`: another
    guest of the hypervisor had it.
    """

    at: float
    cpu: float
    loop: float
    waited: float
    softirqd: float
    busy: float
    stolen: float

    def __sub__(self, earlier: Reading) -> Reading:
        return Reading(*(getattr(self, each.name) - getattr(earlier, each.name) for each in fields(self)))

    def shares(self) -> dict[str, float]:
        """Return percentages of the time between two readings."""
        return {
            "core_percent": round(self.cpu / self.at * 100, 1),
            "loop_percent": round(self.loop / self.at * 100, 1),
            "waited_percent": round(self.waited / self.at * 100, 1),
            "others_percent": round(max(0.0, self.busy - self.cpu - self.softirqd) / self.at * 100, 1),
            "softirqd_percent": round(self.softirqd / self.at * 100, 2),
            "stolen_percent": round(self.stolen / self.at * 100, 2),
        }


class Meter:
    """Reads what process `pid` used; its threads run on `core`."""

    def __init__(self, pid: int, core: int) -> None:
        self._pid, self._core = pid, core
        self._softirqd = kernel_thread(f"ksoftirqd/{core}")

    def read(self) -> Reading:
        """Return the sums until now."""
        softirqd = 0.0 if self._softirqd is None else cpu_seconds(self._softirqd)
        used, waited = cpu_seconds(self._pid), waited_seconds(self._pid)
        loop = int(Path(f"/proc/{self._pid}/task/{self._pid}/schedstat").read_text("ascii").split()[0]) / 1e9
        return Reading(time.perf_counter(), used, loop, waited, softirqd, *core_seconds(self._core))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all threads that are or were, user and system, in steps of nanoseconds."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def waited_seconds(pid: int) -> float:
    """Return how long the threads of a process waited for a core; 0 where the kernel does not tell."""
    waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError, IndexError):  # a thread may end meanwhile
            waited += int((task / "schedstat").read_text("ascii").split()[1])
    return waited / 1e9


def core_seconds(core: int) -> tuple[float, float]:
    """Return how long a core was busy, and how long the hypervisor kept it from this machine; steps of 10 ms."""
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            tick = os.sysconf("SC_CLK_TCK")
            return sum(int(words[place]) for place in BUSY) / tick, int(words[STOLEN]) / tick
    return 0.0, 0.0


def kernel_thread(name: str) -> int | None:
    """Return the id of a kernel thread, None where this process cannot see it."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text("ascii").strip() == name:
                return int(path.parent.name)
    return None


def resident_kb(pid: int) -> float:
    """Return the resident memory of a process in kB of 1,000 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e3
