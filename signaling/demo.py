"""`serve --demo`: invented schools, one approved lecture open now, two paired screens, and the links to all of it.

1. **Secrets are the same after every restart**: all are derived from one random value in `demo-secrets.json` (mode 0600).
2. A demo lecture that has ended stays in the library; the next start makes a new one.
3. `demo.json` is written last, when everything answers; one of an earlier process is removed first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from signaling import demo_data
from signaling.app import Node
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.tokens import MONITOR
from signaling.db.base import utc_now
from signaling.directory.listed import ScreenInfo
from signaling.directory.models import School, SchoolClass
from signaling.folder import data_folder
from signaling.lectures.models import Lecture
from signaling.live.broadcasts import SYSTEM
from signaling.live.states import Event, State

ADMIN, LECTURER = "admin", "lecturer"
TITLE, TOPIC = "珍爱生命，远离毒品", "禁毒教育"
VALID = timedelta(days=30)
PASSWORD_LETTERS = 12
TOKEN_LETTERS = 32


class Secrets:
    """The one random value of a data folder, and what is derived from it; also which rows are the demo's."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "demo-secrets.json"
        try:
            self.kept: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            self.kept = {"master": secrets.token_hex(32)}
            self.save()

    def save(self) -> None:
        """Write what is kept."""
        write_private(self._file, json.dumps(self.kept))

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes that are the same whenever the purpose is."""
        return hmac.digest(bytes.fromhex(self.kept["master"]), purpose.encode(), hashlib.sha256)

    def token(self, prefix: str, purpose: str) -> str:
        """Return an opaque token."""
        return prefix + base64.urlsafe_b64encode(self.derive(purpose)).decode()[:TOKEN_LETTERS]

    def password(self, login: str) -> str:
        """Return a password that can be typed."""
        return base64.b32encode(self.derive(f"password:{login}")).decode().lower()[:PASSWORD_LETTERS]


@dataclass(frozen=True, slots=True)
class PairedScreen:
    """A screen of the demo with its secrets."""

    info: ScreenInfo
    device_token: str
    watch_token: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that `demo.json` tells, but for the addresses."""

    lecture_id: str
    invitation: str
    stream_key: str
    api_token: str
    monitor_token: str
    password: str
    screens: tuple[PairedScreen, ...]


class Demo:
    """Fills the database of a node that has started, and tells where to look."""

    def __init__(self, node: Node) -> None:
        self._node = node
        node.auth.second_factor.is_demo = True
        self._folder = data_folder(node.settings)
        self._file = self._folder / "demo.json"
        self._file.unlink(missing_ok=True)
        self._secrets = Secrets(self._folder)

    async def prepare(self) -> Prepared:
        """Make what is missing and open the lecture."""
        now = utc_now()
        regions = await self._node.directory.regions()
        units = await self._node.directory.units()
        top = next(region.code for region in regions if region.level == "prefecture")
        await self._add_schools([(unit.code, unit.name) for unit in units], now)
        admin = await self._person(ADMIN, "演示管理员", Role.PREFECTURE_ADMIN, top)
        lecturer = await self._person(LECTURER, "演示讲师", Role.LECTURER, top)
        lecture_id = await self._lecture(lecturer, admin, top, now)
        return await self._tokens(admin, lecturer, lecture_id, now)

    async def _add_schools(self, units: Sequence[tuple[str, str]], now: datetime) -> None:
        schools = list(demo_data.schools(units))
        if (await self._node.directory.scope(schools[0].code)).school is not None:
            return
        classes = [
            made for number, school in enumerate(schools) for made in demo_data.classes(school, number, now.date())
        ]
        await self._node.directory.add_schools(schools, classes)
        await self._pair(schools, classes)

    async def _pair(self, schools: Sequence[School], classes: Sequence[SchoolClass]) -> None:
        first = [next(made for made in classes if made.school_code == school.code) for school in schools[:2]]
        self._secrets.kept["screens"] = [
            await self._node.directory.add_screen(
                made.id, 1, self._secrets.token(opaque.DEVICE_TOKEN, f"screen:{place}")
            )
            for place, made in enumerate(first)
        ]
        self._secrets.save()

    async def _person(self, login: str, name: str, role: Role, node: str) -> User:
        found = await self._node.auth.user(login)
        return found or await self._node.auth.add_user(login, name, role, node, self._secrets.password(login))

    async def _lecture(self, lecturer: User, admin: User, node: str, now: datetime) -> str:
        kept: str | None = self._secrets.kept.get("lecture_id")
        over = {State.ENDED, State.ARCHIVED}
        if kept is None or await self._node.lectures.info(kept) is None or self._node.live.state(kept) in over:
            lecture = Lecture(title=TITLE, topic=TOPIC, lecturer_id=lecturer.id, scheduled_at=now, autostart=True)
            kept = await self._node.lectures.add(lecture, [node])
            await self._node.lectures.approve(kept, admin.id)
            self._secrets.kept["lecture_id"] = kept
            self._secrets.save()
        if self._node.live.state(kept) is State.SCHEDULED:
            await self._node.live.transition(kept, Event.OPEN, SYSTEM)
        return kept

    async def _tokens(self, admin: User, lecturer: User, lecture_id: str, now: datetime) -> Prepared:
        key = self._secrets.token
        invitation, api_token = key(opaque.INVITATION, f"invitation:{lecture_id}"), key(opaque.API_TOKEN, "api")
        stream_key = key(opaque.STREAM_KEY, f"stream:{lecture_id}")
        await self._node.auth.invitations.keep(invitation, lecturer.id, lecture_id, now + VALID)
        await self._node.auth.keep_api_token(api_token, admin.id, "demo")
        await self._node.live.add_stream_key(
            lecture_id, lecturer.id, not_before=now - timedelta(hours=1), not_after=now + VALID, token=stream_key
        )
        return Prepared(
            lecture_id,
            invitation,
            stream_key,
            api_token,
            self._watch_token(MONITOR, lecture_id),
            self._secrets.password(ADMIN),
            tuple([await self._screen(place, lecture_id) for place in range(len(self._secrets.kept["screens"]))]),
        )

    async def _screen(self, place: int, lecture_id: str) -> PairedScreen:
        screen_id = self._secrets.kept["screens"][place]
        token = self._secrets.token(opaque.DEVICE_TOKEN, f"screen:{place}")
        info = await self._node.directory.screen_by_device(screen_id, token)
        if info is None:
            raise LookupError("demo-secrets.json does not belong to this database: remove both to begin again")
        return PairedScreen(info, token, self._watch_token(screen_id, lecture_id))

    def _watch_token(self, subject: str, lecture_id: str) -> str:
        return self._node.live.watch_token(subject, lecture_id, seconds=int(VALID.total_seconds()))

    def publish(self, prepared: Prepared, base_url: str, media_port: int) -> None:
        """Write `demo.json` and print the links."""
        document = links(prepared, base_url) | {"media_port": media_port, "pid": os.getpid()}
        write_private(self._file, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        print(_for_people(document), flush=True)


def links(prepared: Prepared, base_url: str) -> dict[str, Any]:
    """Return the members of `demo.json` that do not depend on the process."""
    lecture = prepared.lecture_id
    return {
        "base_url": base_url,
        "lecture_id": lecture,
        "studio_url": f"{base_url}/studio/{lecture}#invite={prepared.invitation}",
        "classroom_urls": [f"{base_url}/class/{one.info.id}#{one.device_token}" for one in prepared.screens],
        "console_url": f"{base_url}/console",
        "console_user": ADMIN,
        "console_password": prepared.password,
        "api_token": prepared.api_token,
        "whip_url": f"{base_url}/whip/{lecture}",
        "whip_token": prepared.stream_key,
        "whep_url": f"{base_url}/whep/{lecture}",
        "whep_token": prepared.monitor_token,
        "screens": [
            {
                "school_code": one.info.school_code,
                "class_code": one.info.class_code,
                "whep_token": one.watch_token,
            }
            for one in prepared.screens
        ],
        "hls_url": f"{base_url}/hls/{lecture}/index.m3u8",
    }


def _for_people(document: dict[str, Any]) -> str:
    screens = "\n".join(f"  class screen  {url}" for url in document["classroom_urls"])
    return (
        "\n  Jiangtang 讲堂 is running.\n\n"
        f"  studio        {document['studio_url']}\n"
        f"{screens}\n"
        f"  console       {document['console_url']}\n"
        f"                user {document['console_user']}, password {document['console_password']}\n"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read; a reader sees the old one or the new one, never a part."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
