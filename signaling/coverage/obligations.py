"""What is owed in a term, as data: versions of `obligations.toml`. Pure but for reading that file.

A file that says something impossible raises `ValueError`, whose message is the whole diagnosis.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

KIND_LENGTH: Final = 16
FILE: Final = Path(__file__).with_name("obligations.toml")


class Kind(StrEnum):
    """A kind of obligation; the first three are also what a lecture is for (`Lecture.audience_kind`)."""

    PUPILS = "pupils"
    TEACHERS = "teachers"
    PARENTS = "parents"
    ASSESSMENT = "assessment"


LECTURED: Final = (Kind.PUPILS, Kind.TEACHERS, Kind.PARENTS)


@dataclass(frozen=True, slots=True)
class Obligations:
    """One version of the rules; the fields are explained in the file."""

    version: int
    name: str
    strict_ratio: Fraction
    lenient_ratio: Fraction
    lesson_minutes: int
    attended_ratio: Fraction
    sign_in_early_minutes: int
    sign_in_late_minutes: int
    sign_out_early_minutes: int
    sign_out_late_minutes: int
    households_ratio: Fraction
    summary: str
    minimum: Mapping[Kind, int]
    enabled: Mapping[Kind, bool]
    home_ratio: Fraction | None = None
    """None in versions that know no households at home."""
    participation_ratio: Fraction | None = None
    """None in versions that count no assessments."""
    assessments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Kinds of assessments, with their Chinese and their English names."""


def load_obligations(version: int, path: Path = FILE) -> Obligations:
    """Return a version; raise `ValueError` when the file does not have it, or says something impossible."""
    document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    versions = {table["version"]: table for table in document["obligations"]}
    if len(versions) != len(document["obligations"]):
        raise ValueError(f"{path.name}: a version is there twice")
    if version not in versions:
        raise ValueError(f"{path.name}: no version {version}")
    return _obligations(versions[version])


def _obligations(table: Mapping[str, Any]) -> Obligations:
    values: dict[str, Any] = {
        name: Fraction(value) if isinstance(value, Decimal) else value for name, value in table.items()
    }
    for name in ("minimum", "enabled"):
        if set(values[name]) != {kind.value for kind in Kind}:
            raise ValueError(f"obligations {table['version']}: `{name}` needs {', '.join(Kind)}")
        values[name] = {Kind(key): value for key, value in values[name].items()}
    made = Obligations(**values)
    _check(made)
    return made


def _check(made: Obligations) -> None:
    told = f"obligations {made.version}"
    shares = [made.lenient_ratio, made.strict_ratio, made.attended_ratio, made.households_ratio]
    if made.home_ratio is not None:
        shares.append(made.home_ratio)
    if not all(0 < share <= 1 for share in shares) or made.lenient_ratio > made.strict_ratio:
        raise ValueError(f"{told}: ratios lie in (0, 1], the lenient one is not above the strict one")
    if made.lesson_minutes < 1 or min(made.minimum.values()) < 1:
        raise ValueError(f"{told}: a lesson has a minute at least, a minimum is 1 at least")
    _check_assessments(made, told)


def _check_assessments(made: Obligations, told: str) -> None:
    share = made.participation_ratio
    if made.enabled[Kind.ASSESSMENT] != (share is not None and bool(made.assessments)):
        raise ValueError(
            f"{told}: `participation_ratio` and kinds of `assessments` are there when assessments are counted"
        )
    if share is not None and not 0 < share <= 1:
        raise ValueError(f"{told}: `participation_ratio` lies in (0, 1]")
    for kind, names in made.assessments.items():
        if len(kind) > KIND_LENGTH or len(names) != 2 or not all(names):
            raise ValueError(
                f"{told}: the kind `{kind}` has {KIND_LENGTH} letters at most, a Chinese and an English name"
            )
