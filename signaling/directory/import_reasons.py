"""Why a file or a row of it cannot be taken, and what to do: codes, and sentences for the person who made the file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NAME_LENGTH: Final = 64
STAFF_NO_LENGTH: Final = 32
MOST_PUPILS: Final = 500  # of one class; more is a number of something else

REASONS: Final = {
    "undecodable": "这一行不是有效的文字编码，请另存为 UTF-8 或 XLSX",
    "missing": "必填，不能为空",
    "too_long": f"超过 {NAME_LENGTH} 个字",
    "unprintable": "含有看不见的控制字符，请重新输入",
    "bad_school_code": "学校标识码应为 10 位数字（单元格请设为文本），或 T 加 9 位数字的临时码",
    "unknown_county": "不是本州的县（市、区）名称或代码",
    "foreign_county": "不归您的单位管理，请删去这一行，或交由所在县（市、区）导入",
    "unknown_kind": "办学类型不在代码表中",
    "kind_differs": "与学校标识码前两位不一致",
    "unknown_place": "城乡类型不在代码表中",
    "code_not_yours": "这个学校标识码不能在这个县（市、区）使用，请核对；学校划转请由州级登记",
    "former_code": "这是学校以前的标识码，请改用现在的标识码",
    "duplicate": "与第 {other} 行重复",
    "unknown_school": "没有这所学校，或已关闭、不归您的单位管理；请核对标识码，新学校请先导入学校",
    "class_name_unknown": "看不懂这个班级名称，请写成如 七年级（3）班 或 2024级3班",
    "class_name_ambiguous": "这个班级名称有两种读法，请写成如 七年级（3）班 或 2024级3班",
    "class_stage_missing": "看不出是哪个学段，请写成如 小2024级3班 或 初2024级3班",
    "class_not_at_school": "按本学年推算，这个班不在校，请核对年级或入学年份",
    "bad_staff_no": f"工号应为 1 到 {STAFF_NO_LENGTH} 位字母、数字或短横线；请勿填写身份证号或手机号",
    "personal_number": "这里不能有身份证号或手机号，请删去号码",
    "bad_number": "应为 0 到 {most} 的整数",
}
"""Code -> what is wrong and what to do."""

FILE_REASONS: Final = {
    "file_empty": "文件里没有数据",
    "file_too_large": "文件太大，请分成几个",
    "file_unreadable": "文件打不开，请另存为 XLSX 再试",
    "file_encrypted": "文件有密码，请去掉密码后再导入",
    "file_has_macros": "文件带宏，请另存为不带宏的 XLSX 再导入",
    "columns_missing": "缺少列，请用模板填写（--template）",
}
"""Code of a `TableError` -> the same for the whole file."""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row cannot be taken; `cells` is the row as it was, to be corrected."""

    line: int
    column: str
    code: str
    value: str = ""
    other: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The reason in Chinese."""
        return REASONS[self.code].format(other=self.other, most=MOST_PUPILS)
