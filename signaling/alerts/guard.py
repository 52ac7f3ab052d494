"""Which addresses a channel may ask at all (server-side request forgery, CWE-918). Pure but for the resolver, which is an argument.

1. **https only, by a name or a canonical address, without user and password**; `allow_private` also lets http and private addresses through.
2. **A name is resolved once, every address is judged, and the connection goes to the judged ones**: a name that answers differently a second
   later (DNS rebinding) changes nothing. One bad address among good ones refuses the name.
3. Addresses of cloud metadata are refused always; an IPv4 address inside an IPv6 one is judged as IPv4.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host name as text; raises `OSError` when there are none."""

LONGEST: Final = 1000
METADATA: Final = frozenset(
    ipaddress.ip_address(one)
    for one in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
)
"""AWS and most others, Alibaba, Azure, Oracle, AWS over IPv6."""
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.ip_network("::/96")
NUMBERS: Final = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)
NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE
)


class Refused(ValueError):
    """A target that must not be asked; the message says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target that may be asked: connect to one of `addresses`, whatever `host` resolves to."""

    url: str
    host: str
    port: int
    addresses: tuple[str, ...]


def parse(url: str, *, allow_private: bool) -> SplitResult:
    """Return the parts of an address that is written as it should be; raise `Refused`."""
    if len(url) > LONGEST or not url.isascii() or any(letter <= " " or letter == "\\" for letter in url):
        raise Refused("too long, or with letters that an address has not")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("no address") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise Refused("only https")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Refused("with user or password")
    if parts.fragment or not parts.hostname or port == 0:
        raise Refused("no host, port 0, or a fragment")
    _check_host(parts.hostname, bracketed="[" in parts.netloc)
    return parts


def _check_host(host: str, *, bracketed: bool) -> None:
    """Refuse hosts that are written in one of the many ways that a resolver takes for an address."""
    if bracketed:
        if "%" in host:
            raise Refused("with a zone")
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise Refused("no address") from None
    elif NUMBERS.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)  # four decimal numbers without leading zeros
        except ValueError:
            raise Refused("an address in an unusual form") from None
    elif not NAME.fullmatch(host.removesuffix(".")):
        raise Refused("no host name")


def judge(text: str, *, allow_private: bool) -> None:
    """Raise `Refused` for an address that must not be connected to."""
    try:
        address = _bare(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        raise Refused("no address") from None
    if address in METADATA or (address.is_link_local and not allow_private):
        raise Refused("an address of the network itself")
    if address.is_multicast or address.is_unspecified:
        raise Refused("not the address of one machine")
    if not allow_private and (not address.is_global or address.is_reserved):
        raise Refused("a private address")


def _bare(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    plain = int(address) & 0xFFFFFFFF
    if address in NAT64 or (address in COMPATIBLE and plain > 1):
        return ipaddress.IPv4Address(plain)
    return address


async def check(url: str, resolve: Resolve, *, allow_private: bool) -> Target:
    """Return where to connect for an address; raise `Refused`, or `OSError` when the name has no address."""
    parts = parse(url, allow_private=allow_private)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = [str(ipaddress.ip_address(host))]
    except ValueError:
        addresses = list(dict.fromkeys(await resolve(host, port)))
    if not addresses:
        raise OSError("the name has no address")
    for one in addresses:
        judge(one, allow_private=allow_private)
    return Target(url, host, port, tuple(addresses))
