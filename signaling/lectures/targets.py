"""The classes that a lecture expects, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetScreen:
    """A paired terminal of an expected class."""

    id: str
    terminal_no: int


@dataclass(frozen=True, slots=True)
class TargetClass:
    """An expected class and where it belongs."""

    class_id: str
    class_code: str
    class_name: str
    school_code: str
    school_name: str
    region_code: str
    region_name: str
    pupils: int
    screens: tuple[TargetScreen, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedClass:
    """An expected class without its name, and where it belongs; `pupils` of the day of the opening."""

    class_id: str
    school_code: str
    school_name: str
    region_code: str
    region_name: str
    pupils: int
