"""Which pages may open a socket. Pure.

The library's own check believes `Host` and `X-Forwarded-Host`; a page that rebinds its DNS name to this server would pass it. So:

1. With `http.public_url`, exactly that origin.
2. Without it, the origin under which the request came, if its host is an IP address, localhost or this machine's name: such a host
   cannot be rebound by a stranger.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def allowed(origin: str, own: str, public_url: str, names: Collection[str]) -> bool:
    """Whether a page of `origin` may connect to the server that was asked for as `own`; `names` are this machine's."""
    page = _parts(origin)
    if page is None:
        return False
    if public_url:
        return page == _parts(public_url)
    return page == _parts(own) and _cannot_be_rebound(page[1], names)


def _parts(origin: str) -> tuple[str, str, int] | None:
    try:
        split = urlsplit(origin)
        port = split.port or _DEFAULT_PORTS[split.scheme]
    except (ValueError, KeyError):
        return None
    host = split.hostname
    return (split.scheme, host, port) if host else None


def _cannot_be_rebound(host: str, names: Collection[str]) -> bool:
    if host == "localhost" or host.endswith(".localhost") or host in {name.lower() for name in names}:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
