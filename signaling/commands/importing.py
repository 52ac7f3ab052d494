"""`jiangtang import`: schools and classes from the workbooks that clerks send.

**A file is taken whole or not at all**: with one bad row nothing is written, and every bad row is listed.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from config.regions import Region, RegionFileError, load_regions
from config.settings import Settings
from signaling.attendance.exports import neutral
from signaling.commands import settings as options_of
from signaling.db.base import utc_now
from signaling.db.migrate import SchemaError, upgrade
from signaling.db.opening import open_database
from signaling.directory.class_names import school_year
from signaling.directory.import_reasons import FILE_REASONS, RowError
from signaling.directory.import_service import ImportService
from signaling.directory.importing import Progress, Reading, no_progress, read
from signaling.directory.listed import Changes
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.directory.tabular import TableError
from signaling.directory.templates import COLUMNS, template
from signaling.listen import StartError

SHOWN: Final = 50  # bad rows on the screen; all of them go to the file of `--errors`
ACTOR: Final = "system"


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("import", help="import schools, classes and teachers from XLSX or CSV")
    parser.add_argument("what", choices=sorted(COLUMNS))
    parser.add_argument("file", type=Path, metavar="FILE", help="the workbook or CSV; with --template it is written")
    parser.add_argument("--template", action="store_true", help="write an empty workbook to fill in to FILE")
    parser.add_argument("--dry-run", action="store_true", help="check every row, write nothing")
    parser.add_argument("--errors", type=Path, metavar="CSV", help="write all bad rows to this file")
    parser.add_argument("--school-year", type=int, metavar="YEAR", help="calendar year in which the school year began")
    options_of.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    try:
        settings = options_of.read(options)
        regions = load_regions(settings.server.regions_file)
    except (options_of.SettingsError, RegionFileError) as error:
        return options_of.report(error)
    try:
        if options.template:
            return _write_template(options, [unit.name for unit in regions if unit.level == "county"])
        return asyncio.run(_import(settings, regions, options))
    except TableError as error:
        print(f"{options.file}: {FILE_REASONS[error.code]}（{error.detail or error.code}）", file=sys.stderr)
    except (StartError, SchemaError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
    except OSError as error:
        print(f"jiangtang: {error.filename or options.file}: {error.strerror}", file=sys.stderr)
    return 1


async def _import(settings: Settings, regions: Sequence[Region], options: argparse.Namespace) -> int:
    data = options.file.read_bytes()
    db = open_database(settings)
    try:
        await upgrade(db)
        await DirectoryService(db).load_regions(regions)
        imports = ImportService(db)
        offset = timedelta(hours=settings.attendance.report_utc_offset_hours)
        today = (utc_now() + offset).date()
        ground = await imports.ground(options.what, Scope(None), options.school_year or school_year(today), today)
        reading = read(options.what, data, ground, line("检查"))
        if _is_good(reading, options):
            _done(await imports.take(options.what, reading.items, ACTOR, line("写入")))
        return 1 if reading.errors else 0
    finally:
        await db.close()


def line(word: str) -> Progress:
    """Return what shows progress on a terminal, in one line that is written over; nowhere else."""
    if not sys.stderr.isatty():
        return no_progress

    def show(done: int, of: int) -> None:
        end = "\n" if done == of else ""
        print(f"\r{word} {done:,} / {of:,} 行", end=end, file=sys.stderr, flush=True)

    return show


def _write_template(options: argparse.Namespace, counties: Sequence[str]) -> int:
    """Write the workbook to fill in, never over a file: it may be one that somebody has filled in."""
    try:
        with options.file.open("xb") as file:
            file.write(template(options.what, counties))
    except FileExistsError:
        print(f"{options.file} 已经存在，没有覆盖：请换一个文件名", file=sys.stderr)
        return 1
    print(f"模板已写入 {options.file}")
    return 0


def _is_good(reading: Reading[Any], options: argparse.Namespace) -> bool:
    """Tell what was read; return whether it is to be written."""
    good, bad = len(reading.items), len(reading.errors)
    print(f"读取 {options.file}（{reading.source}）：{good + bad} 行，可导入 {good} 行，有错 {bad} 行")
    for error in reading.errors[:SHOWN]:
        print(f"  {_sentence(error)}", file=sys.stderr)
    if bad > SHOWN:
        print(f"  还有 {bad - SHOWN} 行，用 --errors 写入文件查看", file=sys.stderr)
    if options.errors is not None:
        _write_errors(options.errors, reading.errors)
    if bad:
        print("没有写入任何数据：请改正后重新导入", file=sys.stderr)
    elif options.dry_run:
        print("预检通过，没有写入数据")
    return not bad and not options.dry_run


def _sentence(error: RowError) -> str:
    where = f"第 {error.line} 行"
    what = f" {error.column}" if error.column else ""
    value = f"“{error.value[:40]}”" if error.value else ""
    return f"{where}{what}{value}：{error.reason}"


def _write_errors(path: Path, errors: Sequence[RowError]) -> None:
    """Write a CSV with byte order mark, as Excel and WPS want it; cells that would be formulas are written as text."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["行号", "列", "内容", "原因"])
        writer.writerows([error.line, error.column, neutral(error.value), error.reason] for error in errors)


def _done(changes: Changes) -> None:
    print(f"已导入：新增 {changes.added}，更新 {changes.changed}，未变 {changes.same}")
