"""The whole prefecture in one server: how long its files take to import, how fast the console's lists and files are then, how long
a start takes with all of it.

`make bench-prefecture` prints it. Everything is invented (`prefecture_data`). Goals: import <= 60 s, by the command line and by the
console; a list p95 <= 150 ms, the tree's search p95 <= 100 ms; a start <= 15 s.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from signaling.db.base import utc_now
from tests.bench.prefecture_data import CLASSES, SCHOOLS, TEACHERS, files, fill
from tests.support import postgres
from tests.support.server import Server

ASKED: Final = 40
IMPORT_SECONDS, START_SECONDS = 60.0, 15.0
SEARCH: Final = "/tree/search?q="
AT: Final = quote((utc_now() + timedelta(days=7)).isoformat())
MONTH: Final = f"since={quote((utc_now() - timedelta(days=7)).isoformat())}&until={AT}"
LISTS: Final = (
    "/counties",
    "/tree",
    "/tree?parent=522301",
    f"{SEARCH}{quote('第12')}",
    f"{SEARCH}2152",
    "/schools",
    "/schools?sort=-pupils",
    f"/schools?page=20&q={quote('小学')}",
    "/classes",
    "/classes?page=300",
    f"/classes?q={quote('五年')}",
    "/classes/{class}/lectures",
    "/teachers",
    "/teachers?page=700",
    "/teachers?sort=-name",
    f"/teachers?q={quote('教师399')}",
    "/screens",
    "/screens?page=300",
    f"/screens?q={quote('第77')}",
    "/screens?line=untested",
    "/line-tests/summary",
    "/lectures?size=50",
    "/lectures?size=50&page=9",
    f"/lectures?order=oldest&{MONTH}",
    f"/lectures?size=200&order=oldest&{MONTH}",
    "/lectures/{lecture}/absent",
    "/lectures/{lecture}/duty/candidates",
    "/experts",
    f"/experts?free_at={AT}",
    f"/experts?at={AT}",
    "/alerts",
    "/alerts?below=true&state=all",
    "/alerts/counts",
    "/people",
    "/people?page=60",
    "/people?role=school_admin&sort=-created",
    f"/people?q={quote('管理员33')}",
    "/people?node=522301",
    "/audit",
    "/audit?page=100",
    "/audit?page=200",
    "/audit?action=person.changed",
    "/imports",
    "/recordings",
    "/terms",
)
SCOPED: Final = ("/schools", "/classes", "/teachers", "/screens", "/lectures?size=50", "/people", "/alerts")
TABLES: Final = tuple(
    f"/tables/{what}.{kind}" for what in ("schools", "classes", "teachers", "screens") for kind in ("csv", "xlsx")
)


def main() -> int:
    """Do it and print the figures; the exit code says whether the goals are met."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; CPU is the server's, its children included")
    with tempfile.TemporaryDirectory(prefix="prefecture") as name:
        folder = Path(name)
        brought = files(folder)
        steps = (by_command, on_postgresql, in_server)
        missed = [line for line in (step(folder, brought) for step in steps) if line]
    print(f"load {os.getloadavg()[0]:.1f}")
    print("all goals are met" if not missed else f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def by_command(folder: Path, brought: Mapping[str, Path], url: str = "") -> str:
    """Import the files by the command line, on SQLite without a `url`; return what was missed."""
    begun, before = time.monotonic(), os.times()
    environment = os.environ | ({"JIANGTANG_DATABASE__URL": url} if url else {})
    for what, file in brought.items():
        command = [sys.executable, "-m", "signaling", "import", what, str(file), "--data", str(folder / "other")]
        subprocess.run([*command, "--school-year", "2026"], check=True, capture_output=True, env=environment)
    wall, after = time.monotonic() - begun, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    if not url:
        print(f"import of {SCHOOLS} schools, {CLASSES} classes, {TEACHERS} teachers, CPU without PostgreSQL's own:")
    print(f"by the command line on {_name(url)}: {_took(wall, cpu)}")
    return f"import on {_name(url)}" if wall > IMPORT_SECONDS else ""


def on_postgresql(folder: Path, brought: Mapping[str, Path]) -> str:
    """Import the files into PostgreSQL by the command line and by the API; return what was missed."""
    if postgres.programs() is None:
        print("PostgreSQL is not installed: its imports are left out")
        return ""
    urls = [f"postgresql://tests@/{postgres.fresh()[0]}?host={postgres.server().folder}" for _ in range(2)]
    missed = [by_command(folder, brought, urls[0])]
    server = Server(folder / "third", environment={"JIANGTANG_DATABASE__URL": urls[1]})
    try:
        missed += by_api(server, server.start()["api_token"], brought)
    finally:
        server.close()
    return ", ".join(line for line in missed if line)


def _name(url: str) -> str:
    return "PostgreSQL" if url else "SQLite"


def in_server(folder: Path, brought: Mapping[str, Path]) -> str:
    """Import, start again, list and export in a server; return what was missed."""
    server = Server(folder / "data")
    try:
        token = server.start()["api_token"]
        missed = by_api(server, token, brought)
        server.stop()
        places = asyncio.run(fill(folder / "data"))
        missed += start_again(server)
        missed += [path for path in LISTS if time_list(server, token, path.format(**places)) > goal(path)]
        for who in ("county", "school"):
            print(f"as a {who}:")
            missed += [f"{who} {path}" for path in SCOPED if time_list(server, places[who], path) > goal(path)]
        for path in TABLES:
            time_table(server, token, path)
    finally:
        server.close()
    return ", ".join(missed)


def by_api(server: Server, token: str, brought: Mapping[str, Path]) -> list[str]:
    """Import the files as the console does; return what was missed."""
    begun, before = time.monotonic(), cpu_seconds(server)
    for what, file in brought.items():
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/api/v1/imports?kind={what}&name={what}.csv")
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", "application/octet-stream")
        request.data = file.read_bytes()
        with urllib.request.urlopen(request, timeout=60) as response:
            path = response.headers["Location"]
        version = wait_for(server, token, path, "checked")
        commit = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}/commit", method="POST")
        commit.add_header("Authorization", f"Bearer {token}")
        commit.add_header("If-Match", f'"{version}"')
        urllib.request.urlopen(commit, timeout=60).close()
        wait_for(server, token, path, "done")
    wall, database = time.monotonic() - begun, _name(server.environment.get("JIANGTANG_DATABASE__URL", ""))
    print(f"by the API, checked and committed, on {database}: {_took(wall, cpu_seconds(server) - before)}")
    return [f"import by the API on {database}"] if wall > IMPORT_SECONDS else []


def wait_for(server: Server, token: str, path: str, state: str) -> int:
    """Ask as the console does until an import is in a state; return its version."""
    while True:
        _, job = server.call("GET", path, token)
        if job["state"] == state:
            return int(job["version"])
        assert job["state"] in {"checking", "committing"} or job["state"] == "checked", job
        time.sleep(0.2)


def start_again(server: Server) -> list[str]:
    """Start with all of it; return what was missed."""
    begun = time.monotonic()
    server.start()
    wall = time.monotonic() - begun
    print(f"start with all of it: {wall:.1f} s, {cpu_seconds(server):.1f} s CPU (goal {START_SECONDS:.0f})")
    return ["start"] if wall > START_SECONDS else []


def goal(path: str) -> float:
    """Return the goal of a list in milliseconds."""
    return 100.0 if path.startswith(SEARCH) else 150.0


def time_list(server: Server, token: str, path: str) -> float:
    """Ask for a list again and again; print and return the 95th percentile in milliseconds."""
    took, before = [], cpu_seconds(server)
    for _ in range(ASKED):
        begun = time.perf_counter()
        status, _ = server.call("GET", f"/api/v1{path}", token)
        took.append((time.perf_counter() - begun) * 1000)
        assert status == 200, (path, status)
    late, cpu = sorted(took)[int(ASKED * 0.95)], (cpu_seconds(server) - before) * 1000 / ASKED
    shown = path if len(path) <= 48 else f"{path[:47]}…"
    print(
        f"{shown:48s} median {statistics.median(took):6.1f} ms, p95 {late:6.1f} ms (goal {goal(path):.0f}), CPU {cpu:5.1f} ms"
    )
    return late


def time_table(server: Server, token: str, path: str) -> None:
    """Export a table; print when its first byte came and when it was whole."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/api/v1{path}")
    request.add_header("Authorization", f"Bearer {token}")
    begun, before = time.perf_counter(), cpu_seconds(server)
    with urllib.request.urlopen(request, timeout=120) as response:
        size = len(response.read(1))
        first = time.perf_counter() - begun
        size += len(response.read())
    whole, cpu = time.perf_counter() - begun, cpu_seconds(server) - before
    print(f"{path:48s} first byte {first:5.2f} s, whole {whole:5.2f} s, {size / 1e6:5.2f} MB, CPU {cpu:5.2f} s")


def cpu_seconds(server: Server) -> float:
    """Return the CPU time of the server and its children that have ended."""
    fields = Path(f"/proc/{server.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _took(wall: float, cpu: float) -> str:
    return f"{wall:.1f} s, {cpu:.1f} s CPU (goal {IMPORT_SECONDS:.0f})"


if __name__ == "__main__":
    sys.exit(main())
