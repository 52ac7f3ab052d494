"""The library of recordings as a program uses it: over HTTP, with the administrator's token."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.server import Server


def finished_recording(server: Server, demo: dict[str, Any], seconds: float = 5.0) -> dict[str, Any]:
    """Return the entry of the lecture's recording, which must be ready within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        status, entries = server.call("GET", f"/api/v1/recordings?lecture_id={demo['lecture_id']}", demo["api_token"])
        assert status == 200
        ready = [entry for entry in entries if entry["state"] == "ready"]
        if ready:
            return dict(ready[0])
        assert time.monotonic() < deadline, f"no recording was ready within {seconds} s: {entries}"
        time.sleep(0.05)


def download(server: Server, demo: dict[str, Any], path: str, target: Path) -> Path:
    """Fetch a file with the administrator's token."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", headers={"Authorization": f"Bearer {demo['api_token']}"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        target.write_bytes(response.read())
    return target
