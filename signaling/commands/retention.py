"""`jiangtang retention`: which recordings have had their time, and, when asked twice, their deletion."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from config.settings import Settings
from recorder.errors import ObjectStoreError
from recorder.retention import Verdict
from recorder.vault import Vault
from signaling.commands import settings as options_of
from signaling.db.migrate import SchemaError, upgrade
from signaling.db.opening import open_database
from signaling.folder import data_folder
from signaling.library.keeping import Keeping
from signaling.library.records_service import Records
from signaling.listen import StartError

WORDS = {
    "over_age": "older than {days} days",
    "interrupted": "deletion was begun",
    "young": "not {days} days old",
    "unfinished": "not finished",
    "no_end": "no end known",
    "unknown": "not in the catalogue",
}


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "retention", help="show which recordings have had their time; delete them with --apply"
    )
    parser.add_argument("--apply", action="store_true", help="delete what is shown, after asking")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--all", action="store_true", help="show the recordings that stay, too")
    options_of.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    try:
        settings = options_of.read(options)
    except options_of.SettingsError as error:
        return options_of.report(error)
    try:
        return asyncio.run(_with_catalogue(settings, options))
    except (StartError, SchemaError, ObjectStoreError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
        return 1


async def _with_catalogue(settings: Settings, options: argparse.Namespace) -> int:
    db = open_database(settings)
    try:
        await upgrade(db)
        records = Records(db)
        vault = Vault(data_folder(settings) / "recordings", settings.store)
        keeping = Keeping(vault, settings.retention, records.all, records.removed)
        verdicts = await keeping.plan(datetime.now(UTC))
        _show(verdicts, settings.retention.recording_days, everything=options.all)
        if not options.apply or not any(one.delete for one in verdicts):
            return 0
        if not options.yes and not _confirmed():
            print("nothing was deleted")
            return 1
        failed = await keeping.apply(verdicts)
    finally:
        await db.close()
    for one in failed:
        print(f"jiangtang: {one} could not be deleted now; it is hidden, run this again", file=sys.stderr)
    print(f"deleted {sum(one.delete for one in verdicts) - len(failed)} recordings")
    return 1 if failed else 0


def _show(verdicts: Sequence[Verdict], days: int, *, everything: bool) -> None:
    gone = [one for one in verdicts if one.delete]
    for one in verdicts if everything else gone:
        kept = one.kept
        ended = kept.ended_at.date().isoformat() if kept.ended_at else "-"
        does = "delete" if one.delete else "keep"
        print(
            f"{does}\t{kept.recording_id}\t{ended}\t{kept.bytes}\t{WORDS[one.reason].format(days=days)}\t{kept.title}"
        )
    print(
        f"{len(gone)} of {len(verdicts)} recordings to delete, {sum(one.kept.bytes for one in gone)} bytes on this disk"
    )


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("jiangtang: give --yes to delete without being asked", file=sys.stderr)
        return False
    return input("Delete them for good? Type yes: ").strip().lower() == "yes"
