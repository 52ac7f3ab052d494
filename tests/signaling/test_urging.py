"""Urging: who is on the list of the missing, who may urge whom and how often, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from signaling.alerts.models import Notice
from signaling.alerts.urging import Choice, Missing, MissingSchool, is_connected, plan
from signaling.attendance.sheets_service import SheetsService
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.directory.models import School
from tests.signaling.test_alerts_watch import XINGREN, XINGYI, Desk, desk, schools_of
from tests.support.platform import NOON, PREFECTURE, Platform, platform
from tests.support.roll import ledger

MINUTE = timedelta(minutes=1)


def missing(code: str, *reasons: str, county: str = XINGYI, expected: int = 4) -> MissingSchool:
    classes = [Missing(f"{code}-{n}", f"五({n})班", "E1", "lost", reason, False) for n, reason in enumerate(reasons)]
    return MissingSchool(code, f"{code}小学", county, "兴义市", expected, classes)


# --- pure -------------------------------------------------------------------------------------------------------------


def test_a_choice_leaves_the_classes_that_are_missing_for_its_reasons() -> None:
    schools = [missing("a", "lost", "muted"), missing("b", "muted", county=XINGREN), missing("c", "hls")]
    assert [one.code for one in Choice().of(schools)] == ["a", "b", "c"]
    (only,) = Choice(reasons=("lost",)).of(schools)
    assert (only.code, [one.reason for one in only.classes], only.expected) == ("a", ["lost"], 4)
    assert [one.code for one in Choice(counties=(XINGREN,), reasons=("muted",)).of(schools)] == ["b"]
    assert [one.code for one in Choice(text="b小").of(schools)] == ["b"]
    assert schools[0].reasons == ["lost", "muted"]


def test_a_school_is_urged_again_after_the_pause_and_not_before() -> None:
    schools, pause = [missing("a", "lost"), missing("b", "lost"), missing("c", "lost", "absent")], 5 * MINUTE
    planned = plan(schools, {"a": NOON - 4 * MINUTE, "b": NOON - pause}, NOON, pause)
    assert ([one.code for one in planned.schools], [one.code for one in planned.recent]) == (["b", "c"], ["a"])
    assert (planned.classes, planned.reasons) == (3, {"lost": 2, "absent": 1})


def test_a_school_is_connected_when_nothing_of_what_it_was_urged_for_is_missing() -> None:
    assert is_connected(("lost",), None)
    assert is_connected(("lost",), missing("a", "hls"))
    assert not is_connected(("lost", "muted"), missing("a", "hls", "muted"))


# --- served -----------------------------------------------------------------------------------------------------------


class Stage:
    """A lecture that runs, missing two schools of one county unit and one of another."""

    def __init__(self, here: Platform, client: TestClient[Any, Any], lecture: str) -> None:
        self.here, self.client, self.lecture = here, client, lecture
        self.first, self.second = schools_of(here, XINGYI)[:2]
        self.far = schools_of(here, XINGREN)[0]
        self.roll = [
            self.of(self.first, "absent", "absent"),
            self.of(self.second, "lost", "hls"),
            self.of(self.far, "muted"),
        ]
        here.alerts.urging.roll = self._roll
        here.alerts.urging.state_of = lambda lecture_id: "live"

    async def _roll(self, lecture_id: str) -> list[MissingSchool]:
        return list(self.roll)

    def of(self, school: School, *reasons: str) -> MissingSchool:
        made = missing(school.code, *reasons, county=school.region_code)
        made.name = school.name
        return made

    async def desk(self, role: Role, node: str = PREFECTURE) -> Desk:
        return await desk(self.here, self.client, role, node)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def stage(here: Platform) -> AsyncIterator[Stage]:
    async with here.client() as client:
        lecturer = await here.person("lecturer", Role.LECTURER)
        yield Stage(here, client, await here.lecture(lecturer))


async def urge(by: Desk, lecture: str, **order: Any) -> tuple[int, Any]:
    status, document, _ = await by.call("POST", f"/lectures/{lecture}/urgings", order)
    return status, document


async def test_an_urging_is_shown_read_and_obeyed(stage: Stage) -> None:
    admin = await stage.desk(Role.PREFECTURE_ADMIN)
    school = await stage.desk(Role.SCHOOL_ADMIN, stage.first.code)
    path = f"/lectures/{stage.lecture}"
    _, preview, _ = await admin.call(
        "POST", f"{path}/urgings/preview", {"reasons": ["absent", "lost"], "note": "请开机"}
    )
    assert (preview["schools"], preview["classes"], preview["recent"], preview["messages"]) == (2, 3, 0, 0)
    assert preview["names"] == [stage.first.name, stage.second.name]
    assert "未收看：2 / 4 班" in preview["lines"]
    assert "留言：请开机" in preview["lines"]
    status, sent = await urge(admin, stage.lecture, reasons=["absent", "lost"], note="请开机")
    assert (status, sent["schools"], sent["classes"], sent["recent"]) == (201, 2, 3, 0)
    (told,) = await school.items("/urgings")
    assert (told["id"], told["missing"], told["expected"], told["note"], told["read_at"]) == (
        sent["id"],
        2,
        4,
        "请开机",
        None,
    )
    for kind in ("delivered", "read", "read"):
        answer = await stage.client.post(
            f"/api/v1/urgings/{sent['id']}/receipts", json={"kind": kind}, headers=school.headers
        )
        assert answer.status == 204
        stage.here.wall.now += MINUTE
    await stage.here.alerts.urging.follow()
    stage.roll[0] = stage.of(stage.first, "hls")
    await stage.here.alerts.urging.follow()
    rows = {row["school"]["code"]: row for row in await admin.items(f"{path}/urgings/{sent['id']}")}
    first, second = rows[stage.first.code], rows[stage.second.code]
    assert (first["read_by"], first["delivered_at"] < first["read_at"] < first["connected_at"]) == (
        school.user.name,
        True,
    )
    assert (second["delivered_at"], second["read_at"], second["connected_at"]) == (None, None, None)
    (summary,) = await admin.items(f"{path}/urgings")
    assert [summary[name] for name in ("schools", "classes", "delivered", "read", "connected")] == [2, 3, 1, 1, 1]
    assert (summary["name"], summary["reasons"]) == (admin.user.name, ["absent", "lost"])
    async with stage.here.db.reading() as session:
        actions = list(await session.scalars(select(AuditEntry.action).where(AuditEntry.subject == stage.lecture)))
    assert "lecture.urged" in actions


async def test_nobody_is_urged_twice_within_five_minutes_whoever_urges(stage: Stage) -> None:
    admin, county = await stage.desk(Role.PREFECTURE_ADMIN), await stage.desk(Role.COUNTY_ADMIN, XINGYI)
    status, sent = await urge(county, stage.lecture)
    assert (status, sent["schools"]) == (201, 2)  # its own alone
    assert (await urge(county, stage.lecture))[1]["code"] == "urged_already"
    status, sent = await urge(admin, stage.lecture)
    assert (status, sent["schools"], sent["recent"]) == (201, 1, 2)
    stage.here.wall.now += 5 * MINUTE
    status, sent = await urge(county, stage.lecture)
    assert (status, sent["schools"], sent["recent"]) == (201, 2, 0)
    stage.roll.clear()
    assert (await urge(admin, stage.lecture))[1]["code"] == "nobody_missing"
    stage.here.alerts.urging.state_of = lambda lecture_id: "ended"
    assert (await urge(admin, stage.lecture))[1]["code"] == "not_running"
    assert await (await stage.desk(Role.SCHOOL_ADMIN, stage.first.code)).items("/urgings") == []


async def test_who_sees_and_urges_whom(stage: Stage) -> None:
    county, far = await stage.desk(Role.COUNTY_ADMIN, XINGYI), await stage.desk(Role.COUNTY_ADMIN, XINGREN)
    school = await stage.desk(Role.SCHOOL_ADMIN, stage.first.code)
    other = await stage.desk(Role.SCHOOL_ADMIN, stage.far.code)
    auditor = await stage.desk(Role.AUDITOR)
    path = f"/lectures/{stage.lecture}"
    assert [one["school"]["code"] for one in await far.items(f"{path}/missing")] == [stage.far.code]
    assert [one["school"]["code"] for one in await school.items(f"{path}/missing")] == [stage.first.code]
    assert (await urge(school, stage.lecture))[0] == 403
    assert (await urge(auditor, stage.lecture))[0] == 403
    _, sent = await urge(county, stage.lecture)
    assert (await far.call("GET", f"{path}/urgings/{sent['id']}"))[0] == 404
    assert await far.items(f"{path}/urgings") == []
    receipt = f"/urgings/{sent['id']}/receipts"
    assert (await other.call("POST", receipt, {"kind": "read"}))[0] == 404
    assert (await school.call("POST", receipt, {"kind": "connected"}))[0] == 422
    called = f"{path}/missing/{stage.far.code}/contacted"
    assert (await county.call("POST", called, {}))[0] == 404


async def test_the_list_of_the_missing_has_reasons_contacts_and_calls(stage: Stage) -> None:
    admin = await stage.desk(Role.PREFECTURE_ADMIN)
    keeper = await stage.desk(Role.SCHOOL_ADMIN, stage.first.code)
    path = f"/lectures/{stage.lecture}/missing"
    _, whole, _ = await admin.call("GET", path)
    assert (whole["total"], whole["classes"]) == (3, 5)
    assert whole["reasons"] == {"absent": 2, "lost": 1, "hls": 1, "muted": 1}
    assert [(one["county"]["code"], one["schools"]) for one in whole["counties"]] == [(XINGYI, 2), (XINGREN, 1)]
    (lost,) = await admin.items(f"{path}?reason=lost")
    assert [made["reason"] for made in lost["items"]] == ["lost"]
    assert await admin.items(f"{path}?county={XINGREN}&reason=lost") == []
    answer = await stage.client.post(
        f"/api/v1{path}/{stage.first.code}/contacted", json={"note": "电话已通"}, headers=admin.headers
    )
    assert answer.status == 204
    (first,) = await admin.items(f"{path}?q={stage.first.code}")
    assert first["contacts"] == [keeper.user.name]
    assert (first["called_by"], first["called_at"] is not None, first["urged_at"]) == (admin.user.name, True, None)
    settings = stage.here.settings
    book = ledger(stage.here.db, stage.here.folder)
    sheets = SheetsService(stage.here.db, book, settings.attendance)
    contacts = await sheets.contacts(stage.lecture, [stage.first.code], NOON + MINUTE)
    assert contacts[stage.first.code].called_at == NOON


async def test_channels_of_school_county_and_prefecture_are_told(stage: Stage) -> None:
    admin = await stage.desk(Role.PREFECTURE_ADMIN)
    for node, rules in ((stage.first.code, ["urged"]), (XINGYI, ["urged", "absent"]), (PREFECTURE, ["absent"])):
        order = {"name": node, "kind": "webhook", "node": node, "rules": rules, "target": "https://93.184.216.34/x"}
        order["secret"] = "a-secret-of-a-hook"
        status, told, _ = await admin.call("POST", "/channels", order)
        assert status == 201, told
    _, preview, _ = await admin.call("POST", f"/lectures/{stage.lecture}/urgings/preview", {})
    assert preview["messages"] == 2
    await urge(admin, stage.lecture, note="请开机")
    async with stage.here.db.reading() as session:
        texts = list(await session.scalars(select(Notice.message).order_by(Notice.created_at, Notice.id)))
    assert len(texts) == 2
    assert any("未收看：2 / 4 班" in text for text in texts)
    assert any("已催办：2 校" in text for text in texts)
    assert all("请开机" in text and "讲座正在进行，请尽快接入" in text for text in texts)
