"""Debian's nginx with the example that is shipped, `config/nginx.conf`: only ports and paths are put in."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signaling.commands import cert
from signaling.db.base import utc_now
from tests.support.server import free_port

EXAMPLE = Path(__file__).parents[2] / "config" / "nginx.conf"
READY_SECONDS = 10.0


@dataclass(frozen=True)
class Nginx:
    """A running nginx. `authority` is the file with the certificate to trust."""

    folder: Path
    port: int
    authority: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the access log."""
        return [json.loads(line) for line in (self.folder / "jiangtang.log").read_text("utf-8").splitlines()]

    def errors(self) -> str:
        """Return the error log."""
        return (self.folder / "error.log").read_text("utf-8", "replace")


def rendered(folder: Path, upstream: int, port: int, plain: int) -> str:
    """Return the example with ports and paths of a test. Raise when the example has nothing of what is to be replaced."""
    text = EXAMPLE.read_text("utf-8")
    for old, new in {
        "127.0.0.1:8080": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen [::]:80;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen [::]:443 ssl http2;": "",
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx": str(folder),
        "/var/cache/nginx": str(folder),
        "/etc/nginx/jiangtang": str(folder / "tls"),
        "worker_rlimit_nofile 65536;": "",
        "worker_connections 16384;": "worker_connections 4096;",
        "worker_processes auto;": "worker_processes 1;\nmaster_process off;\ndaemon off;",
    }.items():
        if old not in text:
            raise ValueError(f"config/nginx.conf has no {old!r}")
        text = text.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return text.replace(
        "http {\n", "http {\n" + "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds), 1
    )


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Nginx]:
    """Run nginx in `folder` before a server on port `upstream`, as the current user, and end it with the block."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    folder.mkdir(parents=True)
    cert.write(folder / "tls", ["localhost", "127.0.0.1"], utc_now())
    port = free_port()
    (folder / "nginx.conf").write_text(rendered(folder, upstream, port, free_port()), "utf-8")
    command = [binary, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _await_port(process, port)
        yield Nginx(folder, port, folder / "tls" / "ca.pem")
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr is not None
            raise RuntimeError(f"nginx ended with {process.returncode}: {process.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nginx does not listen after {READY_SECONDS} s")
