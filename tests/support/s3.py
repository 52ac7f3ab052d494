"""A real S3 server on the loopback interface, as a process of its own that can be stopped and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import StoreSettings, load

BUCKET = "lectures"
START_SECONDS = 30.0


class S3Server:
    """`start` and `stop` as often as needed: the port stays, what was stored is gone with the process."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **changes: object) -> StoreSettings:
        """Return `[store]` for this server."""
        keys = {"access_key": "test", "secret_key": "test", "retry_seconds": 0.2}
        where = {"url": f"s3://{BUCKET}/school", "endpoint": self.endpoint}
        return load(overrides={"store": {**where, **keys, **changes}}).store

    def start(self) -> None:
        """Start the server and make the bucket."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, env={**os.environ, "MOTO_S3_CUSTOM_ENDPOINTS": ""}, **quiet)  # type: ignore[call-overload]
        deadline = time.monotonic() + START_SECONDS
        while not self._made_bucket():
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.05)

    def _made_bucket(self) -> bool:
        request = urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT")
        request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request")
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read()) from error
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server for the length of a block."""
    server = S3Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
