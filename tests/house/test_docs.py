"""Documents are alive: links lead somewhere, every room has its door sign, every realtime message is described."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", "node_modules", "dist", "var", "build", ".git", ".pytest_cache", ".hypothesis"}
ROOMS = ("broadcaster", "signaling", "recorder", "config", "web", "tests")
TOP_LEVEL = {*ROOMS, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"}
MACHINE_WORDS = re.compile(r"/work/|/root/|\bopt/wheels\b|issue #\d|\bClaude\b|\bCopilot\b|\bLLM\b", re.IGNORECASE)


def documents() -> list[Path]:
    return [p for p in ROOT.rglob("*.md") if not SKIPPED & set(p.relative_to(ROOT).parts)]


def test_links_between_documents_lead_somewhere() -> None:
    dead = []
    for path in documents():
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                dead.append(f"{path.relative_to(ROOT)} -> {target}")
    assert dead == []


def test_every_room_has_a_door_sign_of_at_most_a_page() -> None:
    rooms = {p.parent for room in ROOMS[:4] for p in (ROOT / room).rglob("__init__.py")}
    rooms |= {ROOT / "web", ROOT / "tests"}
    rooms -= {p for p in rooms if {"migrations", "versions"} & set(p.parts)}
    missing = [str(p.relative_to(ROOT)) for p in sorted(rooms) if not (p / "README.md").is_file()]
    assert missing == []
    long = [str(p.relative_to(ROOT)) for p in rooms if len((p / "README.md").read_text("utf-8").splitlines()) > 70]
    assert long == []


def test_packages_say_in_one_sentence_what_they_are() -> None:
    silent = []
    for room in ROOMS[:4]:
        for path in (ROOT / room).rglob("__init__.py"):
            if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
                silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_the_top_level_holds_the_rooms_and_nothing_else() -> None:
    ours = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert ours - TOP_LEVEL - SKIPPED - {p.name for p in ROOT.glob("*.egg-info")} == set()


def realtime_names() -> set[str]:
    """Event names that the realtime room emits (`emit("name", …)`) or handles (`on("name", …)`, `on_name` methods)."""
    names = set()
    for path in (ROOT / "signaling" / "realtime").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"emit", "on"}:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    names.add(first.value)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("on_"):
                names.add(node.name.removeprefix("on_"))
    return names


def test_every_realtime_message_is_documented() -> None:
    protocol = (ROOT / "signaling" / "PROTOCOL.md").read_text(encoding="utf-8")
    names = realtime_names()
    assert len(names) > 5
    assert {name for name in names if f"`{name}`" not in protocol} == set()


@pytest.mark.parametrize("suffix", [".py", ".md", ".ts", ".vue", ".toml", ".sh", ".txt"])
def test_the_project_speaks_of_itself_alone(suffix: str) -> None:
    wrong = []
    for path in ROOT.rglob(f"*{suffix}"):
        if SKIPPED & set(path.relative_to(ROOT).parts) or path == Path(__file__) or ".egg-info" in str(path):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if MACHINE_WORDS.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert wrong == []
