"""The least that the fan-out of a lecture must cost on this machine: `floor.c` with the libsrtp that the server uses.

Every packet is copied, renumbered, sealed and given to the kernel for every terminal; no ICE, no RTCP, no lookups. As datagram
trains (`gso`), or one by one (`plain`), as fast as it goes to a few receivers that nobody reads, so that only sending is counted.
`live` is no floor but tells how much of a server's distance from it is none of the server's: the same trains in real time, with
cold caches, to a socket for each terminal that drops as those of the load generator do. Runs in the place of the server.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import statistics
import struct
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from pylibsrtp import Policy, Session

from broadcaster.loadgen.sockets import allow_descriptors, thin_out
from broadcaster.media import Kind
from broadcaster.transport.srtp import SrtpTable
from tests.bench.place import Network
from tests.bench.score import FRAMES_A_SECOND, GOP_SECONDS, HEADER_BYTES, PACKETS, Step, score
from tests.support.lecture import rtp_packet

PROFILE = "AEAD_AES_128_GCM"  # what Chromium and the server agree on
KEY_BYTES = 28
SINKS = 64
SINK_BUFFER = 4096
SEND_BUFFER = 4 << 20
LONGEST_CALL = 12  # packets: what floor.c takes at once
WARMING_STEPS = 20
PAYLOAD_TYPES = {Kind.AUDIO: 111, Kind.VIDEO: 108}
MODES = ("gso", "plain", "live")
NO_SOUND = 255  # no payload type: all media are thinned out alike

Call = tuple[bytes, int, int]


class _Receiver(ctypes.Structure):
    _fields_ = (
        ("context", ctypes.c_void_p),
        ("address", ctypes.c_uint32),
        ("port", ctypes.c_uint16),
        ("sequence_offset", ctypes.c_uint16),
        ("ssrc", ctypes.c_uint32),
    )


class Floor:
    """Sends the lecture to `terminals` receivers, in real time when `live`, else as fast as it goes."""

    def __init__(self, library: ctypes.CDLL, network: Network, terminals: int, *, live: bool = False) -> None:
        self._live = live
        self._stack, self._send, self._sequence = ExitStack(), library.floor_send, 0
        self._place, self._table = network.server, SrtpTable()
        if live:
            allow_descriptors(terminals)
        with network.load.here():
            sinks = [self._sink(network.load.address) for _ in range(terminals if live else min(SINKS, terminals))]
        with network.server.here():
            self._socket = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        (address,) = struct.unpack("=I", socket.inet_aton(network.load.address))
        self._receivers = (_Receiver * terminals)()
        for number, port in zip(range(terminals), itertools.cycle(sinks), strict=False):
            context = self._table.address(self._table.add(sealing()))
            self._receivers[number] = _Receiver(
                context, address, socket.htons(port), number * 7 & 0xFFFF, 1000 + number
            )

    def play(self, mode: str) -> tuple[float, float]:
        """Send one group of pictures; return its CPU seconds and the median milliseconds of the sweep of an ordinary picture."""
        with self._place.here():
            self._steps(score()[1 : WARMING_STEPS + 1], mode)
            begun = time.process_time()
            sweeps = self._steps(score(), mode)
            return time.process_time() - begun, statistics.median(sweeps) * 1e3

    def close(self) -> None:
        """Close all sockets."""
        self._stack.close()

    def _steps(self, steps: list[Step], mode: str) -> list[float]:
        sweeps, frames, started = [], 0, time.perf_counter()
        for step, calls in [(step, self._calls(step)) for step in steps]:
            if self._live and step.kind is Kind.VIDEO:
                time.sleep(max(0.0, started + frames / FRAMES_A_SECOND - time.perf_counter()))
                frames += 1
            begun = time.perf_counter()
            for call in calls:
                self._call(call, mode)
            if step.kind is Kind.VIDEO and not step.keyframe:
                sweeps.append(time.perf_counter() - begun)
        return sweeps

    def _call(self, call: Call, mode: str) -> None:
        count, trains = len(self._receivers), int(mode != "plain")
        failed = self._send(self._socket.fileno(), SrtpTable.protect_address(), self._receivers, count, *call, trains)
        if failed:
            raise OSError(-failed, os.strerror(-failed))

    def _calls(self, step: Step) -> list[Call]:
        calls = []
        for start in range(0, step.packets, LONGEST_CALL):
            number = min(LONGEST_CALL, step.packets - start)
            packets = b"".join(self._plain(step) for _ in range(number))
            calls.append((packets, number, step.payload + HEADER_BYTES))
        return calls

    def _plain(self, step: Step) -> bytes:
        self._sequence += 1
        kind, number = PAYLOAD_TYPES[step.kind], self._sequence
        return rtp_packet(bytes(step.payload), payload_type=kind, sequence=number, timestamp=number, ssrc=7)

    def _sink(self, address: str) -> int:
        made = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SINK_BUFFER)
        if self._live:
            thin_out(made, NO_SOUND)
        made.bind((address, 0))
        return int(made.getsockname()[1])


def measure(library: ctypes.CDLL, network: Network, terminals: int, turns: int, mode: str) -> list[dict[str, float]]:
    """Return the figures of so many groups of pictures."""
    floor = Floor(library, network, terminals, live=mode == "live")
    try:
        return [figures(*floor.play(mode), terminals) for _ in range(turns)]
    finally:
        floor.close()


def figures(spent: float, sweep: float, terminals: int) -> dict[str, float]:
    """Fold the CPU seconds of one group of pictures."""
    return {
        "us": spent * 1e6 / terminals / GOP_SECONDS,
        "us_per_packet": spent * 1e6 / terminals / PACKETS,
        "sweep_ms": sweep,
    }


def sealing() -> Session:
    """Return a fresh outbound SRTP session."""
    policy = Policy(
        key=os.urandom(KEY_BYTES),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=getattr(Policy, f"SRTP_PROFILE_{PROFILE}"),
    )
    policy.allow_repeat_tx = True
    return Session(policy)


def compiled(folder: Path) -> ctypes.CDLL | str:
    """Compile `floor.c` into `folder` and load it; return a sentence when that cannot be done here."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return "no C compiler (cc) is installed: the floor is left out"
    target, source = folder / "floor.so", Path(__file__).with_name("floor.c")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(target), str(source)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        return f"{compiler} does not compile floor.c, the floor is left out: {made.stderr.strip()[:500]}"
    library = ctypes.CDLL(str(target))
    library.floor_send.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int,
        ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    return library
