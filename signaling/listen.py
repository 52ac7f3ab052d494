"""The listening socket and its TLS."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

from aiohttp import web

from config.settings import TlsSettings

BACKLOG = 1024
ACCEPTED_A_TURN = 8


class StartError(Exception):
    """The server cannot start; the message is one sentence for the operator."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; `::` takes IPv4 too. Raises `StartError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise StartError(f"http.host {host!r} is not an address of this machine: {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(_sentence(error, host, port)) from None
    listener.setblocking(False)
    return listener


async def serve_on(runner: web.AppRunner, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Serve an application on a listening socket.

    asyncio accepts in one turn of the loop as many connections as it lets wait in the kernel; here few, while `BACKLOG` may wait.
    """
    await web.SockSite(runner, listener, ssl_context=tls, backlog=ACCEPTED_A_TURN).start()
    listener.listen(BACKLOG)


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"TCP port {port} is in use by another program: stop it, or choose another port with --port"
    if error.errno == errno.EACCES:
        return f"TCP port {port} may not be opened by this user: choose one above 1023 with --port"
    return f"cannot listen on {host}:{port}: {error.strerror}"


def tls_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """Return the TLS context, or None for plain HTTP. Raises `StartError`."""
    if not settings.cert:
        return None
    for name, path in (("tls.cert", settings.cert), ("tls.key", settings.key)):
        if not Path(path).is_file():
            raise StartError(f"{name}: there is no file {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.cert, settings.key)
    except (ssl.SSLError, OSError) as error:
        raise StartError(f"tls.cert {settings.cert} and tls.key {settings.key} cannot be used: {error}") from None
    return context
