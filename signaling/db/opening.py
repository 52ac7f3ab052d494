"""Opens the database that the settings name: the embedded one in the data folder, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from config.settings import DatabaseSettings, Settings
from signaling.db.engine import Database
from signaling.folder import database_file
from signaling.listen import StartError


def open_database(settings: Settings) -> Database:
    """Return the door to the database; raises `StartError` when the settings name none."""
    wanted = settings.database
    if not wanted.url:
        return Database.sqlite(database_file(settings))
    return Database.postgresql(address(wanted), wanted.pool_size, wanted.connect_seconds, wanted.statement_seconds)


def address(wanted: DatabaseSettings) -> URL:
    """Return the address with its password; raises `StartError`, whose words hold no password."""
    try:
        url = make_url(wanted.url)
    except ArgumentError:
        raise StartError("database.url is no address: write postgresql://user@host/name") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise StartError(f"database.url names {url.drivername}: only PostgreSQL, or nothing for SQLite")
    if not wanted.password_file:
        return url
    try:
        return url.set(password=Path(wanted.password_file).read_text("utf-8").strip())
    except OSError as error:
        raise StartError(f"database.password_file {wanted.password_file}: {error.strerror}") from None
