"""Waiting times after failed logins; time is an argument."""

from __future__ import annotations

from signaling.auth.backoff import FORGET, Backoff

LONGEST = 60.0


def test_the_first_attempts_are_free_then_the_wait_doubles() -> None:
    backoff = Backoff(3, LONGEST)
    waits = []
    for _ in range(6):
        waits.append(backoff.wait("a", 0.0))
        backoff.failed("a", 0.0)
    assert waits == [0.0, 0.0, 0.0, 1.0, 2.0, 4.0]


def test_the_wait_ends_and_never_locks_an_account() -> None:
    backoff = Backoff(1, LONGEST)
    for _ in range(100):
        backoff.failed("a", 0.0)
    assert backoff.wait("a", 0.0) == LONGEST
    assert backoff.wait("a", LONGEST - 1) == 1.0
    assert backoff.wait("a", LONGEST) == 0.0


def test_success_and_an_hour_forget() -> None:
    backoff = Backoff(1, LONGEST)
    backoff.failed("a", 0.0)
    backoff.failed("b", 0.0)
    backoff.succeeded("a")
    assert backoff.wait("a", 0.0) == 0.0
    assert backoff.wait("b", 0.0) == 1.0
    backoff.failed("b", FORGET + 1)
    assert backoff.wait("b", FORGET + 1) == 1.0


def test_accounts_do_not_share_and_the_table_is_bounded() -> None:
    backoff = Backoff(1, LONGEST, capacity=10)
    for number in range(100):
        backoff.failed(f"account {number}", 0.0)
    assert backoff.wait("account 0", 0.0) == 0.0
    assert backoff.wait("account 99", 0.0) == 1.0


def test_an_attempt_that_was_not_looked_at_is_taken_back() -> None:
    backoff = Backoff(2, LONGEST)
    for _ in range(3):
        backoff.failed("a", 0.0)
        backoff.withdrawn("a")
    assert backoff.wait("a", 0.0) == 0.0
    backoff.failed("a", 0.0)
    backoff.failed("a", 0.0)
    assert backoff.wait("a", 0.0) == 1.0
    backoff.withdrawn("a")
    assert backoff.wait("a", 0.0) == 0.0
    backoff.withdrawn("unknown")


def test_what_is_taken_back_does_not_lengthen_a_wait() -> None:
    backoff = Backoff(2, LONGEST)
    for _ in range(3):
        backoff.failed("a", 0.0)
    assert backoff.wait("a", 0.0) == 2.0
    before = backoff.failed("a", 2.0)
    backoff.withdrawn("a", before)
    assert backoff.wait("a", 2.0) == 0.0
