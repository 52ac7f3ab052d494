"""The workbooks to fill in: one sheet with the columns of an import, cells as text so that codes stay codes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import xlsxwriter

from signaling.directory.codes import KINDS, URBAN_RURAL
from signaling.directory.importing import (
    CLASS,
    CLASS_COLUMNS,
    CODE,
    COUNTY,
    KIND,
    NAME,
    PERSON,
    PLACE,
    PUPILS,
    SCHOOL_COLUMNS,
    STAFF_NO,
    TEACHER_COLUMNS,
)

COLUMNS: Final = {"schools": SCHOOL_COLUMNS, "classes": CLASS_COLUMNS, "teachers": TEACHER_COLUMNS}
TITLES: Final = {"schools": "学校", "classes": "班级", "teachers": "教师"}
_REQUIRED: Final = frozenset({CODE, NAME, COUNTY, CLASS, PUPILS, STAFF_NO, PERSON})
_HINTS: Final = {
    CODE: "10 位数字；没有的填 T 加 9 位数字",
    KIND: "不填时由标识码前两位得出",
    PLACE: "可不填",
    CLASS: "如 七年级（3）班、五(2)班、2024级3班",
    PUPILS: "只填人数，不填姓名",
    STAFF_NO: "学校自编的工号；请勿填写身份证号或手机号",
}
_ROWS: Final = 20_000
_WIDTH: Final = 22


def template(what: str, counties: Sequence[str]) -> bytes:
    """Return the XLSX workbook for `what`, `schools`, `classes` or `teachers`; columns that must be filled in are marked with a star."""
    choices: Mapping[str, Sequence[str]] = {
        COUNTY: counties,
        KIND: list(KINDS.values()),
        PLACE: list(URBAN_RURAL.values()),
    }
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        heading = book.add_format({"bold": True, "bg_color": "#E6F2F1", "bottom": 1, "num_format": "@"})
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet(TITLES[what])
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(COLUMNS[what]):
            sheet.set_column(place, place, _WIDTH, text)
            sheet.write_string(0, place, f"{name}*" if name in _REQUIRED else name, heading)
            if name in _HINTS:
                sheet.write_comment(0, place, _HINTS[name])
            if name in choices:
                sheet.data_validation(1, place, _ROWS, place, {"validate": "list", "source": list(choices[name])})
    return out.getvalue()
