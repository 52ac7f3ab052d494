"""Options that several commands share, and what is said of wrong settings."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from config.settings import Settings, load

WRONG_SETTINGS = 2
MOVED: Final = {
    f"presence.{old}": f"{new} of the policy ([policy.credit.{table}])"
    for old, table, new in (
        ("check_minutes", "checks", "every_minutes"),
        ("checks_most", "checks", "most"),
        ("check_seconds", "checks", "seconds"),
        ("check_audiences", "checks", "off_for_audiences"),
        ("check_free_kinds", "checks", "off_for_school_kinds"),
        ("confirm_opens_minutes", "confirmation", "opens_after_minutes"),
        ("confirm_closes_hours", "confirmation", "closes_after_hours"),
    )
}
"""Keys that a settings file may still have, and where to say it now."""


class SettingsError(Exception):
    """The settings cannot be used; the message has a line for every wrong key."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--data` and `--config`."""
    parser.add_argument("--data", metavar="DIR", type=Path, help="data folder (server.data_dir)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file; overrides the defaults")


def read(options: argparse.Namespace) -> Settings:
    """Return the settings of the command line, or raise `SettingsError`."""
    overrides: dict[str, dict[str, object]] = {}
    given = {
        ("server", "data_dir"): options.data,
        ("http", "host"): getattr(options, "host", None),
        ("http", "port"): getattr(options, "port", None),
        ("media", "port"): getattr(options, "media_port", None),
        ("media", "hosts"): getattr(options, "media_host", None) or None,
    }
    for (section, key), value in given.items():
        if value is not None:
            overrides.setdefault(section, {})[key] = value
    try:
        settings = load(options.config, overrides)
    except FileNotFoundError as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        raise SettingsError(_lines(error)) from None
    except ValueError as error:
        raise SettingsError(f"the settings file cannot be read: {error}") from None
    _check_network(settings)
    return settings


def report(error: Exception) -> int:
    """Print why the settings are wrong; return the exit code."""
    print(f"jiangtang: wrong settings\n{error}", file=sys.stderr)
    return WRONG_SETTINGS


def _lines(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        moved = f"; it is {MOVED[key]} now, see attendance.policies_file" if key in MOVED else ""
        lines.append(f"  {key}: {item['msg']}{moved}")
    return "\n".join(lines)


def _check_network(settings: Settings) -> None:
    for proxy in settings.http.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise SettingsError(f"  http.trusted_proxies: {proxy!r} is neither an address nor a network") from None
    url = settings.http.public_url
    if url:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise SettingsError(f"  http.public_url: {url!r} is not of the form https://host or https://host:port")
