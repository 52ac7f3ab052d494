"""`jiangtang import` as an operator uses it: template, trial, correction, import, the same again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from signaling.__main__ import main

SCHOOLS = "学校标识码,学校名称,县（市、区）\n2152900001,云岭小学,兴义市\n3152900002,桐林中学,522322\n"
CLASSES = "学校标识码,班级名称,班级人数\n2152900001,2024级2班,43\n3152900002,2025级1班,51\n"


class Desk:
    """The command line with a data folder; remembers what was printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.said = ""

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="gb18030")
        return str(path)

    def run(self, what: str, file: str, *options: str) -> int:
        code = main(["import", what, file, "--data", str(self.folder / "data"), "--school-year", "2026", *options])
        written = self._capsys.readouterr()
        self.said = written.out + written.err
        return code


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_from_an_empty_server_to_schools_and_classes(desk: Desk) -> None:
    schools, classes = desk.file("schools.csv", SCHOOLS), desk.file("classes.csv", CLASSES)
    assert desk.run("schools", schools, "--dry-run") == 0
    assert "GB18030" in desk.said
    assert "没有写入数据" in desk.said
    assert desk.run("classes", classes) == 1, "the trial wrote nothing, so that there are no schools"
    assert desk.run("schools", schools) == 0
    assert "新增 2，更新 0，未变 0" in desk.said
    assert desk.run("classes", classes) == 0
    assert "新增 2，更新 0，未变 0" in desk.said
    assert desk.run("classes", classes) == 0
    assert "新增 0，更新 0，未变 2" in desk.said


TEACHERS = (
    "学校标识码,工号,姓名,任教学科\n2152900001,001,甲老师,语文\n2152900001,A-02,乙老师,\n3152900002,001,丙老师,体育\n"
)


def test_teachers_come_by_the_numbers_that_their_schools_gave(desk: Desk) -> None:
    teachers = desk.file("teachers.csv", TEACHERS)
    assert desk.run("teachers", teachers) == 1, "there are no schools yet"
    assert desk.run("schools", desk.file("schools.csv", SCHOOLS)) == 0
    assert desk.run("teachers", teachers) == 0
    assert "新增 3，更新 0，未变 0" in desk.said
    assert desk.run("teachers", desk.file("changed.csv", TEACHERS.replace("体育", "道德与法治"))) == 0
    assert "新增 0，更新 1，未变 2" in desk.said


@pytest.mark.parametrize("number", ["522301199001011234", "52230119900101123X", "13800000000", "一号", "x" * 33, ""])
def test_a_number_of_identity_or_a_telephone_is_no_staff_number(desk: Desk, number: str) -> None:
    assert desk.run("schools", desk.file("schools.csv", SCHOOLS)) == 0
    assert desk.run("teachers", desk.file("bad.csv", TEACHERS.replace("A-02", number))) == 1
    assert "第 3 行 工号" in desk.said


def test_a_staff_number_twice_in_a_school_is_told(desk: Desk) -> None:
    assert desk.run("schools", desk.file("schools.csv", SCHOOLS)) == 0
    assert desk.run("teachers", desk.file("twice.csv", TEACHERS.replace("A-02", "001"))) == 1
    assert "与第 2 行重复" in desk.said


def test_one_bad_row_keeps_the_whole_file_out(desk: Desk) -> None:
    bad = desk.file("bad.csv", SCHOOLS + "=1+1,清溪小学,兴义市\n2152900003,清溪小学,贵阳市\n")
    errors = desk.folder / "errors.csv"
    assert desk.run("schools", bad, "--errors", str(errors)) == 1
    assert "第 4 行 学校标识码“=1+1”" in desk.said
    assert "第 5 行 县（市、区）“贵阳市”：不是本州的县（市、区）名称或代码" in desk.said
    assert "没有写入任何数据" in desk.said
    with errors.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["行号", "列", "内容", "原因"]
    assert [row[:3] for row in rows[1:]] == [["4", "学校标识码", "'=1+1"], ["5", "县（市、区）", "贵阳市"]]
    assert desk.run("schools", desk.file("good.csv", SCHOOLS)) == 0
    assert "新增 2" in desk.said


def test_more_bad_rows_than_a_screen_holds_are_counted(desk: Desk) -> None:
    rows = "".join(f"{number},学校,兴义市\n" for number in range(80))
    assert desk.run("schools", desk.file("bad.csv", "学校标识码,学校名称,县\n" + rows)) == 1
    assert "有错 80 行" in desk.said
    assert "还有 30 行" in desk.said


@pytest.mark.parametrize("what", ["schools", "classes"])
def test_a_template_is_filled_in_and_taken(desk: Desk, what: str) -> None:
    file = desk.folder / "template.xlsx"
    assert desk.run(what, str(file), "--template") == 0
    heading = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()[0]
    assert heading[0] == "学校标识码*"
    assert desk.run(what, str(file)) == 1
    assert "文件里没有数据" in desk.said
    before = file.read_bytes()
    assert desk.run(what, str(file), "--template") == 1
    assert "已经存在" in desk.said
    assert file.read_bytes() == before, "what somebody filled in is not written over"
    assert desk.run(what, str(desk.folder / "nowhere" / "t.xlsx"), "--template") == 1


def test_a_file_that_is_not_there_or_no_table(desk: Desk) -> None:
    assert desk.run("schools", str(desk.folder / "none.xlsx")) == 1
    assert "none.xlsx" in desk.said
    assert desk.run("schools", desk.file("x.csv", "学校名称,县\n云岭小学,兴义市\n")) == 1
    assert "缺少列" in desk.said
    assert "学校标识码" in desk.said
