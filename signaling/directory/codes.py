"""School codes (学校标识码) and what their first digits say. Pure.

Ten digits: two of the kind of school, two of the province, six of a serial number. A code is unique for ever: a new name keeps it,
closing voids it. Private, new and small schools may have none yet; they get a temporary one of ours, which no real code can equal.
"""

from __future__ import annotations

import re
from typing import Final

SCHOOL_CODE: Final = re.compile(r"(11|2[12]|3[1-7]|4[12]|51|9[123])[0-9]{8}")
TEMPORARY_CODE: Final = re.compile(r"T[0-9]{9}")

KINDERGARTEN, PRIMARY, JUNIOR, SENIOR, VOCATIONAL, SPECIAL = "11", "21", "31", "34", "36", "51"

KINDS: Final = {
    "11": "幼儿园",
    "21": "小学",
    "22": "成人小学",
    "31": "初级中学",
    "32": "职业初中",
    "33": "成人初中",
    "34": "高级中学",
    "35": "成人高中",
    "36": "中等职业学校",
    "37": "工读学校",
    "41": "普通高等学校",
    "42": "成人高等学校",
    "51": "特殊教育学校",
}
"""The kinds by the first two digits of a code; 91 to 93 are other institutions and name no kind."""

URBAN_RURAL: Final = {
    "111": "主城区",
    "112": "城乡结合区",
    "121": "镇中心区",
    "122": "镇乡结合区",
    "123": "特殊区域",
    "210": "乡中心区",
    "220": "村庄",
}
"""The classes of urban and rural places (城乡分类代码) of the national statistics."""


def is_school_code(text: str) -> bool:
    """Whether a text is a code, a national or a temporary one."""
    return SCHOOL_CODE.fullmatch(text) is not None or TEMPORARY_CODE.fullmatch(text) is not None


def kind_of(code: str) -> str | None:
    """Return the kind of school that a national code names, None where it names none."""
    return code[:2] if SCHOOL_CODE.fullmatch(code) and code[:2] in KINDS else None


def kind_named(text: str) -> str | None:
    """Return the kind for its digits or its name, None for anything else."""
    if text in KINDS:
        return text
    return next((kind for kind, name in KINDS.items() if name == text), None)


def urban_rural_named(text: str) -> str | None:
    """Return the class of place for its code or its name, None for anything else."""
    if text in URBAN_RURAL:
        return text
    return next((code for code, name in URBAN_RURAL.items() if name == text), None)
