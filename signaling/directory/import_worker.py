"""The process that reads a file for the server: `python -m signaling.directory.import_worker`, an order on standard input.

1. **A file from outside is read in a process of its own**, with bounded memory, at low priority: a bomb ends this process, and the
   server's loop, which sends pictures, never waits for a workbook.
2. It says by lines of JSON on standard output what it does (`progress`) and, last, what came out: `checked`, `refused`, `committed`
   or `failed`. Whoever hears no last word takes it for failed.
3. The address of the database comes by standard input, where no list of processes shows it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL

from signaling.db.engine import Database
from signaling.directory import import_findings as findings
from signaling.directory.class_names import school_year
from signaling.directory.import_changes import Comparison, shown
from signaling.directory.import_reasons import MOST_PUPILS, RowError
from signaling.directory.import_service import DirectoryChanged, ImportService
from signaling.directory.importing import Progress, Reading, read
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.directory.tabular import Row, TableError

NICENESS: Final = 10
VALUE_SHOWN: Final = 64
STATEMENT_SECONDS: Final = 600

Order = Mapping[str, Any]
Word = Mapping[str, Any]
Say = Callable[[Word], None]


def main() -> int:
    """Do what standard input orders."""
    order = json.loads(sys.stdin.read())
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        say(asyncio.run(do(order, say)))
    except MemoryError:
        say({"refused": {"code": "file_too_large", "detail": ""}})
    except Exception:
        traceback.print_exc()
        say({"failed": {"code": "internal", "detail": ""}})
    return 0


def say(word: Word) -> None:
    """Write one line to the server."""
    print(json.dumps(word, ensure_ascii=False), flush=True)


def _progress(tell: Say, phase: str) -> Progress:
    return lambda done, of: tell({"progress": [phase, done, of]})


async def do(order: Order, tell: Say) -> Word:
    """Check or commit a file; return the last word, and tell how far it is meanwhile."""
    db = _database(order["database"])
    try:
        service = ImportService(db)
        scope = await DirectoryService(db).scope(order["node"])
        tell({"progress": ["reading", 0, 0]})
        try:
            reading = await _read(service, scope, order, tell)
        except TableError as error:
            return {"refused": {"code": error.code, "detail": error.detail[:200]}}
        if order["do"] == "check":
            tell({"progress": ["comparing", 0, 0]})
            return await _check(service, scope, order, reading)
        return await _commit(service, scope, order, reading, tell)
    finally:
        await db.close()


def _database(address: Mapping[str, Any]) -> Database:
    url = URL.create(**address)
    if url.get_backend_name() == "sqlite":
        return Database.sqlite(Path(url.database or ""))
    return Database.postgresql(url, 2, 10, STATEMENT_SECONDS)


async def _read(service: ImportService, scope: Scope, order: Order, tell: Say) -> Reading[Any]:
    today, folder = date.fromisoformat(order["today"]), Path(order["folder"])
    ground = await service.ground(order["kind"], scope, school_year(today), today)
    rest = [Row(*one) for one in findings.everything(folder, findings.REST)]
    data = (folder / findings.FILE).read_bytes()
    return read(order["kind"], data, ground, _progress(tell, "rows"), rest)


async def _check(service: ImportService, scope: Scope, order: Order, reading: Reading[Any]) -> Word:
    kind, folder = order["kind"], Path(order["folder"])
    comparison, stamp = await service.compared(kind, reading.items, scope)
    regions = await service.counties()
    findings.write(folder, findings.GOOD, ([row.line, row.cells] for row in reading.rows))
    findings.write(folder, findings.ERRORS, map(_error, sorted(reading.errors, key=lambda one: one.line)))
    _write_changes(folder, kind, comparison, regions)
    counts = asdict(comparison.counts)
    rows, bad = len(reading.items) + len(reading.errors), len(reading.errors)
    return {"checked": {"source": reading.source, "stamp": stamp, "rows": rows, "bad": bad, **counts}}


def _write_changes(folder: Path, kind: str, comparison: Comparison, regions: Mapping[str, str]) -> None:
    changed = (shown(kind, line, before, after, regions) for line, before, after in comparison.changed)
    findings.write(folder, findings.CHANGED, changed)
    findings.write(folder, findings.NEW, (shown(kind, line, {}, values, regions) for line, values in comparison.added))


def _error(error: RowError) -> dict[str, Any]:
    params = {"other": error.other} if error.code == "duplicate" else {}
    params |= {"most": MOST_PUPILS} if error.code == "bad_number" else {}
    value = error.value if len(error.value) <= VALUE_SHOWN else f"{error.value[:VALUE_SHOWN]}…"
    told = {"line": error.line, "column": error.column, "value": value, "code": error.code, "params": params}
    return told | {"reason": error.reason, "cells": dict(error.cells)}


async def _commit(service: ImportService, scope: Scope, order: Order, reading: Reading[Any], tell: Say) -> Word:
    if reading.errors:  # what it is judged by has changed since it was checked
        return {"failed": {"code": "directory_changed", "detail": ""}}
    tell({"progress": ["writing", 0, len(reading.items)]})
    try:
        await service.commit(order["job"], reading.items, scope, order["actor"], _progress(tell, "writing"))
    except DirectoryChanged:
        return {"failed": {"code": "directory_changed", "detail": ""}}
    return {"committed": {}}


if __name__ == "__main__":
    sys.exit(main())
