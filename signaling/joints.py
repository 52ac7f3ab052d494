"""Who is told what: the parts of a node tell each other through the callables that are set here, and are measured.

No part imports the one that it tells; a new part finds here what it can hear of.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from signaling.library.events import RecordingListed
from signaling.library.space import Uploads
from signaling.live.feed import Grouped
from signaling.operations import readings

if TYPE_CHECKING:
    from signaling.app import Node


def join(node: Node) -> None:
    """Join the parts that were made one by one."""
    node.lectures.state_of = node.live.state
    node.lectures.arrivals = node.arrivals.of_class
    node.screens.revoked = node.live.bar_screen
    node.people.logins_ended = node.realtime.drop_person
    node.live.document = node.documents.of
    node.live.recording_space = node.space.for_another
    node.live.broadcasts.bar = node.library.bar
    node.live.watching.is_recorded = node.library.is_recorded
    node.live.audience.hls = lambda lecture_id: node.deliveries.ages(lecture_id, time.monotonic())
    node.live.listeners += [Grouped(node.attendance.handle_all), node.library.handle, node.presence.handle]
    node.live.listeners.append(node.home.keeper.handle)
    node.wall.watched = node.realtime.peers.boards
    node.wall.push = node.realtime.pushes.evidence
    node.presence.checking.push = node.realtime.pushes.challenge
    node.alerts.watch.state_of = node.live.state
    node.alerts.watch.has_studio = lambda lecture_id: node.live.audience.publisher(lecture_id) is not None
    node.alerts.watch.disk = lambda: str(node.space.report()["state"])
    node.alerts.watch.uploads_failed = lambda: node.space.uploads().failed
    node.alerts.watch.ledger = lambda: node.ledger.ledger.state
    node.alerts.watch.damaged = lambda: bool(node.watchman.damaged)
    node.alerts.urging.roll = node.wall.missing
    node.alerts.urging.state_of = node.live.state
    node.alerts.calls.present = node.live.audience.schools
    node.home.state_of = node.live.state
    node.hls.at_home = node.home.sent
    node.coverage.reports.suspicions = node.home.links.suspicions
    node.library.locate = node.vault.locate
    node.sheets.others["10"] = node.corrections.records.table
    _join_store(node)


def _join_store(node: Node) -> None:
    """What is ready goes to the object store, where there is one."""
    uploader = node.vault.uploader

    async def listed(event: RecordingListed) -> None:
        if event.state == "ready":
            node.vault.wake()

    node.library.listeners.append(listed)
    if uploader is not None:
        uploader.on_stored = node.library.stored
        node.space.uploads = lambda: Uploads(uploader.waiting, uploader.failing)


def measure(node: Node) -> None:
    """Hand every part's readings to `/metrics`."""
    node.metrics.add("store", node.vault.metrics)
    node.metrics.add("media", lambda: readings.media(node.plane))
    node.metrics.add("recorder", node.recorder.metrics)
    node.metrics.add("recordings", lambda: readings.recordings(node.space))
    node.metrics.add("hls", node.hls.metrics)
    node.metrics.add("ledger", node.ledger.ledger.metrics)
    node.metrics.add("ledger_chain", node.watchman.metrics)
    node.metrics.add("presence", node.presence.metrics)
    node.metrics.add("wall", node.wall.metrics)
    node.metrics.add("home", node.home.metrics)
    node.metrics.add("alerts", node.alerts.metrics)
    node.metrics.add("live", lambda: readings.live(node.live))
