"""`jiangtang ledger`: whether every fact is as it was recorded, and the roots to note down."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from signaling.commands import settings as options_of
from signaling.db.opening import open_database
from signaling.ledger import roots_csv
from signaling.ledger.chain import day_root
from signaling.ledger.roots_service import RootsService
from signaling.listen import StartError

Action = Callable[[RootsService, argparse.Namespace], Awaitable[int]]


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("ledger", help="verify the chains of the ledger, print the roots of a day")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="follow the chains; say the first entry that is not as it was recorded")
    part = verify.add_mutually_exclusive_group()
    part.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="only the entries of a day")
    part.add_argument("--lecture", metavar="ID", help="only what holds the entries of a lecture")
    verify.add_argument("--roots", type=Path, metavar="FILE", help="compare with roots that were exported before, too")
    root = actions.add_parser("root", help="print the root of each node's day, and the one over all nodes")
    root.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD", required=True)
    for action, does in ((verify, _verify), (root, _root)):
        options_of.add_options(action)
        action.set_defaults(run=run, does=does)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code: 1 when something is not as it was recorded."""
    try:
        settings = options_of.read(options)
    except options_of.SettingsError as error:
        return options_of.report(error)
    try:
        db = open_database(settings)
        return asyncio.run(_with(RootsService(db), db.close, options))
    except (StartError, OSError, ValueError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"jiangtang: the ledger cannot be read: {getattr(error, 'orig', error)}", file=sys.stderr)
    return 1


async def _with(roots: RootsService, close: Callable[[], Awaitable[None]], options: argparse.Namespace) -> int:
    does: Action = options.does
    try:
        return await does(roots, options)
    finally:
        await close()


async def _verify(roots: RootsService, options: argparse.Namespace) -> int:
    noted = [] if options.roots is None else roots_csv.read(options.roots.read_bytes())
    found = await roots.verify(options.day, options.lecture)
    if found.fault is not None:
        print(f"jiangtang: {found.fault}", file=sys.stderr)
        return 1
    different = await roots.differing(noted)
    for one in different:
        print(
            f"jiangtang: node {one.node}, {one.day}, entry {one.number} is gone or another than was noted",
            file=sys.stderr,
        )
    if different:
        return 1
    print(f"{found.entries} entries of {found.nodes} nodes are as they were recorded")
    if noted:
        print(f"{len(noted)} roots are as they were noted")
    return 0


async def _root(roots: RootsService, options: argparse.Namespace) -> int:
    of_day = await roots.roots(options.day, options.day)
    if not of_day:
        print(f"jiangtang: the ledger has no entry of {options.day}", file=sys.stderr)
        return 1
    for one in of_day:
        print(f"{one.node}\t{one.day}\t{one.entries} entries\t{one.root.hex()}")
    print(f"all\t{options.day}\t{sum(one.entries for one in of_day)} entries\t{day_root(of_day).hex()}")
    return 0
