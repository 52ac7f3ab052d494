"""The numbers that the parts of a node count, under the names that `/metrics` gives them."""

from __future__ import annotations

from broadcaster.plane import MediaPlane
from signaling.library.space import Space
from signaling.live.service import LiveService
from signaling.operations.metrics import Histogram


def media(plane: MediaPlane) -> dict[str, object]:
    """Sessions by role, packets, queues; joins and drops as counters by kind and reason; how late and how long trains are."""
    numbers: dict[str, object] = {
        name: value for name, value in plane.metrics().items() if not name.startswith("joins_")
    }
    numbers |= {name: Histogram(bounds, counts) for name, (bounds, counts) in plane.histograms().items()}
    return numbers | {"joins_total": plane.joins, "drops_total": plane.drops.as_dict()}


def recordings(space: Space) -> dict[str, object]:
    """Room on the disk, recordings that are paused, uploads: what an alarm rests on. `low` and `full` are 0 or 1."""
    report = space.report()
    state = report.pop("state")
    return report | {"low": int(state != "ok"), "full": int(state == "full")}


def live(service: LiveService) -> dict[str, object]:
    """Whether facts are handled as fast as they come."""
    return {"congested": int(service.is_congested())}
