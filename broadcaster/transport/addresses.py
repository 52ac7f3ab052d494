"""Which addresses the media port binds and offers."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import ifaddr
import structlog

from broadcaster.transport.ice import Address, Link
from broadcaster.transport.parameters import Candidate

if TYPE_CHECKING:
    from broadcaster.transport.transport import Transport

log = structlog.get_logger(__name__)

_SO_SNDBUFFORCE: Final = 32  # Linux, socket(7); the socket module has no names for these
_SO_RCVBUFFORCE: Final = 33
_ATTEMPTS: Final = 20  # at a port that is free on every address, when any port will do


class LocalSocket:
    """One bound address, and the sessions whose peers are known on it. `index` is its place among the port's sockets."""

    __slots__ = ("host", "index", "peers", "port", "socket")

    def __init__(self, host: str, bound: socket.socket) -> None:
        self.host = host
        self.index = 0
        self.socket = bound
        self.port: int = bound.getsockname()[1]
        self.peers: dict[Address, tuple[Transport, Link]] = {}


def local_addresses(hosts: list[str], *, loopback: bool) -> list[str]:
    """Return `hosts`, or every address of this machine but link-local ones, loopback last.

    Raises `ValueError` naming an entry that is not an IP address, or when there is none at all.
    """
    if hosts:
        return [_one_address(host) for host in hosts]
    found = [
        ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    usable = [a for a in dict.fromkeys(found) if not a.is_link_local and (loopback or not a.is_loopback)]
    if not usable:
        raise ValueError("this machine has no address that media could use; name one in media.hosts")
    return [str(address) for address in sorted(usable, key=lambda a: (a.is_loopback, a.version))]


def _one_address(host: str) -> str:
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        raise ValueError(f"media.hosts: {host} is not one address; leave the list empty to take all")
    return str(address)


def candidates_of(addresses: list[str], port: int) -> list[Candidate]:
    """Host candidates, the first address preferred. Raises `ValueError` naming an entry that is not an IP address."""
    return [Candidate(str(ipaddress.ip_address(address)), port, rank) for rank, address in enumerate(addresses)]


def open_sockets(addresses: list[str], port: int, buffer_bytes: int, *, named: bool) -> list[LocalSocket]:
    """Bind one non-blocking socket for each address, all on one port; 0 means any port that is free on all.

    An address that cannot be bound is left out with a log line unless the settings name it (`named`): then `OSError`.
    """
    for attempt in range(_ATTEMPTS if port == 0 else 1):
        opened: list[LocalSocket] = []
        try:
            _bind_all(opened, addresses, port, buffer_bytes, named=named)
        except OSError as error:
            for local in opened:
                local.socket.close()
            if port or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS - 1:
                raise
            continue
        break
    if not opened:
        raise OSError(errno.EADDRNOTAVAIL, f"none of the addresses {', '.join(addresses)} could be bound")
    return opened


def _bind_all(opened: list[LocalSocket], addresses: list[str], port: int, buffer_bytes: int, *, named: bool) -> None:
    for address in addresses:
        try:
            opened.append(LocalSocket(address, _bind(address, port, buffer_bytes)))
        except OSError as error:
            if named or error.errno == errno.EADDRINUSE:
                raise
            log.warning("x address left out", host=address, error=str(error))
            continue
        port = opened[0].port


def _bind(address: str, port: int, buffer_bytes: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        _widen(bound, address, buffer_bytes)
    except OSError:
        bound.close()
        raise
    return bound


def _widen(bound: socket.socket, address: str, wanted: int) -> None:
    """Set both buffers, beyond the system's limits where the process may; say what was got if it is less."""
    for option, force in ((socket.SO_RCVBUF, _SO_RCVBUFFORCE), (socket.SO_SNDBUF, _SO_SNDBUFFORCE)):
        bound.setsockopt(socket.SOL_SOCKET, option, wanted)
        with contextlib.suppress(OSError):  # needs CAP_NET_ADMIN
            bound.setsockopt(socket.SOL_SOCKET, force, wanted)
    got = min(bound.getsockopt(socket.SOL_SOCKET, option) // 2 for option in (socket.SO_RCVBUF, socket.SO_SNDBUF))
    if got < wanted:
        log.warning(
            "- small socket buffer", host=address, bytes=got, wanted=wanted, hint="raise net.core.rmem_max and wmem_max"
        )
