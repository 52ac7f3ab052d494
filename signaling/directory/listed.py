"""Rows of the directory's lists: what was read, side by side. Plain values, no session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from signaling.directory.class_names import ClassKey
from signaling.directory.models import Region, School, SchoolClass, SchoolEvent


@dataclass(frozen=True, slots=True)
class ScreenInfo:
    """A paired screen and where it hangs."""

    id: str
    terminal_no: int
    class_id: str
    class_code: str
    class_name: str
    school_code: str
    school_name: str
    county_code: str
    county_name: str
    key: str | None = None
    """Thumbprint of the key with which its requests are signed; None when the token is all it has."""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """Something that happened to a school; names of what its codes stand for today, and of who wrote it down."""

    row: SchoolEvent
    other_name: str | None
    before_name: str | None
    by: str


@dataclass(frozen=True, slots=True)
class ListedCounty:
    """A county unit with what its covered, open schools have."""

    region: Region
    former_codes: tuple[str, ...]
    schools: int
    classes: int
    pupils: int
    screens: int


@dataclass(frozen=True, slots=True)
class ListedSchool:
    """A school in a list, with what it has."""

    school: School
    county: Region
    classes: int
    pupils: int
    screens: int


@dataclass(frozen=True, slots=True)
class ListedClass:
    """A class in a list, where it belongs, and the number of its paired screens."""

    school_class: SchoolClass
    school: School
    county: Region
    screens: int

    @property
    def key(self) -> ClassKey:
        """The class for as long as it exists."""
        row = self.school_class
        return ClassKey(row.entry_year, row.stage, row.number)


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of prefecture -> county -> school."""

    code: str
    name: str
    level: str
    parent: str | None
    schools: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class NamedNode:
    """A node by its code and name."""

    code: str
    name: str


def county_node(row: Region, schools: int) -> TreeNode:
    """Return a county unit with the number of its schools as a node of the tree."""
    return TreeNode(row.code, row.name, "county", row.parent_code, schools)


def school_node(school: School, today: date) -> TreeNode:
    """Return a school as a node of the tree."""
    closed = school.closed_on is not None and school.closed_on <= today
    return TreeNode(school.code, school.name, "school", school.region_code, 0 if closed else 1, closed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did: rows that were new, rows that differed from what was there, rows that were there already."""

    added: int
    changed: int
    same: int
