"""What a password must be, how failures are told, which code is taken: pure, time is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from signaling.auth import totp
from signaling.auth.failures import HOUR, Failures, Told
from signaling.auth.password_policy import LONGEST, Policy
from signaling.auth.sealing import SealError, Sealing

POLICY = Policy(shortest=8, kinds=2)
NOW = datetime(2026, 3, 2, 4, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "password", ["correct horse 电池", "云岭小学的春天2026", "Wm7-kqzt", "mountain-river-9", "九月开学第一课,好!"]
)
def test_good_passwords(password: str) -> None:
    assert POLICY.reasons(password, "zhangwei", "张伟") == []


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Ab1!xyz", "too_short"),
        ("ab1-" * (LONGEST // 4) + "x", "too_long"),
        ("mountainriver", "few_kinds"),
        ("aaaa1111", "few_letters"),
        ("1234567890123", "row"),
        ("9876543210", "row"),
        ("qwertyuiop", "row"),
        ("1qaz2wsx3edc", "row"),
        ("Password123", "common"),
        ("ｐａｓｓｗｏｒｄ１２３", "common"),
        ("Admin@123", "common"),
        ("管理员12345", "common"),
        ("xZhangWei-7", "like_login"),
        ("iewgnahz-77", "like_login"),
        ("我是张伟-2026x", "like_name"),
    ],
)
def test_bad_passwords_and_why(password: str, reason: str) -> None:
    assert reason in POLICY.reasons(password, "zhangwei", "张伟")


def test_all_reasons_come_at_once_and_shortness_is_the_setting() -> None:
    assert POLICY.reasons("111") == ["too_short", "few_kinds", "few_letters"]
    assert Policy(12, 2).reasons("Wm7-kqzt") == ["too_short"]
    assert Policy(8, 1).reasons("mountainriver") == []


def test_failures_are_told_first_one_by_one_then_by_powers_of_ten() -> None:
    failures = Failures(most=100)
    told = [failures.count("a", 0.0) for _ in range(10_000)]
    rows = [one for one in told if one is not None]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 10, 100, 1000, 10_000]
    assert failures.count("b", 0.0) == Told(1, of_all=False)
    assert failures.count("a", HOUR) == Told(1, of_all=False), "an hour later it begins anew"


def test_a_spray_over_all_accounts_is_bounded_and_told() -> None:
    failures = Failures(most=50)
    rows = [told for number in range(100_000) if (told := failures.count(f"account {number}", 0.0)) is not None]
    assert len([row for row in rows if not row.of_all]) == 50
    assert [row.number for row in rows if row.of_all] == [51, 100, 1000, 10_000, 100_000]


def test_what_happens_every_day_is_told_only_when_it_is_much() -> None:
    failures = Failures(most=50)
    rows = [told.number for _ in range(150) if (told := failures.count("cookie", 0.0, first=0)) is not None]
    assert rows == [10, 100]


def test_a_code_is_taken_one_step_early_or_late_and_never_twice() -> None:
    secret = totp.new_secret()
    app = pyotp.TOTP(secret)
    here = int(NOW.timestamp()) // totp.STEP
    for drift, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = app.generate_otp(here + drift)
        assert (totp.step_of(code, secret, NOW, 0) == here + drift) is taken
    code = app.generate_otp(here)
    assert totp.step_of(code, secret, NOW, here) is None
    assert totp.step_of(app.generate_otp(here - 1), secret, NOW, here) is None, "an older one is over too"
    later = NOW + timedelta(seconds=totp.STEP)
    assert totp.step_of(app.generate_otp(here + 1), secret, later, here) == here + 1


def test_the_codes_are_those_of_the_rfc() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238 appendix B, SHA-1, the last six digits
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp.step_of(code, secret, datetime.fromtimestamp(seconds, UTC), 0) == seconds // totp.STEP


def test_recovery_codes_differ_and_are_read_as_people_type_them() -> None:
    codes = totp.recovery_codes()
    assert len(set(codes)) == totp.CODES
    assert all(len(totp.plain(code)) == 16 for code in codes)
    assert totp.plain(codes[0].lower().replace("-", " ")) == totp.plain(codes[0])
    assert not totp.is_code(totp.plain(codes[0]))


def test_a_sealed_secret_opens_for_its_key_and_owner_alone() -> None:
    sealing = Sealing(b"k" * 32)
    sealed = sealing.seal("SECRET", "owner")
    assert sealing.open(sealed, "owner") == "SECRET"
    assert "SECRET" not in sealed
    assert sealing.seal("SECRET", "owner") != sealed
    for other, owner, text in (
        (sealing, "other", sealed),
        (Sealing(b"x" * 32), "owner", sealed),
        (sealing, "owner", "x"),
    ):
        with pytest.raises(SealError):
            other.open(text, owner)
    with pytest.raises(SealError, match="no key"):
        Sealing(None).seal("SECRET", "owner")
