"""The region file: nine units, one without a national code, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.regions import RegionFileError, load_regions

OTHER = """
[prefecture]
code = "532500"
name = "另一州"
gb2260 = "532500"
[[county]]
code = "532501"
name = "甲市"
gb2260 = "532501"
"""


def test_the_prefecture_has_nine_units_in_the_order_of_reports() -> None:
    regions = load_regions()
    assert [region.code for region in regions] == [
        "522300", "522301", "522302", "522323", "522324", "522325", "522326", "522327", "522328", "5223Y1",
        "522399",
    ]  # fmt: skip
    assert regions[0].level == "prefecture"
    assert {region.parent for region in regions[1:]} == {"522300"}


def test_a_unit_without_a_national_code_has_a_key_of_ours() -> None:
    unit = load_regions()[-2]
    assert (unit.code, unit.gb2260, unit.former_codes) == ("5223Y1", None, ("522340", "522391"))


def test_the_schools_of_the_prefecture_itself_have_a_home_after_the_county_units() -> None:
    home = load_regions()[-1]
    assert (home.code, home.name, home.level, home.parent) == ("522399", "州本级", "county", "522300")
    assert [region.code for region in load_regions() if region.direct] == ["522399"]


def test_another_prefecture_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(OTHER, encoding="utf-8")
    assert [region.name for region in load_regions(path)] == ["另一州", "甲市"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[prefecture", "is not TOML"),
        (OTHER.replace('code = "532501"', 'code = "532500"', 1), "the same code twice: 532500"),
        (f'{OTHER}[direct]\ncode = "532501"\nname = "州本级"\n', "the same code twice: 532501"),
        (OTHER.replace('name = "甲市"\n', ""), "county.0.name: Field required"),
        (OTHER.replace('gb2260 = "532501"', "gb2260 = 532501"), "county.0.gb2260"),
        (OTHER.replace('name = "另一州"', 'name = "另一州"\nchief = "x"'), "prefecture.chief"),
    ],
)
def test_a_wrong_file_says_which_entry_and_why(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegionFileError, match=reason):
        load_regions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegionFileError, match=r"absent\.toml: No such file"):
        load_regions(tmp_path / "absent.toml")
