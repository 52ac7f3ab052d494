"""Invented schools and classes for a first look. No school of these names and codes exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from signaling.directory.class_names import ClassKey, school_year
from signaling.directory.codes import JUNIOR, PRIMARY
from signaling.directory.models import School, SchoolClass

CLASSES_PER_SCHOOL = 3
GRADES = {PRIMARY: (4, 5, 6), JUNIOR: (1, 2, 3)}
NAMES = (
    ("云岭小学", PRIMARY),
    ("清溪小学", PRIMARY),
    ("望山小学", PRIMARY),
    ("晨光小学", PRIMARY),
    ("桐林中学", JUNIOR),
    ("双桥小学", PRIMARY),
    ("碧泉中学", JUNIOR),
    ("石板小学", PRIMARY),
    ("新月小学", PRIMARY),
    ("翠屏中学", JUNIOR),
    ("红枫小学", PRIMARY),
    ("梨花小学", PRIMARY),
    ("明德中学", JUNIOR),
    ("金竹小学", PRIMARY),
    ("松涛小学", PRIMARY),
    ("启航中学", JUNIOR),
    ("南坡小学", PRIMARY),
    ("白鹭小学", PRIMARY),
    ("知行中学", JUNIOR),
    ("稻香小学", PRIMARY),
)


def schools(units: Sequence[tuple[str, str]]) -> Iterator[School]:
    """Yield the schools, dealt to the units (code and name) in turn."""
    for number, (name, kind) in enumerate(NAMES):
        code, unit = units[number % len(units)]
        yield School(
            code=f"{kind}{code[:2]}{900_001 + number}",
            region_code=code,
            name=f"{unit}{name}",
            kind=kind,
            urban_rural="111" if number < len(units) else "220",
        )


def classes(school: School, number: int, day: date) -> Iterator[SchoolClass]:
    """Yield the classes of the `number`th school as they are on a day."""
    begins = school_year(day)
    for place, grade in enumerate(GRADES[school.kind]):
        key = ClassKey(begins - grade + 1, school.kind, 1)
        yield SchoolClass(
            school_code=school.code,
            code=key.code,
            name=key.name_in(begins),
            entry_year=key.entry_year,
            stage=key.stage,
            number=key.number,
            pupils=34 + (number * CLASSES_PER_SCHOOL + place) * 7 % 19,
        )
