"""The names of classes: many spellings, one key. Pure.

1. **A class is a cohort**: the year in which it entered its stage, the stage, its number. What it is called follows from the
   school year (`name_in`); the key stays the same until the class leaves the stage.
2. Full-width and half-width signs, Chinese and Arabic digits, 七年级, 初一 and 2024级 mean the same.
3. **What could be read in two ways is refused**, with the reason: 73班 may be class 3 of grade 7 or class 73; 2027届 counts from
   the end in one school and from the beginning in the next. A cohort without a stage is of the school's own; where the kind of school
   is no stage (special schools), the stage must be written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from typing import Final

from signaling.directory.codes import JUNIOR, KINDERGARTEN, PRIMARY, SENIOR, VOCATIONAL

FIRST_MONTH: Final = 9  # a school year begins on the first of September
YEARS: Final = {KINDERGARTEN: 3, PRIMARY: 6, JUNIOR: 3, SENIOR: 3, VOCATIONAL: 3}
MOST: Final = 99  # classes of one year in a school

_DIGITS = {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}
_GRADES = {PRIMARY: "一二三四五六", JUNIOR: "七八九"}
_NURSERY = {"小": 1, "中": 2, "大": 3}
_STAGES = {"小学": PRIMARY, "小": PRIMARY, "初中": JUNIOR, "初": JUNIOR, "高中": SENIOR, "高": SENIOR}
_STAGES |= {"职高": VOCATIONAL, "中职": VOCATIONAL, "职": VOCATIONAL, "幼儿园": KINDERGARTEN}
_COHORTS = {KINDERGARTEN: "幼儿园", PRIMARY: "小学", JUNIOR: "初中", SENIOR: "高中", VOCATIONAL: "职高"}
_STAGE = "|".join(sorted(_STAGES, key=len, reverse=True))
_NUMBER = r"\d{1,2}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九]"

_COHORT = re.compile(rf"(?P<stage>{_STAGE})?(?P<year>20\d\d|\d\d)级[(.-]?(?P<number>{_NUMBER})\)?班?", re.ASCII)
_GRADE = re.compile(
    rf"(?P<stage>{_STAGE})?(?P<grade>1?\d|[一二三四五六七八九])(?P<mark>年级|年)?(?P<gap>[(.-])?(?P<number>{_NUMBER})\)?班?",
    re.ASCII,
)
_SHORT = re.compile(r"(?P<grade>[1-9])(?P<number>\d\d)班?", re.ASCII)
_NURSERY_NAME = re.compile(rf"(?P<grade>[小中大])班?\(?(?P<number>{_NUMBER})?\)?班?", re.ASCII)


class ClassNameError(ValueError):
    """A spelling that names no class; `code` is stable: `class_name_unknown`, `class_name_ambiguous`,
    `class_stage_missing`, `class_not_at_school`.
    """

    def __init__(self, code: str, name: str) -> None:
        super().__init__(f"{code}: {name!r}")
        self.code = code
        self.name = name


@dataclass(frozen=True, slots=True, order=True)
class ClassKey:
    """A class for as long as it exists: entry year, stage (the digits of a school's kind), number within its year."""

    entry_year: int
    stage: str
    number: int

    @property
    def code(self) -> str:
        """The class's code within its school, for instance 2024-31-03."""
        return f"{self.entry_year}-{self.stage}-{self.number:02d}"

    def grade(self, school_year: int) -> int:
        """Return in which year of its stage the class is; below 1 or above the length of the stage it is not at school."""
        return school_year - self.entry_year + 1

    def grade_at_school(self, school_year: int) -> int | None:
        """Return the grade, None in a school year in which the class is not at school."""
        grade = self.grade(school_year)
        return grade if 1 <= grade <= YEARS[self.stage] else None

    def name_in(self, school_year: int) -> str:
        """Return what the class is called in a school year; outside of its stage by stage and cohort, which `parse` reads in any school."""
        grade = self.grade(school_year)
        if not 1 <= grade <= YEARS[self.stage]:
            return f"{_COHORTS[self.stage]}{self.entry_year}级（{self.number}）班"
        if self.stage == KINDERGARTEN:
            return f"{'小中大'[grade - 1]}（{self.number}）班"
        if self.stage in _GRADES:
            return f"{_GRADES[self.stage][grade - 1]}年级（{self.number}）班"
        return f"{'高' if self.stage == SENIOR else '职高'}{'一二三'[grade - 1]}（{self.number}）班"


def school_year(day: date) -> int:
    """Return the calendar year in which the school year of a day began."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def parse(name: str, kind: str, year: int, there: Container[ClassKey] = ()) -> ClassKey:
    """Return the class that `name` means in a school of this kind, in the school year that began in `year`.

    A class that is not at school in that year is one only where it is `there` already. Raises `ClassNameError`.
    """
    text = _plain(name)
    if re.search(r"\d届", text):
        raise ClassNameError("class_name_ambiguous", name)
    spelled = _nursery(text, year) if kind == KINDERGARTEN else None
    key = spelled or _cohort(text, kind) or (None if kind == KINDERGARTEN else _grade(text, kind, year))
    if key is None:
        raise ClassNameError(_why_not(text, kind), name)
    if not (1 <= key.number <= MOST and (key.grade_at_school(year) is not None or key in there)):
        raise ClassNameError("class_not_at_school", name)
    return key


def _why_not(text: str, kind: str) -> str:
    if kind != KINDERGARTEN and re.fullmatch(r"([0-9]{2}|[一二三四五六七八九十]{2,4})班?", text):
        return "class_name_ambiguous"
    return "class_stage_missing" if kind not in YEARS and _COHORT.fullmatch(text) else "class_name_unknown"


def _plain(name: str) -> str:
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name))
    return (
        re.sub(r"[·•、_—–-]", "-", text)
        .translate(str.maketrans("〔【[〈", "((((", ""))
        .translate(str.maketrans("〕】]〉", "))))", ""))
    )


def _number(text: str) -> int:
    if text.isascii():
        return int(text)
    if "十" not in text:
        return _DIGITS[text]
    tens, _, ones = text.partition("十")
    return 10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0)


def _nursery(text: str, year: int) -> ClassKey | None:
    match = _NURSERY_NAME.fullmatch(text)
    if match is None:
        return None
    number = 1 if match["number"] is None else _number(match["number"])
    return ClassKey(year - _NURSERY[match["grade"]] + 1, KINDERGARTEN, number)


def _cohort(text: str, kind: str) -> ClassKey | None:
    match = _COHORT.fullmatch(text)
    stage = None if match is None else _STAGES.get(match["stage"] or "", kind)
    if match is None or stage not in YEARS:
        return None
    entry_year = int(match["year"])
    return ClassKey(entry_year + (2000 if entry_year < 100 else 0), stage, _number(match["number"]))


def _grade(text: str, kind: str, year: int) -> ClassKey | None:
    match = _SHORT.fullmatch(text)
    if match is None:
        match = _GRADE.fullmatch(text)
        if match is None or _runs_together(match):
            return None
    groups = match.groupdict()
    placed = _placed(_number(groups["grade"]), _STAGES.get(groups.get("stage") or ""), kind)
    return None if placed is None else ClassKey(year - placed[1] + 1, placed[0], _number(groups["number"]))


def _runs_together(match: re.Match[str]) -> bool:
    """Whether nothing tells where the grade ends and the number begins."""
    apart = match["mark"] or match["gap"] or match["stage"]
    return not apart and match["grade"].isascii() == match["number"].isascii()


def _placed(grade: int, stage: str | None, kind: str) -> tuple[str, int] | None:
    """Return stage and year in it. A grade alone tells its stage, as schools of nine and twelve years count on."""
    if stage is None:
        stage = kind if kind == VOCATIONAL else PRIMARY if grade <= 6 else JUNIOR if grade <= 9 else SENIOR
    before = {JUNIOR: 6, SENIOR: 9}.get(stage, 0)
    place = grade - before if grade > before and before else grade
    return (stage, place) if 1 <= place <= YEARS[stage] else None
