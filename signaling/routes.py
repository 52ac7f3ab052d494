"""Every route of a node, domain by domain. A new domain adds its lines here; `signaling.app` makes the parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from signaling.attendance import api as attendance_api
from signaling.attendance import make_up_api
from signaling.auth import account_api, audit_api, people_api
from signaling.auth import api as auth_api
from signaling.coverage import sheet_api
from signaling.directory import api as directory_api
from signaling.directory import classes_api, import_api, tables_api, teachers_api, terms_api
from signaling.lectures import aims_api, plan_api
from signaling.lectures import api as lectures_api
from signaling.ledger import api as ledger_api
from signaling.library import api as library_api
from signaling.library import hls, recorder_api
from signaling.library import screens as library_screens
from signaling.library.passes import Passes
from signaling.lines import api as lines_api
from signaling.lines import probes_api
from signaling.live import api as live_api
from signaling.live import rehearsal_api, whep, whip
from signaling.presence import api as presence_api
from signaling.presence import headcount_api
from signaling.screens import api as screens_api
from signaling.screens import watch_api
from signaling.wall import api as wall_api

if TYPE_CHECKING:
    from signaling.app import Node


def routes(node: Node) -> Iterable[web.AbstractRouteDef]:
    """Yield the routes under `/api/v1`, `/whip`, `/whep` and `/hls`."""
    yield from auth_api.routes(node.auth)
    yield from account_api.routes(node.auth)
    yield from people_api.routes(node.auth, node.directory, node.people)
    yield from audit_api.routes(
        node.auth, node.directory, node.audit, node.settings.audit, node.settings.attendance.report_utc_offset_hours
    )
    yield from directory_api.routes(node.auth, node.directory, node.schools, node.today)
    yield from classes_api.routes(node.auth, node.directory, node.schools, node.today)
    yield from terms_api.routes(node.auth, node.directory, node.terms, node.today)
    yield from teachers_api.routes(node.auth, node.directory, node.teachers, node.today)
    place = tables_api.Place(node.today, node.settings.attendance.report_utc_offset_hours)
    at_once = node.settings.imports.exports_at_once
    yield from tables_api.routes(node.auth, node.directory, node.tables, at_once, place)
    services = (node.import_table, node.importing)
    yield from import_api.routes(node.auth, node.directory, node.imports, services, node.today)
    yield from screens_api.routes(node.auth, node.directory, node.screens, node.live.sessions.is_watching)
    yield from watch_api.routes(node.live, node.gate, node.sightings, node.presence)
    yield from presence_api.routes(node.presence, node.live.watching, node.gate)
    yield from headcount_api.routes(node.auth, node.access, node.directory, node.lectures, node.presence)
    yield from lines_api.routes(node.auth, node.directory, node.screens, node.lines, node.gate)
    yield from probes_api.routes(node.plane, node.settings.line_tests, node.settings.sdp)
    yield from lectures_api.routes(node.auth, node.access, node.documents, node.lectures, node.directory)
    yield from plan_api.routes(
        node.access, node.documents, node.plans, node.parts.entrances, node.directory, node.settings.lectures
    )
    yield from aims_api.routes(node.access, node.directory, node.today)
    yield from node.parts.routes(node.auth, node.access, node.directory, node.documents)
    yield from node.alerts.routes(node.auth, node.access, node.directory)
    yield from live_api.routes(node.live, node.access.guard, node.directory.scope)
    yield from wall_api.routes(node.wall, node.access)
    yield from rehearsal_api.routes(node.live, node.rehearsals, node.rehearsal_documents, node.access.guard)
    yield from whip.routes(node.live)
    yield from whep.routes(node.live)
    yield from _library(node)
    yield from node.coverage.routes(node.auth, node.directory, node.gate)
    yield from node.home.routes(node.auth, node.directory)
    yield from node.corrections.routes(node.auth, node.access, node.directory)
    yield from sheet_api.routes(
        node.auth, node.access, node.directory, node.coverage.coverage, node.attendance, node.roots
    )
    yield from ledger_api.routes(node.auth, node.roots)
    yield from attendance_api.routes(
        node.attendance, node.sheets, node.access, node.directory, node.settings.attendance
    )
    yield from make_up_api.routes(
        node.gate,
        node.library.released_lecture,
        node.attendance.reports.make_up,
        node.finished.place_of,
        node.presence.counting.open_late,
        node.attendance.clock,
    )


def _library(node: Node) -> Iterable[web.AbstractRouteDef]:
    passes = Passes(node.live.watch_token, node.settings.auth.watch_token_seconds)

    yield from library_api.routes(node.library, node.auth, node.access, passes)
    yield from library_screens.routes(node.library, node.gate, passes)
    yield from hls.routes(node.hls)
    yield from recorder_api.routes(node.space, node.auth)
