"""A one-time code goes on working after a restore: the secret is in the database, the key that opens it in the data folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from config.settings import Settings, load
from signaling.api.problems import Problem
from signaling.app import Node
from signaling.auth.entrance_service import Half
from signaling.auth.identity import Role
from signaling.backup.restoring import restore
from signaling.backup.taking import take
from signaling.db.migrate import upgrade
from tests.support import postgres
from tests.support.databases import POSTGRESQL

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PASSWORD = "correct horse 电池"


def settings_in(folder: Path) -> Settings:
    """Settings of a server whose data lies in `folder`, with a database of its own."""
    overrides: dict[str, dict[str, object]] = {
        "server": {"data_dir": folder},
        "auth": {"hash_memory_kib": 64, "hash_passes": 1},
    }
    if POSTGRESQL:
        name, url = postgres.fresh()
        overrides["database"] = {"url": f"postgresql://tests@/{name}?host={url.host}"}
    return load(overrides=overrides)


@asynccontextmanager
async def node(settings: Settings) -> AsyncIterator[Node]:
    """Yield a node as the server composes it, that serves nobody."""
    made = Node(settings)
    try:
        await upgrade(made.db)
        yield made
    finally:
        made.auth.close()
        await made.db.close()


@dataclass(frozen=True)
class Owner:
    """What somebody with one-time codes knows."""

    secret: str
    recovery: list[str]


async def enrolled(settings: Settings) -> Owner:
    """Add an administrator with one-time codes."""
    async with node(settings) as made:
        user = await made.auth.add_user("admin", "管理员", Role.PREFECTURE_ADMIN, "522300", PASSWORD)
        enrolment = await made.auth.second_factor.enrol(user.id)
        # One step ago: what is used here is not what is tried later.
        code = pyotp.TOTP(enrolment.secret).at(datetime.now(UTC) - timedelta(seconds=30))
        async with made.db.writing() as session:
            recovery = await made.auth.second_factor.confirm(session, user.id, code)
        return Owner(enrolment.secret, recovery)


async def enters(settings: Settings, code: str) -> bool:
    """Whether password and code open a login."""
    async with node(settings) as made:
        half = await made.auth.entrance.login("admin", PASSWORD)
        assert isinstance(half, Half)
        return (await made.auth.entrance.code(half.token, code)).principal.user_id != ""


def test_one_time_and_recovery_codes_work_after_a_restore(tmp_path: Path) -> None:
    source, target = settings_in(tmp_path / "one"), settings_in(tmp_path / "two")
    owner = asyncio.run(enrolled(source))
    made = take(source, tmp_path / "b.tar", NOW, lambda step: None)
    raw = made.read_bytes()
    assert owner.secret.encode() not in raw
    assert all(code.encode() not in raw for code in owner.recovery)
    restore(target, made, NOW, lambda step: None)
    assert asyncio.run(enters(target, pyotp.TOTP(owner.secret).now()))
    assert asyncio.run(enters(target, owner.recovery[3]))


def test_without_the_key_of_its_folder_the_secret_does_not_open(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one")
    owner = asyncio.run(enrolled(settings))
    (tmp_path / "one" / "watch.key").write_bytes(bytes(range(32)))
    with pytest.raises(Problem, match="key_changed"):
        asyncio.run(enters(settings, pyotp.TOTP(owner.secret).now()))
