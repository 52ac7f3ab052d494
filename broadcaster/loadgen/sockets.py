"""UDP sockets of simulated terminals, and what Linux offers to make a thousand of them cheap.

1. **`thin_out` lets the kernel drop most media** of a terminal that is not in the sample: a classic BPF program (socket(7),
   SO_ATTACH_FILTER) passes STUN, DTLS, RTCP and one RTP packet in 64 (one in 16 of sound). The rest is dropped where it arrives, without
   waking anybody.
2. **What the program drops is counted** by the kernel (SO_MEMINFO), together with what a full socket dropped: `dropped` plus what
   was read is how many datagrams arrived.
3. `stamped` sockets tell when a datagram arrived, not when somebody found the time to read it.
4. Where the system lacks any of it, everything is read and the time of reading counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import socket
import struct
from typing import Final

SO_ATTACH_FILTER: Final = 26
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPNS: Final = 35
SO_MEMINFO: Final = 55
SAMPLE_BUFFER: Final = 4 << 20
DRAIN_BUFFER: Final = 512 << 10
KEEP_VIDEO, KEEP_AUDIO = 64, 16  # powers of two: one packet in so many passes
ANCILLARY_BYTES: Final = 64
OTHER_DESCRIPTORS: Final = 256

_TIMESPEC: Final = struct.Struct("@qq")
_MEMINFO: Final = struct.Struct("@9I")
_FILTER: Final = struct.Struct("@HBBI")
_PROGRAM: Final = struct.Struct("@HxxxxxxQ")
_UDP_HEADER: Final = 8  # a filter of a UDP socket sees the header first
# BPF: LD|B|ABS, LD|H|ABS, JMP|JGE|K, JMP|JEQ|K, JMP|JSET|K, ALU|AND|K, RET|K
_LDB, _LDH, _JGE, _JEQ, _JSET, _AND, _RET = 0x30, 0x28, 0x35, 0x15, 0x45, 0x54, 0x06
_WHOLE: Final = 0xFFFF


class TooFewDescriptors(OSError):
    """This process may not open so many sockets; the message says what to do."""


def open_socket(family: socket.AddressFamily, *, sampled: bool) -> socket.socket:
    """Return a non-blocking UDP socket; a sampled one has a large buffer and stamps what arrives, where it may."""
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setblocking(False)
    wanted = SAMPLE_BUFFER if sampled else DRAIN_BUFFER
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    with contextlib.suppress(OSError):  # needs CAP_NET_ADMIN
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted)
    if sampled:
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return opened


def arrival(ancillary: list[tuple[int, int, bytes]]) -> float | None:
    """The second of CLOCK_REALTIME at which the kernel took a datagram, as `recvmsg` tells it; None without a stamp."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return float(seconds + nanoseconds * 1e-9)
    return None


def filter_program(audio_payload_type: int) -> bytes:
    """The BPF program of `thin_out` as `struct sock_filter`s, for RTP whose sound has that payload type."""
    first, second, sequence = _UDP_HEADER, _UDP_HEADER + 1, _UDP_HEADER + 2
    program = [  # label, instruction, operand, where to go on when a condition holds, and when not
        ("", _LDB, first, "", ""),
        ("", _JGE, 128, "", "keep"),  # STUN, DTLS
        ("", _JGE, 192, "keep", ""),
        ("", _LDB, second, "", ""),
        ("", _JGE, 192, "", "media"),
        ("", _JGE, 224, "", "keep"),  # RTCP (RFC 5761 section 4)
        ("media", _AND, 0x7F, "", ""),  # without the marker
        ("", _JEQ, audio_payload_type, "sound", ""),
        ("", _LDH, sequence, "", ""),
        ("", _JSET, KEEP_VIDEO - 1, "drop", "keep"),
        ("sound", _LDH, sequence, "", ""),
        ("", _JSET, KEEP_AUDIO - 1, "drop", "keep"),
        ("drop", _RET, 0, "", ""),
        ("keep", _RET, _WHOLE, "", ""),
    ]
    places = {label: place for place, (label, *_) in enumerate(program) if label}
    return b"".join(
        _FILTER.pack(code, *(places.get(label, place + 1) - place - 1 for label in (then, otherwise)), operand)
        for place, (_, code, operand, then, otherwise) in enumerate(program)
    )


def thin_out(opened: socket.socket, audio_payload_type: int) -> bool:
    """Let the kernel drop most RTP of this socket from now on; False where it cannot."""
    program = filter_program(audio_payload_type)
    held = ctypes.create_string_buffer(program, len(program))  # the kernel copies it during the call
    try:
        opened.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, _PROGRAM.pack(len(program) // _FILTER.size, ctypes.addressof(held))
        )
    except OSError:
        return False
    return True


def dropped(opened: socket.socket) -> int:
    """How many datagrams the kernel dropped at this socket: by a filter, or because it was full; 0 where it does not tell."""
    try:
        return int(_MEMINFO.unpack(opened.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size))[8])
    except (OSError, struct.error):
        return 0


def allow_descriptors(sockets: int) -> None:
    """Raise this process' limit of open files for so many sockets. Raises `TooFewDescriptors`."""
    wanted = sockets + OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted, max(wanted, hard) if hard != resource.RLIM_INFINITY else hard)
        )
    except (ValueError, OSError):
        raise TooFewDescriptors(
            f"{sockets} terminals in one process need {wanted} open files, {hard} are allowed: "
            f"run `ulimit -n {wanted}` as root, or use more processes"
        ) from None
