"""A whole server process on free ports and a data folder of its own, for tests that treat it as users do."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_SECONDS = 90.0
PASSWORD = "Seven lamps over 1 river"
PREFECTURE = "522300"
PORTS = range(18_000, 32_000)
ATTEMPTS = 100


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that is free on every address, below those that the system gives to clients.

    A server binds seconds later: in the meantime a client could get one of the system's, and another worker the same.
    """
    worker, workers = (int(os.environ.get(f"PYTEST_XDIST_WORKER{name}", "1").strip("gw")) for name in ("", "_COUNT"))
    for _ in range(ATTEMPTS):
        port = PORTS.start + random.randrange(len(PORTS) // workers) * workers + worker % workers
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
    raise OSError(f"no free port in {PORTS}")


@dataclass
class Server:
    """`jiangtang serve --demo` as a child process.

    `start` returns when `demo.json` of this process is there and `/readyz` answers 200; `stop` ends by SIGTERM, `kill` by SIGKILL.
    """

    data: Path
    port: int = field(default_factory=free_port)
    media_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    options: tuple[str, ...] = ("--media-host", "127.0.0.1")
    environment: dict[str, str] = field(default_factory=dict)
    scheme: str = "http"
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> dict[str, Any]:
        """Start the process and return what it wrote to `demo.json`."""
        command = [*self.prefix, sys.executable, "-m", "signaling", "serve", "--demo", "--port", str(self.port)]
        command += ["--media-port", str(self.media_port), "--data", str(self.data), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | self.environment, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.tail()}")
            demo = self.demo()
            if demo is not None and self._answers():
                return demo
            time.sleep(0.05)
        raise TimeoutError(f"the server was not ready within {READY_SECONDS} s:\n{self.tail()}")

    def demo(self) -> dict[str, Any] | None:
        """Return `demo.json` when it was written by the running process."""
        try:
            document: dict[str, Any] = json.loads((self.data / "demo.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return document if document.get("pid") == self.pid else None

    def _answers(self) -> bool:
        if self.scheme != "http" or self.prefix:
            return True
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def stop(self, timeout: float = 10.0) -> float:
        """End by SIGTERM and return the seconds it took; a process that does not end is killed and reported."""
        assert self.process is not None
        started = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"SIGTERM did not end the server within {timeout} s:\n{self.tail()}") from None
        return time.monotonic() - started

    def kill(self) -> None:
        """End by SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def tail(self, lines: int = 40) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def add_person(self, login: str, name: str, role: str, node: str = PREFECTURE) -> None:
        """Add somebody whose password is `PASSWORD`, as an administrator and they themselves do."""
        demo = self.demo()
        assert demo is not None
        person = {"login": login, "name": name, "role": role, "node": node}
        status, made = self.call("POST", "/api/v1/people", demo["api_token"], person)
        assert status == 201, made
        token = made["invitation"]["url"].rpartition("/")[2]
        chosen = {"token": token, "password": PASSWORD}
        status, refused = self.call("POST", "/api/v1/invited/password", body=chosen, page=True)
        assert status == 204, refused

    def user(self, *words: str) -> str:
        """Run `jiangtang user` on the data of this server and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "signaling", "user", *words, "--data", str(self.data)],
            input=f"{PASSWORD}\n",
            text=True,
            capture_output=True,
            env=os.environ | self.environment,
            timeout=READY_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def call(self, method: str, path: str, token: str = "", body: Any = None, *, page: bool = False) -> tuple[int, Any]:
        """Send a JSON request, as a `page` of the server does or as a program; return status and document (None without content)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if page:
            request.add_header("Sec-Fetch-Site", "same-origin")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, _document(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _document(error.read())


@contextlib.contextmanager
def started(server: Server) -> Iterator[Server]:
    """Start a server and yield it; it does not outlive the block."""
    try:
        server.start()
        yield server
    finally:
        server.close()


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw
