"""What the check of a file found, on the disk: one JSON text a line, and where each line begins, so that a page is read and not the file.

<data folder>/imports/<job>/  file           as it was uploaded
                              rest           good rows of the file that it corrects
                              good           rows that can be taken, as they were written
                              errors         bad rows with the reason
                              changed, new   what would change
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

FILE, REST = "file", "rest"
GOOD, ERRORS, CHANGED, NEW = "good", "errors", "changed", "new"
_PLACES: Final = ".places"


def write(folder: Path, name: str, items: Iterable[Any]) -> int:
    """Write documents; return how many."""
    places = array("Q")
    with (folder / name).open("wb") as file:
        for item in items:
            places.append(file.tell())
            file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    (folder / f"{name}{_PLACES}").write_bytes(places.tobytes())
    return len(places)


def page(folder: Path, name: str, size: int, offset: int) -> tuple[list[Any], int]:
    """Return some of the documents and how many there are; none when the check has not written them."""
    places = array("Q")
    try:
        places.frombytes((folder / f"{name}{_PLACES}").read_bytes())
        with (folder / name).open("rb") as file:
            if offset < len(places):
                file.seek(places[offset])
            items = [json.loads(file.readline()) for _ in places[offset : offset + size]]
    except FileNotFoundError:
        return [], 0
    return items, len(places)


def everything(folder: Path, name: str) -> Iterator[Any]:
    """Yield all documents."""
    try:
        with (folder / name).open("rb") as file:
            yield from map(json.loads, file)
    except FileNotFoundError:
        return
