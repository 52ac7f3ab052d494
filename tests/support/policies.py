"""A version of the policy that is a prefecture's own: the program's newest with other numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from signaling.attendance.policy import POLICIES_FILE

VERSION: Final = 102


def own_policy(folder: Path, version: int = VERSION, outliers: str = "", **numbers: object) -> Path:
    """Write a policy whose named numbers, each of which stands in one line of the newest, are others; return its file.

    `outliers` are lines that its table of them has besides.
    """
    whole = POLICIES_FILE.read_text("utf-8")
    text = re.sub(r"^version = .*$", f"version = {version}", whole[whole.rindex("[[policy]]") :], flags=re.MULTILINE)
    for name, number in numbers.items():
        text, times = re.subn(rf"^{name} = .*$", f"{name} = {number}".replace("'", '"'), text, flags=re.MULTILINE)
        assert times == 1, name
    text = text.replace("[policy.credit.outliers]", f"[policy.credit.outliers]\n{outliers}")
    file = folder / "policies.toml"
    file.write_text(text, "utf-8")
    return file


def in_force(folder: Path, **numbers: object) -> dict[str, str]:
    """Return the environment of a server whose policy in force has such numbers."""
    file = own_policy(folder, **numbers)
    return {"JIANGTANG_ATTENDANCE__POLICIES_FILE": str(file), "JIANGTANG_ATTENDANCE__POLICY": str(VERSION)}
