"""`jiangtang cert`: a chain that TLS libraries accept, for names and addresses, with keys that nobody else reads."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, ClientSession, web
from cryptography import x509

from config.settings import TlsSettings
from signaling.__main__ import main
from signaling.commands import cert
from signaling.listen import StartError, bind, tls_context

SECOND_ADDRESS = "127.0.0.2"


def test_the_next_steps_name_files_settings_and_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cert", "--out", str(tmp_path), "--host", "192.0.2.7", "--host", "lecture.lan"]) == 0
    text = capsys.readouterr().out
    for part in ("ca.pem", f'cert = "{tmp_path}/server.pem"', "https://192.0.2.7:8080", "Windows", "Android"):
        assert part in text
    for name in ("ca.key", "server.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_an_authority_is_used_again(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    cert.write(tmp_path, ["a.lan"], now)
    authority, first = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "server.pem").read_bytes()
    cert.write(tmp_path, ["b.lan"], now)
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert (tmp_path / "server.pem").read_bytes() != first


def test_browsers_accept_its_form(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    cert.write(tmp_path, ["lecture.lan", "::1"], now)
    made = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=398)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["lecture.lan"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["::1"]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_without_names_the_own_addresses_are_taken() -> None:
    names = cert.own_names()
    assert "localhost" in names
    assert all(names)


async def test_https_on_a_second_address_is_trusted_with_the_authority_and_not_without(tmp_path: Path) -> None:
    cert.write(tmp_path, [SECOND_ADDRESS], datetime.now(UTC))
    settings = TlsSettings(cert=str(tmp_path / "server.pem"), key=str(tmp_path / "server.key"))
    listener = bind(SECOND_ADDRESS, 0)
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=tls_context(settings)).start()
    url = f"https://{SECOND_ADDRESS}:{listener.getsockname()[1]}/"
    try:
        async with ClientSession() as client:
            trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            async with client.get(url, ssl=trusting) as response:
                assert response.status == 404
            with pytest.raises(ClientConnectorCertificateError):
                await client.get(url)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    cert.write(tmp_path, ["a.lan"], datetime.now(UTC))
    paths = {"cert": str(tmp_path / "server.pem"), "key": str(tmp_path / "server.key")}
    paths[missing] = str(tmp_path / "absent.pem")
    with pytest.raises(StartError, match=rf"tls\.{missing}: there is no file .*absent\.pem"):
        tls_context(TlsSettings(**paths))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    cert.write(tmp_path, ["a.lan"], datetime.now(UTC))
    settings = TlsSettings(cert=str(tmp_path / "server.pem"), key=str(tmp_path / "ca.key"))
    with pytest.raises(StartError, match="cannot be used"):
        tls_context(settings)
