"""Signed watch tokens and their key."""

from __future__ import annotations

import base64
import hmac
import json
import stat
import threading
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from signaling.auth.tokens import MONITOR, PERSON, BadToken, WatchTokens, read_or_create_key

NOW = 1_800_000_000.0
KEY = bytes(range(32))


@pytest.fixture
def tokens() -> WatchTokens:
    return WatchTokens(KEY)


def test_a_watch_token_says_who_watches_what(tokens: WatchTokens) -> None:
    claims = tokens.check(tokens.issue("screen-1", "lecture-1", now=NOW, seconds=60), now=NOW + 59)
    assert (claims.subject, claims.lecture_id, claims.expires_at) == ("screen-1", "lecture-1", NOW + 60)
    assert (claims.is_monitor, claims.is_person, claims.is_screen) == (False, False, True)
    assert tokens.check(tokens.issue(MONITOR, "lecture-1", now=NOW, seconds=60), now=NOW).is_monitor


def test_a_token_of_a_person_is_no_screen(tokens: WatchTokens) -> None:
    claims = tokens.check(tokens.issue(PERSON + "user-1", "lecture-1", now=NOW, seconds=60), now=NOW)
    assert (claims.is_monitor, claims.is_person, claims.is_screen) == (False, True, False)


def test_two_watch_tokens_of_one_screen_differ(tokens: WatchTokens) -> None:
    first, second = (tokens.issue("screen-1", "lecture-1", now=NOW, seconds=60) for _ in range(2))
    assert tokens.check(first, now=NOW).token_id != tokens.check(second, now=NOW).token_id


def test_an_expired_watch_token_is_refused(tokens: WatchTokens) -> None:
    token = tokens.issue("screen-1", "lecture-1", now=NOW, seconds=60)
    with pytest.raises(BadToken, match="the watch token has expired"):
        tokens.check(token, now=NOW + 60)


def unsigned() -> str:
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, {"sub": "s", "lec": "l", "exp": NOW + 60, "jti": "x"})
    )
    return f"{header}.{payload}."


def signed(claims: dict[str, object], key: bytes = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode({"alg": algorithm}, claims, OctKey.import_key(key), algorithms=[algorithm])


GOOD: dict[str, object] = {"sub": "s", "lec": "l", "exp": NOW + 60, "jti": "x"}


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="garbage"),
        pytest.param("jtt_" + "a" * 32, id="a ticket"),
        pytest.param("x" * 5000, id="too long"),
        pytest.param("\udcff.\udcfe.\udcfd", id="not text"),
        pytest.param(unsigned(), id="alg none"),
        pytest.param(signed(GOOD, key=bytes(32)), id="another key"),
        pytest.param(signed(GOOD, algorithm="HS384"), id="another algorithm"),
        pytest.param(signed(GOOD | {"sub": 7}), id="subject is a number"),
        pytest.param(signed(GOOD | {"lec": ""}), id="lecture is empty"),
        pytest.param(signed({"sub": "s", "lec": "l", "jti": "x"}), id="no expiry"),
    ],
)
def test_a_forged_watch_token_is_refused(tokens: WatchTokens, forged: str) -> None:
    with pytest.raises(BadToken):
        tokens.check(forged, now=NOW)


def test_what_this_server_did_not_write_itself_is_judged_all_the_same(tokens: WatchTokens) -> None:
    own = tokens.issue("s", "l", now=NOW, seconds=60)
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, GOOD)]
    mac = base64.urlsafe_b64encode(hmac.digest(KEY, b".".join(parts), "sha256")).rstrip(b"=")
    other = b".".join([*parts, mac]).decode()
    assert other.partition(".")[0] != own.partition(".")[0]
    assert tokens.check(other, now=NOW).subject == "s"
    for token in (own + "\u00e4", own.partition(".")[0] + ".", own.rpartition(".")[0], own + "=", own + "."):
        with pytest.raises(BadToken, match="not a watch token"):
            tokens.check(token, now=NOW)


def test_every_changed_character_breaks_the_signature(tokens: WatchTokens) -> None:
    token = tokens.issue("screen-1", "lecture-1", now=NOW, seconds=60)
    for place in range(len(token) - 1):  # the last character of a signature has two bits that mean nothing
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadToken):
            tokens.check(changed, now=NOW)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "watch.key"
    first = read_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_create_key(path) == first
    assert [entry.name for entry in path.parent.iterdir()] == ["watch.key"]


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    token = WatchTokens.in_folder(tmp_path).issue("screen-1", "lecture-1", now=NOW, seconds=60)
    assert WatchTokens.in_folder(tmp_path).check(token, now=NOW).subject == "screen-1"


def test_servers_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path, keys = tmp_path / "watch.key", []
    threads = [threading.Thread(target=lambda: keys.append(read_or_create_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_damaged_key_file_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "watch.key"
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="holds 5 bytes instead of 32"):
        read_or_create_key(path)
