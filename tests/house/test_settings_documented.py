"""Every setting stands in the default file with a sentence above it, and nothing else does."""

from __future__ import annotations

import itertools
import re
import tomllib

from pydantic import BaseModel

from config.settings import DEFAULT_FILE, Settings


def model_keys() -> set[str]:
    keys = set()
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        keys |= {f"{section}.{inner.alias or name}" for name, inner in model.model_fields.items()}
    return keys


def test_models_and_default_file_have_the_same_keys() -> None:
    document = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"))
    assert {f"{section}.{key}" for section, table in document.items() for key in table} == model_keys()


def test_every_key_has_a_sentence_above_it() -> None:
    lines = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if re.match(r"\w+ = ", line) and not re.match(r"# [A-Z\"].*[.:;]$", above)
    ]
    assert bare == []
