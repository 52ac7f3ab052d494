"""LibreOffice without a window: what it makes of files, in one start for all of them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final

SECONDS: Final = 110.0
READING_CSV: Final = "--infilter=CSV:44,34,76,1,,0,true,false"
"""Commas, quotes, UTF-8; a quoted field is text."""


async def converted(folder: Path, to: str, *files: Path, reading: str = "") -> Path:
    """Convert files to a format and return the folder in which the results are, by the names of the files."""
    office = shutil.which("soffice")
    assert office is not None, "LibreOffice is not installed: make test-tools installs it"
    out = folder / "converted"
    options = [f"-env:UserInstallation=file://{folder}/profile", "--headless", *([reading] if reading else [])]
    process = await asyncio.create_subprocess_exec(
        office, *options, "--convert-to", to, "--outdir", str(out), *map(str, files), stdout=asyncio.subprocess.DEVNULL
    )
    assert await asyncio.wait_for(process.wait(), SECONDS) == 0
    return out
