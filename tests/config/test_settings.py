"""Three layers of settings, and nothing misspelt is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import load


def test_a_file_overrides_the_defaults_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "local.toml"
    file.write_text("[http]\nport = 8443\n", encoding="utf-8")
    settings = load(file)
    assert (settings.http.port, settings.http.host, settings.media.port) == (8443, "0.0.0.0", 8189)


def test_the_environment_overrides_the_file_and_the_command_line_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "local.toml"
    file.write_text("[http]\nport = 8443\n[media]\nport = 9000\n", encoding="utf-8")
    monkeypatch.setenv("JIANGTANG_HTTP__PORT", "8444")
    monkeypatch.setenv("JIANGTANG_MEDIA__PORT", "9001")
    settings = load(file, {"http": {"port": 8445}})
    assert (settings.http.port, settings.media.port) == (8445, 9001)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[http]\nprot = 1\n", "http.prot"),
        ("[htpp]\nport = 1\n", "htpp"),
        ('[http]\nport = "many"\n', "http.port"),
        ("[forward]\nnack_budget = 2.0\n", "forward.nack_budget"),
        ('[tls]\ncert = "a.pem"\n', "tls"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, key: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError) as raised:
        load(file)
    assert ".".join(str(part) for part in raised.value.errors()[0]["loc"]) == key
