"""The command `jiangtang`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from signaling.commands import absent, backup, cert, importing, ledger, load, retention, serve, user

COMMANDS = (serve, cert, user, importing, load, ledger, retention, backup, absent)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="jiangtang", description="Live distance lectures for every classroom.")
    top.add_argument("--version", action="version", version=version("jiangtang"))
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 1 it did not work, 2 wrong use or settings."""
    options = parser().parse_args(arguments)
    options.whole_process = arguments is None  # called as a program, not by another one
    code: int = options.run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
