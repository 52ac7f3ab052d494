"""An invented board of evidence for pages: a prefecture of 1,675 schools and 15,600 classes, served in place of the server's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from playwright.sync_api import Page

COUNTIES: Final = ("兴义市", "兴仁市", "普安县", "晴隆县", "贞丰县", "望谟县", "册亨县", "安龙县", "义龙新区")
SIZES: Final = (412, 233, 176, 168, 170, 150, 132, 164, 70)
WAYS: Final = (
    (78, "receiving", "", "E3", "webrtc"),
    (4, "receiving", "hls", "E2", "hls"),
    (3, "receiving", "muted", "E2", "webrtc"),
    (2, "receiving", "hidden", "E2", "webrtc"),
    (1, "receiving", "sound_blocked", "E2", "webrtc"),
    (3, "connected", "undelivered", "E1", ""),
    (4, "lost", "lost", "E3", ""),
    (4, "none", "absent", "E0", ""),
    (1, "none", "unpaired", "E0", ""),
)


def invented(lecture: str, seed: int = 7) -> dict[str, Any]:
    """Return the board of a lecture that most schools receive."""
    rng = Random(seed)
    counties = [
        {"code": f"5223{n:02}", "name": name, "schools": list(_schools(rng, n, count))}
        for n, (name, count) in enumerate(zip(COUNTIES, SIZES, strict=True), 1)
    ]
    head = {"lecture_id": lecture, "boot_id": "boot", "revision": 1, "at": "2026-03-02T06:00:00Z", "levels_at": None}
    return head | {"state": "live", "totals": {}, "counties": counties}


def _schools(rng: Random, county: int, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        code = f"2152{county:02}{number:04}"
        alike = rng.choices((None, WAYS[0], WAYS[7], WAYS[6]), (40, 50, 6, 4))[0]
        classes = [_class(rng, f"{code}-{n}", n, alike) for n in range(1, 5 + rng.randrange(10))]
        yield {"code": code, "name": f"{COUNTIES[county - 1]}第{number + 1}小学", "classes": classes}


def _class(rng: Random, class_id: str, number: int, alike: Any) -> dict[str, Any]:
    _, state, reason, level, path = alike or rng.choices(WAYS, [way[0] for way in WAYS])[0]
    if state == "receiving" and level == "E3":
        level = rng.choices(("E2", "E3", "E4", "E5"), (5, 60, 20, 15))[0]
    line = {"level": level, "state": state, "reason": reason, "path": path, "forged": rng.random() < 0.0005}
    return {"id": class_id, "name": f"五（{number}）班"} | line


def serve(page: Page, document: dict[str, Any], status: int = 200) -> None:
    """Answer for the server what the page asks about the board."""
    page.unroute("**/evidence")
    body = json.dumps(document, ensure_ascii=False)
    kind = "application/json" if status == 200 else "application/problem+json"
    page.route("**/evidence", lambda route: route.fulfill(status=status, body=body, content_type=kind))
