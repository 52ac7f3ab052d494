"""The command line: wrong settings, people, commands that are not there yet."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from config.settings import load
from signaling.__main__ import main
from signaling.folder import hold
from signaling.listen import StartError, bind

pytestmark = pytest.mark.usefixtures("own_logs")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[http]\nport = 70000\n", ["http.port: Input should be less than or equal to 65535"]),
        ("[http]\nprot = 1\n[media]\nport = -1\n", ["http.prot: Extra inputs", "media.port: Input should be greater"]),
        ('[http]\ntrusted_proxies = ["proxy.lan"]\n', ["http.trusted_proxies: 'proxy.lan' is neither"]),
        ('[http]\npublic_url = "lecture.example.org"\n', ["http.public_url: 'lecture.example.org' is not of the form"]),
        ('[tls]\nkey = "k.pem"\n', ["tls.cert and tls.key must be set together"]),
        ("[http\n", ["the settings file cannot be read"]),
    ],
)
def test_wrong_settings_say_which_key_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, lines: list[str]
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["serve", "--config", str(file), "--data", str(tmp_path / "data")]) == 2
    written = capsys.readouterr().err
    for line in lines:
        assert line in written
    assert "Traceback" not in written
    assert not (tmp_path / "data").exists()


def test_a_key_that_went_into_the_policy_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "old.toml"
    file.write_text(
        '[presence]\ncheck_minutes = 20\ncheck_free_kinds = ["11"]\nreports_waiting = 5\n', encoding="utf-8"
    )
    assert main(["serve", "--config", str(file), "--data", str(tmp_path / "data")]) == 2
    written = capsys.readouterr().err
    place = "Extra inputs are not permitted; it is {} of the policy ([policy.credit.checks]) now, see attendance.policies_file"
    assert f"  presence.check_minutes: {place.format('every_minutes')}" in written
    assert f"  presence.check_free_kinds: {place.format('off_for_school_kinds')}" in written
    assert "reports_waiting" not in written


def test_a_settings_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--config", str(tmp_path / "absent.toml")]) == 2
    assert "settings file not found" in capsys.readouterr().err


def test_wrong_tls_files_and_regions_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ["--data", str(tmp_path / "data"), "--port", "0", "--media-port", "0", "--media-host", "127.0.0.1"]
    monkeypatch.setenv("JIANGTANG_TLS__CERT", "absent.pem")
    monkeypatch.setenv("JIANGTANG_TLS__KEY", "absent.key")
    assert main(["serve", *data]) == 1
    assert "jiangtang: tls.cert: there is no file absent.pem" in capsys.readouterr().err
    monkeypatch.delenv("JIANGTANG_TLS__CERT")
    monkeypatch.delenv("JIANGTANG_TLS__KEY")
    monkeypatch.setenv("JIANGTANG_SERVER__REGIONS_FILE", str(tmp_path / "absent.toml"))
    assert main(["serve", *data]) == 2
    assert "absent.toml: No such file" in capsys.readouterr().err


def test_a_port_in_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--host", "127.0.0.1", "--port", str(port), "--data", str(tmp_path)]
        assert main(["serve", *options]) == 1
    error = capsys.readouterr().err
    assert f"TCP port {port} is in use by another program" in error
    assert "Traceback" not in error


def test_a_media_port_in_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        options = ["--port", "0", "--media-port", str(port), "--media-host", "127.0.0.1", "--data", str(tmp_path)]
        assert main(["serve", *options]) == 1
    error = capsys.readouterr().err
    assert f"UDP port {port} cannot be opened for media" in error
    assert "Traceback" not in error


def test_a_data_folder_belongs_to_one_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load(overrides={"server": {"data_dir": tmp_path / "data"}})
    with hold(settings):
        assert main(["serve", "--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path / "data")]) == 1
        error = capsys.readouterr().err
        assert f"another server (process {os.getpid()}) uses the data folder" in error
        assert "Traceback" not in error
    hold(settings).close()


def test_a_data_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert main(["serve", "--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path / "file" / "data")]) == 1
    assert "server.data_dir" in capsys.readouterr().err


def test_a_host_that_is_not_here() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.99"):
        bind("192.0.2.99", 0)
    with pytest.raises(StartError, match=r"http\.host 'no\.such\.host\.invalid'"):
        bind("no.such.host.invalid", 0)


def test_the_ipv6_wildcard_takes_ipv4_too() -> None:
    with bind("::", 0) as listener:
        listener.setblocking(True)
        port = listener.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port), timeout=5):
                listener.accept()[0].close()


@pytest.mark.parametrize("command", ["export", "node"])
def test_commands_of_later_versions_say_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "anything", "--at-all"]) == 2
    assert "not available yet" in capsys.readouterr().err


def test_people_are_added_listed_and_get_new_passwords(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def user(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(["user", *arguments, "--data", str(tmp_path)])
        written = capsys.readouterr()
        return code, written.out + written.err

    role = ["--name", "县管理员", "--role", "county_admin", "--node", "522301"]
    assert user("add", "County", *role, typed="is long enough\n") == (0, "added county\n")
    assert user("add", "county", *role, typed="is long enough\n")[0] == 1
    bad = "the password is shorter than 12 characters\njiangtang: the password has fewer than 2 kinds of characters"
    assert user("add", "other", *role, typed="short\n") == (1, f"jiangtang: {bad}\n")
    assert user("list") == (0, "county\t县管理员\tcounty_admin\t522301\t-\tactive\n")
    assert user("passwd", "county", typed="another password\n")[0] == 0
    assert user("passwd", "nobody", typed="another password\n")[0] == 1
    assert user("passwd", "county", typed="xCounty-2026-x\n") == (1, "jiangtang: the password holds the login\n")
    code, link = user("invite", "county")
    assert code == 0
    assert link.startswith("http://localhost:8080/console#/invited/jti_")
    assert user("reset-codes", "county") == (0, "county has no one-time codes\n")
    assert user("invite", "nobody")[0] == user("reset-codes", "nobody")[0] == 1
