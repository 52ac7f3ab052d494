"""The actions of the audit log as sentences in both languages; the file beside this module is the only list of them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ACTIONS_FILE: Final = Path(__file__).with_name("actions.toml")


class Sentence(NamedTuple):
    """What somebody did, without who and to whom."""

    zh: str
    en: str


@cache
def sentences() -> dict[str, Sentence]:
    """Return action -> sentence, in the order of the file."""
    document = tomllib.loads(ACTIONS_FILE.read_text(encoding="utf-8"))
    return {action: Sentence(*both) for action, both in document["actions"].items()}


def sentence(action: str) -> Sentence:
    """Return the sentence of an action; one of an older program shows as it is."""
    return sentences().get(action, Sentence(action, action))
