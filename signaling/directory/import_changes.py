"""What an import would change: rows of a file beside what the directory holds. Pure.

**An import adds and changes, it never deletes**: what a file does not name stays, and a column that it does not fill in is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from signaling.directory.codes import KINDS, URBAN_RURAL
from signaling.directory.importing import (
    CLASS,
    CODE,
    COUNTY,
    KIND,
    NAME,
    PERSON,
    PLACE,
    PUPILS,
    STAFF_NO,
    SUBJECT,
    ClassRow,
    SchoolRow,
    TeacherRow,
)
from signaling.directory.listed import Changes

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How rows of one kind reach their table: the columns that name a row, those that may change, and their names in files."""

    key: tuple[str, ...]
    compared: tuple[str, ...]
    labels: Mapping[str, str]
    values: Callable[[Any], dict[str, Any]]
    named: tuple[str, ...]  # columns of the file that tell a person which row it is


@dataclass(slots=True)
class Comparison:
    """New rows and changed ones (values, and what was there before), each with its line; how many are the same."""

    added: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    changed: list[tuple[int, Values, dict[str, Any]]] = field(default_factory=list)
    same: int = 0

    @property
    def counts(self) -> Changes:
        """The numbers."""
        return Changes(len(self.added), len(self.changed), self.same)


def compare(what: str, items: Iterable[Any], known: Mapping[tuple[Any, ...], Values]) -> Comparison:
    """Return what the rows of a file would change. `known` has the rows that are there by their keys, as mappings of columns."""
    form, found = FORMS[what], Comparison()
    for item in items:
        values = form.values(item)
        before = known.get(tuple(values[name] for name in form.key))
        if before is None:
            found.added.append((item.line, values))
        elif different := {
            name: values[name] for name in form.compared if name in values and values[name] != before[name]
        }:
            found.changed.append((item.line, before, different))
        else:
            found.same += 1
    return found


def shown(what: str, line: int, before: Values, after: Values, regions: Mapping[str, str]) -> dict[str, Any]:
    """Return a change as people read it: which row, and old and new value by the names of columns. A new row has no old values."""
    form, row = FORMS[what], {**before, **after}
    label = " ".join(_said(name, row.get(name), regions) for name in form.named)
    names = [name for name in form.labels if name in after]
    fields = [
        {
            "column": form.labels[name],
            "before": _said(name, before.get(name), regions) if before else None,
            "after": _said(name, after[name], regions),
        }
        for name in names
    ]
    return {"line": line, "label": label, "fields": fields}


def _said(name: str, value: Any, regions: Mapping[str, str]) -> str:
    if value is None:
        return ""
    tables: Mapping[str, Mapping[str, str]] = {"kind": KINDS, "urban_rural": URBAN_RURAL, "region_code": regions}
    return tables.get(name, {}).get(str(value), str(value))


def _school_values(row: SchoolRow) -> dict[str, Any]:
    values = {"code": row.code, "name": row.name, "region_code": row.region_code, "kind": row.kind}
    # a file that does not say where it lies does not take it away
    return values if row.urban_rural is None else values | {"urban_rural": row.urban_rural}


def _class_values(row: ClassRow) -> dict[str, Any]:
    return {"code": row.cohort.code, "school_code": row.school_code, "name": row.name, "pupils": row.pupils} | {
        "entry_year": row.cohort.entry_year,
        "stage": row.cohort.stage,
        "number": row.cohort.number,
    }


def _teacher_values(row: TeacherRow) -> dict[str, Any]:
    return {"school_code": row.school_code, "staff_no": row.staff_no, "name": row.name, "subject": row.subject}


FORMS: Final[Mapping[str, Form]] = {
    "schools": Form(
        ("code",),
        ("name", "region_code", "kind", "urban_rural"),
        {"code": CODE, "name": NAME, "region_code": COUNTY, "kind": KIND, "urban_rural": PLACE},
        _school_values,
        ("code", "name"),
    ),
    "classes": Form(
        ("school_code", "code"),
        ("name", "pupils"),
        {"school_code": CODE, "name": CLASS, "pupils": PUPILS},
        _class_values,
        ("school_code", "name"),
    ),
    "teachers": Form(
        ("school_code", "staff_no"),
        ("name", "subject"),
        {"school_code": CODE, "staff_no": STAFF_NO, "name": PERSON, "subject": SUBJECT},
        _teacher_values,
        ("school_code", "staff_no"),
    ),
}


def in_parts(rows: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Yield a list in parts of at most so many."""
    return (rows[start : start + size] for start in range(0, len(rows), size))
