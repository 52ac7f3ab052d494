"""Export 04: the classes that were not there or did not reach what the policy asks for, why, and whom to call. Pure.

1. **A reason is read off the evidence by the first rule that holds** (`RULES`); there is none before anything was on the air.
2. Recorded faults explain an absence. Who was there lost minutes to what took most of them, in the order of `LOSSES` when equal.
3. The reason says what the server can tell: a screen that was switched off before the end is a network that broke.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from signaling.attendance.policy import Policy, Result
from signaling.attendance.report import ClassRow, Report
from signaling.attendance.tables import Cell, Column, Kind, Table, label, local

MISSING: Final = frozenset({Result.ABSENT, Result.FAILED, Result.PARTIAL})
"""The results of the list: 未接入, 未达标, and 部分, which can be made up just as well."""
MINUTE_MS: Final = 60_000


class Why(StrEnum):
    """What kept a class from it; the names that people read are in `labels.toml`."""

    NOT_SCHEDULED = "not_scheduled"
    PLATFORM = "platform"
    NOT_ON = "not_on"
    LATE = "late"
    NETWORK = "network"
    SILENT = "silent"
    HIDDEN = "hidden"
    STILL = "still"
    UNREPORTED = "unreported"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a reason is read off. `lost` are milliseconds of on-air time by what took them; `unanswered`: the time would do, the checks do not."""

    joined: bool
    delivered: bool
    on_air: bool
    unanswered: bool
    causes: frozenset[str]
    lost: Mapping[Why, int]


LOSSES: Final = (Why.NETWORK, Why.SILENT, Why.HIDDEN, Why.STILL, Why.UNREPORTED, Why.LATE)
NO_LESSON: Final = frozenset({"exam", "disaster", "closed"})
RULES: Final[tuple[tuple[Why, Callable[[Signs], bool]], ...]] = (
    (Why.NOT_SCHEDULED, lambda signs: not signs.on_air),
    (Why.NOT_SCHEDULED, lambda signs: not signs.joined and bool(signs.causes & NO_LESSON)),
    (Why.PLATFORM, lambda signs: not signs.joined and "server" in signs.causes),
    (Why.NETWORK, lambda signs: not signs.joined and "network" in signs.causes),
    (Why.NOT_ON, lambda signs: not signs.joined),
    (Why.NETWORK, lambda signs: not signs.delivered),
    (Why.CHECKS, lambda signs: signs.unanswered),
)
"""Reason and when it holds, first match first; where none holds, the greatest loss is the reason, and a correction has none."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who keeps a school, and when somebody last said that they had called it about this lecture."""

    people: tuple[str, ...] = ()
    called_at: datetime | None = None


NOBODY: Final = Contact()

COLUMNS: Final = (
    Column("县（市、区）", Kind.TEXT, 14),
    Column("学校标识码", Kind.TEXT, 12),
    Column("学校", Kind.TEXT, 26),
    Column("班级代码", Kind.TEXT, 14),
    Column("班级", Kind.TEXT, 16),
    Column("结果", Kind.TEXT, 12),
    Column("原因", Kind.TEXT, 12),
    Column("联系人", Kind.TEXT, 20),
    Column("已联系", Kind.TEXT, 8),
    Column("联系时间", Kind.TEXT, 17),
    Column("补看截止", Kind.TEXT, 17),
    Column("说明", Kind.TEXT, 60),
)


def why(report: Report, row: ClassRow) -> Why | None:
    """Return why a class is on the list; None when it is not, or nothing was on the air yet."""
    if row.decision.result not in MISSING or not report.on_air_ms:
        return None
    return reason(signs(report, row))


def reason(signs: Signs) -> Why | None:
    """Return the reason by the rules, None when nothing was lost."""
    found = next((one for one, holds in RULES if holds(signs)), None)
    if found is not None:
        return found
    most = max(LOSSES, key=lambda one: signs.lost.get(one, 0))
    return most if signs.lost.get(most) else None


def signs(report: Report, row: ClassRow) -> Signs:
    """Return what is known of a class of a report."""
    decision, delivery, bits = row.decision, row.delivery, row.delivery.bits
    unwatched = bits.silent | bits.hidden | bits.still | bits.unreported
    lossy = bits.delivered & ~bits.counted & ~unwatched
    absent_ms = max(0, report.on_air_ms - delivery.delivered_ms)
    minutes = {
        Why.SILENT: bits.silent,
        Why.HIDDEN: bits.hidden,
        Why.STILL: bits.still,
        Why.UNREPORTED: bits.unreported,
    }
    return Signs(
        joined=row.presence.joined_at is not None or delivery.delivered_ms > 0,
        delivered=delivery.delivered_ms > 0,
        on_air=decision.on_air_ms > 0,
        unanswered=_unanswered(report.policy, row),
        causes=frozenset(decision.causes),
        lost={
            Why.NETWORK: delivery.interrupted_ms + lossy.bit_count() * MINUTE_MS,
            Why.LATE: max(0, absent_ms - delivery.interrupted_ms),
            **{one: found.bit_count() * MINUTE_MS for one, found in minutes.items()},
        },
    )


def _unanswered(policy: Policy, row: ClassRow) -> bool:
    decision = row.decision
    if policy.credit is None or decision.ratio is None or decision.ratio < policy.qualified_ratio:
        return False
    return not policy.credit.checks.passed(decision.asked, decision.passed)


def make_up_until(policy: Policy, ended_at: datetime | None) -> datetime | None:
    """Return when the time to make up is over; None while the lecture runs, or when nothing can be made up."""
    if policy.credit is None or ended_at is None:
        return None
    return ended_at + timedelta(days=policy.credit.make_up.days)


def missing_table(report: Report, contacts: Mapping[str, Contact], ended_at: datetime | None, zone: tzinfo) -> Table:
    """Return 04; `contacts` by school code."""
    counties = {row.region.code: row.region.name for row in report.counties}
    until = local(make_up_until(report.policy, ended_at), zone)
    rows = [
        _cells(report, row, counties, contacts.get(row.target.school_code, NOBODY), until, zone)
        for row in report.classes
        if row.decision.result in MISSING
    ]
    return Table("04", "未接入、未达标清单", COLUMNS, rows)


def _cells(
    report: Report, row: ClassRow, counties: Mapping[str, str], contact: Contact, until: str | None, zone: tzinfo
) -> tuple[Cell, ...]:
    target, decision = row.target, row.decision
    return (
        counties.get(target.region_code, target.region_code),
        target.school_code,
        target.school_name,
        target.code,
        target.name,
        decision.label,
        label("missing", why(report, row)),
        "、".join(contact.people) or None,
        "否" if contact.called_at is None else "是",
        local(contact.called_at, zone),
        until,
        decision.reason,
    )
