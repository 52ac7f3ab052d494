"""The whole prefecture in one server: how long its files take to import, and how fast the console's lists answer then.

`make bench-prefecture` prints it. Schools, classes and teachers come by `jiangtang import`, screens and lectures by SQL; everything is
invented. Goals: import <= 60 s, a list p95 <= 150 ms, the tree's search p95 <= 100 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import insert, select

from config.regions import load_regions
from config.settings import load
from signaling.auth.models import User
from signaling.db.base import utc_now, uuid7
from signaling.db.opening import open_database
from signaling.directory.models import SchoolClass, Screen
from signaling.lectures.models import Lecture, LectureAudience
from tests.support.server import Server

SCHOOLS, CLASSES, TEACHERS, LECTURES = 1675, 15_600, 40_000, 500
ASKED = 40
SEARCH = "/tree/search?q="
LISTS = (
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
    "/screens",
    "/screens?page=300",
    f"/screens?q={quote('第77')}",
    "/lectures?size=50",
    "/lectures?size=50&page=9",
    "/recordings",
    "/terms",
)


def main() -> int:
    """Do it and print the figures; the exit code says whether the goals are met."""
    with tempfile.TemporaryDirectory(prefix="prefecture") as name:
        folder = Path(name)
        imported = import_files(folder)
        print(f"import of {SCHOOLS} schools, {CLASSES} classes, {TEACHERS} teachers: {imported:.1f} s (goal 60)")
        server = Server(folder / "data")
        demo = server.start()
        try:
            asyncio.run(fill(folder / "data"))
            slow = [path for path in LISTS if time_list(server, demo["api_token"], path) > goal(path)]
        finally:
            server.close()
    print("every list is within its goal" if not slow else f"too slow: {', '.join(slow)}")
    return 1 if slow or imported > 60 else 0


def goal(path: str) -> float:
    """Return the goal of a list in milliseconds."""
    return 100.0 if path.startswith(SEARCH) else 150.0


def import_files(folder: Path) -> float:
    """Import three files by the command line; return the seconds it took."""
    counties = [region.name for region in load_regions() if region.parent and not region.direct]
    codes = [f"2152{number:06d}" for number in range(SCHOOLS)]
    tables = {
        "schools": ["学校标识码,学校名称,县（市、区）"]
        + [f"{code},第{number}小学,{counties[number % len(counties)]}" for number, code in enumerate(codes)],
        "classes": ["学校标识码,班级名称,班级人数"]
        + [_class_line(codes[number % SCHOOLS], number // SCHOOLS, number) for number in range(CLASSES)],
        "teachers": ["学校标识码,工号,姓名,任教学科"]
        + [f"{codes[number % SCHOOLS]},{number // SCHOOLS:03d},教师{number},语文" for number in range(TEACHERS)],
    }
    begun = time.monotonic()
    for what, lines in tables.items():
        file = folder / f"{what}.csv"
        file.write_text("\n".join(lines), "utf-8")
        command = [sys.executable, "-m", "signaling", "import", what, str(file), "--data", str(folder / "data")]
        subprocess.run([*command, "--school-year", "2026"], check=True, capture_output=True)
    return time.monotonic() - begun


def _class_line(code: str, place: int, number: int) -> str:
    return f"{code},{2021 + place % 6}级{1 + place // 6}班,{30 + number % 20}"


async def fill(folder: Path) -> None:
    """Give every class a screen, and the timetable its lectures."""
    db, now = open_database(load(overrides={"server": {"data_dir": folder}})), utc_now()
    try:
        async with db.writing() as session:
            classes = list(await session.scalars(select(SchoolClass.id)))
            lecturer = await session.scalar(select(User.id).where(User.role == "lecturer"))
            hung = set(await session.scalars(select(Screen.class_id)))
            screens = [
                {"class_id": one, "paired_at": now, "last_seen_at": now, "agent": "Chrome/109"} for one in classes
            ]
            await session.execute(insert(Screen), [row for row in screens if row["class_id"] not in hung])
            lectures = [
                {"id": uuid7(), "title": f"第{number}讲", "lecturer_id": lecturer, "scheduled_at": now, "minutes": 40}
                | {"scheduled_at": now + timedelta(hours=number - LECTURES // 2), "approved_at": now}
                for number in range(LECTURES)
            ]
            await session.execute(insert(Lecture), lectures)
            audiences = [{"lecture_id": row["id"], "node": "522300"} for row in lectures]
            await session.execute(insert(LectureAudience), audiences)
    finally:
        await db.close()


def time_list(server: Server, token: str, path: str) -> float:
    """Ask for a list again and again; print and return the 95th percentile in milliseconds."""
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        status, _ = server.call("GET", f"/api/v1{path}", token)
        took.append((time.perf_counter() - begun) * 1000)
        assert status == 200, (path, status)
    late = sorted(took)[int(ASKED * 0.95)]
    print(f"{path:48s} median {statistics.median(took):6.1f} ms, p95 {late:6.1f} ms (goal {goal(path):.0f})")
    return late


if __name__ == "__main__":
    sys.exit(main())
