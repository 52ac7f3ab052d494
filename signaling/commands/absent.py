"""Commands whose names are fixed and which this version does not have."""

from __future__ import annotations

import argparse
import sys
from typing import Any

ABSENT = {
    "export": "write the attendance reports of a lecture (the console has buttons for them)",
    "node": "manage the nodes of a cluster",
}


def add_to(commands: Any) -> None:
    """Add the commands to the command line."""
    for name, purpose in ABSENT.items():
        parser = commands.add_parser(name, help=f"{purpose} (not available yet)")
        parser.add_argument("rest", nargs=argparse.REMAINDER)
        parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Say so."""
    purpose = ABSENT[options.command]
    print(f"jiangtang {options.command}: not available yet. It will {purpose}.", file=sys.stderr)
    return 2
