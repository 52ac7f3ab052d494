"""Names of classes and codes of schools: what schools write, and what it means."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.directory.class_names import MOST, YEARS, ClassKey, ClassNameError, parse, school_year
from signaling.directory.codes import (
    JUNIOR,
    KINDERGARTEN,
    PRIMARY,
    SENIOR,
    SPECIAL,
    VOCATIONAL,
    is_school_code,
    kind_named,
    kind_of,
    urban_rural_named,
)

YEAR = 2026

SEVEN_THREE = (
    "七年级（3）班",
    "七年级(3)班",
    "七年级３班",
    "七年级三班",
    "7年级3班",
    "７（３）班",
    "七（3）班",
    "七3班",
    "7.3班",
    "703班",
    "初一（3）班",
    "初一3班",
    "初一年级三班",
    "初中一年级 3 班",
    "初中七年级3班",
    "2026级3班",
    "初2026级（3）班",
    "26级三班",
    "七年级【03】班",
    " 七 年级 - 3 班 ",
)


@pytest.mark.parametrize("name", SEVEN_THREE)
def test_many_spellings_are_one_class(name: str) -> None:
    assert parse(name, JUNIOR, YEAR) == ClassKey(2026, JUNIOR, 3)


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [
        ("五（2）班", PRIMARY, ClassKey(2022, PRIMARY, 2)),
        ("2022级2班", PRIMARY, ClassKey(2022, PRIMARY, 2)),
        ("五十二班", PRIMARY, None),
        ("五年级十二班", PRIMARY, ClassKey(2022, PRIMARY, 12)),
        ("一年级二十班", PRIMARY, ClassKey(2026, PRIMARY, 20)),
        ("五年级2班", JUNIOR, ClassKey(2022, PRIMARY, 2)),
        ("九年级1班", SPECIAL, ClassKey(2024, JUNIOR, 1)),
        ("高2025级5班", SENIOR, ClassKey(2025, SENIOR, 5)),
        ("高二（5）班", SENIOR, ClassKey(2025, SENIOR, 5)),
        ("小2022级2班", SPECIAL, ClassKey(2022, PRIMARY, 2)),
        ("初三1班", SENIOR, ClassKey(2024, JUNIOR, 1)),
        ("11年级5班", SENIOR, ClassKey(2025, SENIOR, 5)),
        ("二年级4班", VOCATIONAL, ClassKey(2025, VOCATIONAL, 4)),
        ("职高一（4）班", VOCATIONAL, ClassKey(2026, VOCATIONAL, 4)),
        ("大班", KINDERGARTEN, ClassKey(2024, KINDERGARTEN, 1)),
        ("大（2）班", KINDERGARTEN, ClassKey(2024, KINDERGARTEN, 2)),
        ("中二班", KINDERGARTEN, ClassKey(2025, KINDERGARTEN, 2)),
        ("小班3", KINDERGARTEN, ClassKey(2026, KINDERGARTEN, 3)),
    ],
)
def test_the_kind_of_school_and_the_year_tell_the_rest(name: str, kind: str, key: ClassKey | None) -> None:
    if key is None:
        with pytest.raises(ClassNameError):
            parse(name, kind, YEAR)
    else:
        assert parse(name, kind, YEAR) == key


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("73班", JUNIOR, "class_name_ambiguous"),
        ("七三班", JUNIOR, "class_name_ambiguous"),
        ("٧(٣)班", JUNIOR, "class_name_unknown"),
        ("2027届3班", JUNIOR, "class_name_ambiguous"),
        ("2022级2班", SPECIAL, "class_stage_missing"),
        ("", PRIMARY, "class_name_unknown"),
        ("火箭班", JUNIOR, "class_name_unknown"),
        ("2019级1班", PRIMARY, "class_not_at_school"),
        ("2027级1班", PRIMARY, "class_not_at_school"),
        ("一年级0班", PRIMARY, "class_not_at_school"),
        ("初四1班", JUNIOR, "class_name_unknown"),
        ("七年级3班", KINDERGARTEN, "class_name_unknown"),
    ],
)
def test_what_names_no_class_is_refused_with_the_reason(name: str, kind: str, code: str) -> None:
    with pytest.raises(ClassNameError) as caught:
        parse(name, kind, YEAR)
    assert caught.value.code == code


@given(stage=st.sampled_from(sorted(YEARS)), grade=st.integers(1, 6), number=st.integers(1, MOST))
def test_the_name_of_a_class_is_read_back(stage: str, grade: int, number: int) -> None:
    key = ClassKey(YEAR - min(grade, YEARS[stage]) + 1, stage, number)
    assert parse(key.name_in(YEAR), stage, YEAR) == key
    if stage != KINDERGARTEN:
        assert parse(f"{key.entry_year}级{number}班", stage, YEAR) == key


@given(st.text(max_size=20), st.sampled_from(sorted(YEARS)))
def test_no_text_breaks_the_reader(text: str, kind: str) -> None:
    try:
        key = parse(text, kind, YEAR)
    except ClassNameError:
        return
    assert key.stage in YEARS
    assert 1 <= key.grade(YEAR) <= YEARS[key.stage]


def test_a_class_keeps_its_key_and_changes_its_name() -> None:
    key = ClassKey(2025, JUNIOR, 3)
    assert [key.name_in(year) for year in range(2024, 2029)] == [
        "初中2025级（3）班",
        "七年级（3）班",
        "八年级（3）班",
        "九年级（3）班",
        "初中2025级（3）班",
    ]
    assert key.code == "2025-31-03"


@given(stage=st.sampled_from(sorted(YEARS)), entry_year=st.integers(2000, 2099), number=st.integers(1, MOST))
def test_a_class_that_is_not_at_school_is_read_back_where_it_is_there(stage: str, entry_year: int, number: int) -> None:
    key = ClassKey(entry_year, stage, number)
    for kind in (stage, SPECIAL, JUNIOR, KINDERGARTEN):
        name = key.name_in(YEAR)
        if key.grade_at_school(YEAR) is None:
            assert parse(name, kind, YEAR, {key}) == key
            with pytest.raises(ClassNameError, match="class_not_at_school"):
                parse(name, kind, YEAR)


def test_a_school_year_begins_in_september() -> None:
    assert [school_year(day) for day in (date(2026, 8, 31), date(2026, 9, 1), date(2027, 1, 31))] == [2025, 2026, 2026]


@pytest.mark.parametrize(
    ("code", "right", "kind"),
    [
        ("2152900001", True, "21"),
        ("9152900001", True, None),
        ("T000000001", True, None),
        ("2052900001", False, None),
        ("215290000", False, None),
        ("21529000012", False, None),
        ("2.15E+09", False, None),
        ("２152900001", False, None),
    ],
)
def test_school_codes(code: str, right: bool, kind: str | None) -> None:
    assert (is_school_code(code), kind_of(code)) == (right, kind)


def test_kinds_and_places_have_names() -> None:
    assert (kind_named("小学"), kind_named("21"), kind_named("学堂")) == ("21", "21", None)
    assert (urban_rural_named("村庄"), urban_rural_named("111"), urban_rural_named("999")) == ("220", "111", None)
