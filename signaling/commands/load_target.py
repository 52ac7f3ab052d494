"""What `jiangtang load` is pointed at: a demonstration's `demo.json`, or a URL with tokens."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broadcaster.loadgen.measure import is_alive
from broadcaster.loadgen.publisher import WhipSource


class TargetError(ValueError):
    """The options do not say what to try; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where terminals watch, with which tokens, who publishes if anybody, and the server's process if it is here."""

    url: str
    tokens: tuple[str, ...]
    source: WhipSource | None
    pid: int | None


def find(options: argparse.Namespace, opener: str) -> Target:
    """Read the options and the files that they name. Raises `TargetError`."""
    demo = _demo(options.demo) if options.demo is not None else {}
    url = options.url or demo.get("whep_url")
    tokens = (*options.token, *_tokens(options.tokens)) or ((demo["whep_token"],) if demo else ())
    if not url:
        raise TargetError("nothing to try: name a data folder (--demo DIR) or a WHEP URL (--url URL --token TOKEN)")
    if not tokens:
        raise TargetError("no token: give --token TOKEN, or --tokens FILE with one a line")
    if options.ca is not None:
        if not options.ca.is_file():
            raise TargetError(f"there is no file {options.ca}: --ca takes the ca.pem of `jiangtang cert`")
        os.environ["SSL_CERT_FILE"] = str(options.ca)  # what OpenSSL trusts, in the load processes too
    return Target(url, tokens, _source(options, demo, opener), _process(options.pid, demo))


def _demo(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / "demo.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(
            f"{folder}/demo.json cannot be read ({error}): start `jiangtang serve --demo --data {folder}` first"
        ) from None
    return document


def _tokens(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from None
    return tuple(line for line in lines if line and not line.startswith("#"))


def _source(options: argparse.Namespace, demo: dict[str, Any], opener: str) -> WhipSource | None:
    if not options.publish:
        return None
    url, key = options.whip_url or demo.get("whip_url"), options.key or demo.get("whip_token")
    if not url or not key:
        raise TargetError("--publish needs --whip-url URL and --key KEY, or --demo DIR")
    return WhipSource(url, key, opener)


def _process(named: int | None, demo: dict[str, Any]) -> int | None:
    """The server's process: the one that was named, or that of `demo.json` unless it is not on this machine."""
    if named is not None and not is_alive(named):
        raise TargetError(f"no process has the id {named} here: --pid is for a server on this machine")
    pid = named if named is not None else demo.get("pid")
    return pid if pid is not None and is_alive(pid) else None
