"""Recordings and exports as a program uses them: over HTTP, with the administrator's token."""

from __future__ import annotations

import csv
import io
import time
import urllib.request
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

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


def table(server: Server, demo: dict[str, Any], number: str, kind: str = "csv") -> list[dict[str, Any]]:
    """Return the rows of an export of the lecture by header: texts of the CSV, or cells of the workbook's first sheet."""
    url = f"http://127.0.0.1:{server.port}/api/v1/lectures/{demo['lecture_id']}/exports/{number}.{kind}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {demo['api_token']}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
    lines: list[list[Any]]
    if kind == "csv":
        lines = [*csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))]
    else:
        lines = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    header, *rows = lines
    return [dict(zip(header, row, strict=True)) for row in rows]


def class_rows(server: Server, demo: dict[str, Any]) -> dict[tuple[str, str], dict[str, str]]:
    """Return export 03 by school and class code."""
    return {(row["学校标识码"], row["班级代码"]): row for row in table(server, demo, "03") if row["班级名称"]}
