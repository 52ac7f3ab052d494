"""Channels over HTTP and to real receivers on loopback: robots, a webhook, mail; retries, limits, secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from config.settings import load
from signaling.alerts.messages import unpacked
from signaling.alerts.models import Notice
from signaling.alerts.parts import AlertParts
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from tests.signaling.test_alerts_watch import Desk, desk
from tests.support.databases import dumped, migrated
from tests.support.mailbox import Mailbox, mailbox
from tests.support.platform import NOON, PREFECTURE, Platform
from tests.support.receiver import SECRET, Receiver, receiver

ALL = ["no_duty", "not_approved", "no_studio", "absent", "disk", "uploads", "ledger", "damaged"]


@pytest.fixture
async def outside() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


@pytest.fixture
async def post() -> AsyncIterator[Mailbox]:
    async with mailbox() as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, post: Mailbox) -> AsyncIterator[Platform]:
    smtp = {"host": "127.0.0.1", "port": post.port, "security": "none", "sender": "jiangtang@example.org"}
    alerts = {"allow_private": True, "send_seconds": 2.0, "notices_per_minute": 4, "notice_attempts": 3}
    db = await migrated(tmp_path / "platform.sqlite3")
    made = Platform(db, load(overrides={"smtp": smtp, "alerts": alerts}), tmp_path)
    try:
        await made.fill()
        yield made
    finally:
        made.auth.close()
        await db.close()


@pytest.fixture
async def office(here: Platform) -> AsyncIterator[Desk]:
    async with here.client() as client:
        yield await desk(here, client, Role.PREFECTURE_ADMIN)


async def channel(office: Desk, kind: str, target: str, **more: Any) -> dict[str, Any]:
    body = {"name": f"渠道{kind}", "kind": kind, "node": PREFECTURE, "rules": ALL, "target": target} | more
    status, document, _ = await office.call("POST", "/channels", body)
    assert status == 201, document
    return dict(document)


async def unwatched(here: Platform, minutes: int = 29) -> str:
    lecturer = await here.auth.user("lecturer") or await here.person("lecturer", Role.LECTURER)
    return await here.lecture(lecturer, at=here.wall() + timedelta(minutes=minutes))


async def notices(here: Platform) -> list[Notice]:
    async with here.db.reading() as session:
        return list(await session.scalars(select(Notice).order_by(Notice.id)))


async def test_an_alarm_reaches_all_four_kinds_once(
    here: Platform, office: Desk, outside: Receiver, post: Mailbox
) -> None:
    await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    await channel(office, "dingtalk", f"{outside.url}/dingtalk?access_token=a", secret=SECRET)
    await channel(office, "webhook", f"{outside.url}/hook", secret=SECRET)
    await channel(office, "email", "duty@example.org, night@example.org")
    lecture = await unwatched(here)
    await here.alerts.watch.round()
    assert await here.alerts.dispatcher.round() == 4
    assert await here.alerts.dispatcher.round() == 0
    assert {one.state for one in await notices(here)} == {"sent"}
    by_path = {path: (headers, document) for path, headers, document in outside.got}
    assert set(by_path) == {"/wecom", "/dingtalk", "/hook"}
    assert "讲座无人值守" in by_path["/wecom"][1]["markdown"]["content"]
    assert by_path["/dingtalk"][1]["markdown"]["title"] == "讲座无人值守"
    headers, document = by_path["/hook"]
    assert (document["rule"], document["lecture_id"], document["event"]) == ("no_duty", lecture, "alert.opened")
    assert headers["Idempotency-Key"] == document["id"]
    assert "开始：2026-03-02 12:29" in document["lines"]
    (mail,) = post.mails
    assert post.recipients == [["duty@example.org", "night@example.org"]]
    assert mail["Subject"] == "讲座无人值守"
    assert "讲座：珍爱生命" in mail.get_content()


async def test_what_was_not_answered_is_told_once_more_and_nothing_else(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    await channel(office, "webhook", f"{outside.url}/hook", secret=SECRET, escalated_only=True)
    await unwatched(here)
    for minutes in (0, 1, 5, 6, 9):
        here.wall.now = NOON + timedelta(minutes=minutes)
        await here.alerts.watch.round()
        await here.alerts.dispatcher.round()
    assert [document["event"] for _, _, document in outside.got] == ["alert.escalated"]


async def test_a_restart_between_taking_and_writing_sends_again_under_the_same_id(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    await channel(office, "webhook", f"{outside.url}/hook", secret=SECRET)
    await unwatched(here)
    await here.alerts.watch.round()
    (due,) = await here.alerts.outbox.take(here.wall())  # taken, and the process is gone
    again = AlertParts(here.db, here.settings, here.today, bytes(32), clock=here.wall)
    assert await again.dispatcher.round() == 0
    here.wall.now += timedelta(seconds=61)
    assert await again.dispatcher.round() == 1
    assert [document["id"] for _, _, document in outside.got] == [due.notice.id]
    await again.watch.round()
    assert await again.dispatcher.round() == 0


async def test_a_refusal_with_status_200_is_tried_again_later_and_later_and_then_given_up(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    made = await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    await unwatched(here)
    await here.alerts.watch.round()
    outside.answers = [web.json_response({"errcode": 45009, "errmsg": "api freq out of limit"}) for _ in range(3)]
    waits = []
    for _ in range(3):
        assert await here.alerts.dispatcher.round() == 1
        (notice,) = await notices(here)
        waits.append((notice.next_at - here.wall()).total_seconds())
        assert await here.alerts.dispatcher.round() == 0
        here.wall.now = max(notice.next_at, here.wall())
    assert waits[:2] == [15.0, 30.0]
    (receipt,) = await office.items(f"/channels/{made['id']}/notices")
    assert (receipt["state"], receipt["attempts"], receipt["outcome"]) == ("failed", 3, "robot_refused")
    assert receipt["detail"] == "errcode 45009 api freq out of limit"
    assert await here.alerts.dispatcher.round() == 0


@pytest.mark.parametrize(
    ("kind", "path", "secret", "outcome"),
    [
        ("wecom", "/wecom?key=k", "", "sent"),
        ("dingtalk", "/dingtalk?access_token=a", "SECwrong", "robot_refused"),
        ("webhook", "/hook", "another-secret", "http_status"),
        ("webhook", "/elsewhere", SECRET, "redirected"),
        ("webhook", "/slow", SECRET, "timeout"),
        ("wecom", "/huge", "", "too_large"),
    ],
)
async def test_the_test_button_tells_how_it_ended(
    office: Desk, outside: Receiver, kind: str, path: str, secret: str, outcome: str
) -> None:
    made = await channel(office, kind, f"{outside.url}{path}", secret=secret)
    status, document, _ = await office.call("POST", f"/channels/{made['id']}/test", {})
    assert (status, document["outcome"], document["ok"]) == (200, outcome, outcome == "sent")
    assert len(outside.got) <= 1
    (listed,) = await office.items("/channels")
    assert (listed["last"]["event"], listed["last"]["outcome"]) == ("test", outcome)


async def test_mail_that_is_refused_for_ever_is_not_tried_again(here: Platform, office: Desk, post: Mailbox) -> None:
    await channel(office, "email", "gone@example.org")
    post.unknown.add("gone@example.org")
    await unwatched(here)
    await here.alerts.watch.round()
    await here.alerts.dispatcher.round()
    (notice,) = await notices(here)
    assert (notice.state, notice.outcome, notice.detail) == ("failed", "mail_refused", "550")
    post.unknown.clear()
    post.busy = True
    await unwatched(here, 28)
    await here.alerts.watch.round()
    await here.alerts.dispatcher.round()
    assert [(one.state, one.detail) for one in await notices(here)][1:] == [("waiting", "451")]


async def test_a_channel_gets_so_many_a_minute_and_the_rest_later(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    for minutes in range(20, 27):
        await unwatched(here, minutes)
    await here.alerts.watch.round()
    assert await here.alerts.dispatcher.round() == 4
    assert await here.alerts.dispatcher.round() == 0
    here.wall.now += timedelta(seconds=61)
    assert await here.alerts.dispatcher.round() == 3
    assert len(outside.got) == 7


async def test_the_outbox_is_bounded_and_the_alarms_stay(here: Platform, office: Desk, outside: Receiver) -> None:
    await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    small = load(overrides={"alerts": {"notices_waiting": 2}})
    parts = AlertParts(here.db, small, here.today, bytes(32), clock=here.wall)
    for minutes in (20, 21, 22):
        await unwatched(here, minutes)
    await parts.watch.round()
    assert len(await notices(here)) == 2
    assert parts.metrics() == {"notices_refused_total": 1}
    assert len(await office.items("/alerts")) == 3


async def test_secrets_are_written_nowhere_and_shown_never(here: Platform, office: Desk, outside: Receiver) -> None:
    made = await channel(office, "dingtalk", f"{outside.url}/dingtalk?access_token=tellnobody", secret=SECRET)
    path = f"/channels/{made['id']}"
    _, document, etag = await office.call("PATCH", path, {"name": "新名字"}, '"1"')
    assert document["hint"] == f"{outside.url}/…"
    everything = await dumped(here.db) + str(document) + str(await office.items("/channels"))
    assert "tellnobody" not in everything
    assert SECRET not in everything
    assert (await office.call("POST", f"{path}/test", {}))[1]["ok"]  # the secret is still known to the server
    assert (await office.call("PATCH", path, {"name": "x"}, '"1"'))[1]["code"] == "changed_meanwhile"
    removed = await office.client.delete(f"/api/v1{path}", headers=office.headers | {"If-Match": etag})
    assert removed.status == 204
    assert (await office.call("GET", path))[0] == 404
    async with here.db.reading() as session:
        actions = set(await session.scalars(select(AuditEntry.action)))
    assert {"channel.added", "channel.changed", "channel.tried", "channel.removed"} <= actions


async def test_what_waits_for_a_channel_that_is_gone_is_not_sent(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    made = await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    await unwatched(here)
    await here.alerts.watch.round()
    await office.client.delete(f"/api/v1/channels/{made['id']}", headers=office.headers | {"If-Match": '"1"'})
    assert await here.alerts.dispatcher.round() == 0
    assert [(one.state, one.outcome) for one in await notices(here)] == [("failed", "channel_gone")]


@pytest.mark.parametrize(
    ("kind", "target", "secret", "code"),
    [
        ("webhook", "ftp://example.org/", SECRET, "bad_target"),
        ("webhook", "https://example.org/", "", "no_secret"),
        ("email", "nobody", "", "bad_target"),
        ("email", "a@example.org\r\nBcc: b@example.org", "", "invalid"),
        ("email", ",".join(f"a{number}@example.org" for number in range(21)), "", "bad_target"),
        ("wecom", "https://user:x@example.org/", "", "bad_target"),
    ],
)
async def test_targets_that_cannot_be_are_refused(office: Desk, kind: str, target: str, secret: str, code: str) -> None:
    body = {"name": "x", "kind": kind, "node": PREFECTURE, "rules": ALL, "target": target, "secret": secret}
    status, document, _ = await office.call("POST", "/channels", body)
    assert (status, document["code"]) == (422, code)


async def test_only_the_prefecture_has_channels(here: Platform, office: Desk) -> None:
    for role, node in ((Role.OPERATOR, PREFECTURE), (Role.COUNTY_ADMIN, "522301"), (Role.AUDITOR, PREFECTURE)):
        other = await desk(here, office.client, role, node)
        assert (await other.call("GET", "/channels"))[1]["code"] == "forbidden"


async def test_private_addresses_are_refused_when_it_is_no_trial(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    made = await channel(office, "wecom", f"{outside.url}/wecom?key=k")
    strict = AlertParts(here.db, load(), here.today, bytes(32), clock=here.wall)
    kept, notice = await strict.channels.trial(made["id"], office.user.id)
    outcome = await strict.dispatcher.send(kept, unpacked(notice.message))
    assert (outcome.code, outcome.final) == ("refused_address", True)
    assert outside.got == []


async def test_a_county_hears_of_its_own_schools_in_one_message(
    here: Platform, office: Desk, outside: Receiver
) -> None:
    await channel(office, "webhook", f"{outside.url}/hook", secret=SECRET, node="522301", rules=["absent"])
    await unwatched(here, 9)
    for minutes in (0, 6):
        here.wall.now = NOON + timedelta(minutes=minutes)
        await here.alerts.watch.round()
        await here.alerts.dispatcher.round()
    told = [(document["event"], document["node"], document["count"]) for _, _, document in outside.got]
    schools = len([school for school in here.schools if school.region_code == "522301"])
    assert told == [("alert.opened", "522301", schools), ("alert.escalated", "522301", schools)]
