"""Who the client is and which scheme it used, behind reverse proxies too.

**A forwarded header is believed only from an address in `http.trusted_proxies`**, and `X-Forwarded-For` is read from the right:
the first address that is not a trusted proxy is the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """The other end of a request: address, `http` or `https`, and the Host it asked for."""

    remote: str
    scheme: str
    host: str


class Proxies:
    """The trusted proxies and the public URL of this server."""

    def __init__(self, trusted: Sequence[str], public_url: str = "") -> None:
        self._networks: list[Network] = [ipaddress.ip_network(item, strict=False) for item in trusted]
        self.public_url = public_url.rstrip("/")

    def trusts(self, address: str) -> bool:
        """Whether headers from this address are believed; an IPv4 address mapped into IPv6 counts as itself."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return any((mapped or parsed) in network for network in self._networks)

    def client(self, request: web.BaseRequest) -> Client:
        """Return the client of a request."""
        peer = request.remote or ""
        if not self._networks or not self.trusts(peer):
            return Client(peer, request.scheme, request.host)
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme).split(",")[-1].strip().lower()
        return Client(self._forwarded(request, peer), scheme if scheme in {"http", "https"} else "http", request.host)

    def _forwarded(self, request: web.BaseRequest, peer: str) -> str:
        hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]
        for hop in reversed(hops):
            if not self.trusts(hop):
                return hop or peer
        return peer

    def origin(self, request: web.BaseRequest) -> str:
        """Return the origin of this server as the client sees it: `http.public_url` when set."""
        if self.public_url:
            return self.public_url
        client = self.client(request)
        return f"{client.scheme}://{client.host}"


PROXIES: web.AppKey[Proxies] = web.AppKey("proxies", Proxies)


def client(request: web.Request) -> Client:
    """Return the client of a request."""
    return request.config_dict[PROXIES].client(request)


def origin(request: web.Request) -> str:
    """Return the origin of this server as the client of the request sees it, for links and checks."""
    return request.config_dict[PROXIES].origin(request)
