"""The agency file: three agencies, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.agencies import AgencyFileError, load_agencies

OTHER = """
[[agency]]
key = "health"
name = "州卫健局"
permissions = ["*.read"]
"""


def test_three_agencies_come_with_the_program() -> None:
    assert [(one.key, one.name) for one in load_agencies()] == [
        ("narcotics", "州禁毒办"), ("education", "州教育局"), ("police", "州公安局"),
    ]  # fmt: skip


def test_another_prefecture_is_a_file_and_may_have_none(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(OTHER, encoding="utf-8")
    assert [one.name for one in load_agencies(path)] == ["州卫健局"]
    path.write_text("", encoding="utf-8")
    assert load_agencies(path) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[agency", "is not TOML"),
        (OTHER + OTHER, "the same key twice: health"),
        (OTHER.replace('key = "health"', 'key = "卫"'), r"agency\.0\.key"),
        (OTHER.replace('["*.read"]', "[]"), r"agency\.0\.permissions"),
        (OTHER.replace('"*.read"', '"everything"'), r"agency\.0\.permissions\.0"),
        (OTHER + 'rank = "1"', r"agency\.0\.rank"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AgencyFileError, match=reason):
        load_agencies(path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(AgencyFileError, match=r"absent\.toml: No such file"):
        load_agencies(tmp_path / "absent.toml")
