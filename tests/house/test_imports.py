"""Imports go one way, and every foreign library has one door (design: the rooms)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("config", "broadcaster", "recorder", "signaling")
DOORS = {
    "aiortc": ("broadcaster/transport/",),
    "aioice": ("broadcaster/transport/",),
    "pylibsrtp": ("broadcaster/transport/",),
    "av": ("recorder/mux.py", "recorder/thumbnail.py"),
    "obstore": ("recorder/objects.py",),
    "socketio": ("signaling/realtime/",),
    "engineio": ("signaling/realtime/",),
    "redis": ("signaling/cluster/",),
    "xlsxwriter": ("signaling/attendance/", "signaling/directory/templates.py", "signaling/directory/sheets.py"),
    "python_calamine": ("signaling/directory/tabular.py",),
    "segno": ("signaling/api/qr.py",),
    "pyotp": ("signaling/auth/totp.py",),
    "argon2": ("signaling/auth/",),
    "aiosmtplib": ("signaling/alerts/mail_sender.py",),
}
SANS_IO = ("broadcaster/rtp/", "broadcaster/forward/", "recorder/assemble.py", "recorder/clock.py")
IMPURE = {"asyncio", "socket", "random", "secrets", "time", "threading"}


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Return the dotted names that a module imports, those for type checkers included."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return tuple(names)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room: str) -> None:
    above = ROOMS[ROOMS.index(room) + 1 :]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / room).rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in above
    ]
    assert wrong == []


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if any(name.split(".")[0] == library for name in imported(path))
        and not str(path.relative_to(ROOT)).startswith(DOORS[library])
    ]
    assert wrong == []


def test_database_sessions_stay_in_services() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "signaling").rglob("*.py")
        if "AsyncSession" in path.read_text(encoding="utf-8")
        and not path.name.endswith("service.py")
        and path.parent.name != "db"
    ]
    assert wrong == []


def test_cores_touch_neither_clock_nor_socket() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        if str(path.relative_to(ROOT)).startswith(SANS_IO)
        for name in imported(path)
        if name.split(".")[0] in IMPURE
    ]
    assert wrong == []


def test_private_names_of_aiortc_live_in_one_module() -> None:
    """Attribute access to `_names` of foreign objects in the transport room is confined to `aiortc_private.py`."""
    wrong = []
    for path in (ROOT / "broadcaster" / "transport").glob("*.py"):
        if path.name == "aiortc_private.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            private = isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
            if private and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} .{node.attr}")
    assert wrong == []
