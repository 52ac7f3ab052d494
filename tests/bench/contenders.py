"""Who sends the lecture in `make bench`. Each `play` sends one group of pictures to all terminals and returns its CPU seconds.

* `FloorInPython`: a bare loop of `protect` and `sendto`, the least that a fan-out in Python must do.
* `FloorInC`: the least that any fan-out must do (`floor.c`), with or without datagram trains.
* `Twin`: `broadcaster.forward.fanout` with everything that it does for a terminal.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Protocol

from broadcaster.drops import Drops
from broadcaster.forward.fanout import Fanout
from broadcaster.forward.plan import Plan
from broadcaster.media import Kind
from broadcaster.transport.srtp import SrtpTable
from tests.bench.field import Field
from tests.bench.score import HEADER_BYTES, PACKETS, Step, score
from tests.support.forwarding import Lecturer, drain, terminal
from tests.support.lecture import rtp_packet

PAYLOAD_TYPES = {Kind.AUDIO: 111, Kind.VIDEO: 108}
LONGEST_CALL = 12  # packets: what floor.c takes at once


class Contender(Protocol):
    """One way of sending."""

    def play(self) -> float:
        """Send one group of pictures to all terminals; return the CPU seconds it took."""

    def close(self) -> None:
        """Give back what it holds."""


class FloorInPython:
    """Protect and send, nothing else."""

    def __init__(self, terminals: int) -> None:
        self._field = Field(terminals)
        self._sequence = 0  # of pictures and sound alike: a floor keeps one source

    def play(self) -> float:
        trains = [self._packets(step) for step in score()]
        pairs = [
            (session.protect, address)
            for session, address in zip(self._field.sessions, self._field.addresses, strict=True)
        ]
        send = self._field.socket.sendto
        begun = time.process_time()
        for train in trains:
            for protect, address in pairs:
                for packet in train:
                    send(protect(packet), address)
        return time.process_time() - begun

    def _packets(self, step: Step) -> list[bytes]:
        first = self._sequence
        self._sequence += step.packets
        return [plain(step, first + number) for number in range(step.packets)]

    def close(self) -> None:
        self._field.close()


class FloorInC:
    """`floor.c`, compiled for this run, with the libsrtp that the server uses."""

    class _Receiver(ctypes.Structure):
        _fields_ = (
            ("context", ctypes.c_void_p),
            ("address", ctypes.c_uint32),
            ("port", ctypes.c_uint16),
            ("sequence_offset", ctypes.c_uint16),
            ("ssrc", ctypes.c_uint32),
        )

    def __init__(self, terminals: int, library: ctypes.CDLL, *, trains: bool) -> None:
        self._field, self._send, self._trains = Field(terminals), library.floor_send, trains
        self._sequence = 0
        self._table = SrtpTable()
        self._receivers = (self._Receiver * terminals)()
        for number, (session, (host, port)) in enumerate(zip(self._field.sessions, self._field.addresses, strict=True)):
            address = int.from_bytes(socket.inet_aton(host), "little" if _little() else "big")
            self._receivers[number] = self._Receiver(
                self._table.address(self._table.add(session)), address, socket.htons(port), number * 7, 1000 + number
            )

    def play(self) -> float:
        calls = [call for step in score() for call in self._calls(step)]
        seal, descriptor, count = SrtpTable.protect_address(), self._field.socket.fileno(), len(self._receivers)
        trains = int(self._trains)
        begun = time.process_time()
        for packets, number, length in calls:
            failed = self._send(descriptor, seal, self._receivers, count, packets, number, length, trains)
            if failed:
                raise OSError(-failed, os.strerror(-failed))
        return time.process_time() - begun

    def _calls(self, step: Step) -> list[tuple[bytes, int, int]]:
        calls = []
        for start in range(0, step.packets, LONGEST_CALL):
            number = min(LONGEST_CALL, step.packets - start)
            first = self._sequence
            self._sequence += number
            packets = b"".join(plain(step, first + place) for place in range(number))
            calls.append((packets, number, step.payload + HEADER_BYTES))
        return calls

    def close(self) -> None:
        self._field.close()


class Twin:
    """The fan-out in Python, with a ring, a plan and real SRTP contexts."""

    def __init__(self, terminals: int) -> None:
        self._field, self._table, self._lecturer = Field(terminals), SrtpTable(), Lecturer()
        self._fanout = Fanout(
            Plan(terminals),
            seal=self._table.seal,
            send=self._send,
            drop=Drops(),
            wish=lambda slot, reason: None,
            queue=512,
        )
        self._fanout.forwarding = True
        for slot, session in enumerate(self._field.sessions):
            assert self._table.add(session) == slot + 1
            self._fanout.join(terminal(slot))
        self.sent = 0

    def _send(self, slot: int, datagram: bytes) -> bool:
        self.sent += 1
        self._field.socket.sendto(datagram, self._field.addresses[slot])
        return True

    def play(self) -> float:
        steps, sent = score(), self.sent
        begun = time.process_time()
        for step in steps:
            sizes = (step.payload,) * step.packets
            packets = self._lecturer.frame(sizes, step.keyframe) if step.kind else self._lecturer.opus(step.payload)
            self._fanout.offer(packets)
            drain(self._fanout, self._lecturer.now)
        spent = time.process_time() - begun
        assert self.sent - sent == PACKETS * len(self._field.sessions), "the fan-out left something out"
        return spent

    def close(self) -> None:
        self._field.close()


def plain(step: Step, sequence: int) -> bytes:
    """Return an RTP packet of the lecture before it is sealed."""
    return rtp_packet(
        bytes(step.payload), payload_type=PAYLOAD_TYPES[step.kind], sequence=sequence, timestamp=sequence, ssrc=7
    )


def compiled(folder: Path) -> ctypes.CDLL | str:
    """Compile `floor.c` into `folder` and load it; return a sentence when that cannot be done here."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return "no C compiler (cc) is installed: the floor in C is left out"
    target = folder / "floor.so"
    source = Path(__file__).with_name("floor.c")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(target), str(source)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        return f"{compiler} does not compile floor.c, the floor in C is left out: {made.stderr.strip()[:500]}"
    library = ctypes.CDLL(str(target))
    library.floor_send.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int,
        ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    return library


def _little() -> bool:
    return struct.pack("=H", 1) == struct.pack("<H", 1)
