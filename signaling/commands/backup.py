"""`jiangtang backup` and `jiangtang restore`: the database and the keys of a server in one file, and back."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from signaling.backup.archive import BackupError, Manifest
from signaling.backup.restoring import restore, verify
from signaling.backup.taking import take
from signaling.commands import settings as options_of
from signaling.db.migrate import SchemaError
from signaling.listen import StartError


def add_to(commands: Any) -> None:
    """Add both commands to the command line."""
    backup = commands.add_parser("backup", help="write database and keys into one file, while the server runs")
    backup.add_argument("file", metavar="DIR|FILE", type=Path, help="folder for a file named by the time, or the file")
    backup.add_argument("--verify", action="store_true", help="read and check that backup instead of taking one")
    options_of.add_options(backup)
    backup.set_defaults(run=run, act=_backup)
    back = commands.add_parser("restore", help="bring a backup back, while no server runs")
    back.add_argument("file", metavar="FILE", type=Path)
    back.add_argument("--force", action="store_true", help="replace what is there; it is kept beside")
    options_of.add_options(back)
    back.set_defaults(run=run, act=_restore)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    try:
        code: int = options.act(options)
    except options_of.SettingsError as error:
        return options_of.report(error)
    except (BackupError, StartError, SchemaError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
    except OSError as error:
        print(f"jiangtang: {error.filename or options.file}: {error.strerror or error}", file=sys.stderr)
    else:
        return code
    return 1


def _backup(options: argparse.Namespace) -> int:
    if options.verify:
        print(f"whole: {_sentence(verify(options.file, _progress))}")
        return 0
    written = take(options_of.read(options), options.file, datetime.now(UTC), _progress)
    print(f"wrote {written}; recordings are not in it")
    return 0


def _restore(options: argparse.Namespace) -> int:
    settings = options_of.read(options)
    kept = restore(settings, options.file, datetime.now(UTC), _progress, force=options.force)
    print(f"restored {options.file} into {settings.server.data_dir}; recordings are not in a backup")
    if kept is not None:
        print(f"what was there before is kept in {kept}")
    return 0


def _sentence(manifest: Manifest) -> str:
    size = sum(one.bytes for one in manifest.parts)
    return f"{manifest.kind}, version {manifest.version}, schema {manifest.revision}, made {manifest.made_at:%Y-%m-%d %H:%M} UTC, {size} bytes"


def _progress(step: str) -> None:
    print(f"- {step}", file=sys.stderr)
