"""Class screens in browsers: paired with a key of their own, on the wall during a lecture, some of them made to lie."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.classroom import LECTURE_SECONDS, SCRIPTS
from tests.support.look import overflow
from tests.support.server import Server
from tests.support.witness import claims

UNREACHED = """
const answer = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  return answer.call(this, { type, sdp: sdp.replace(/a=candidate[^\\r\\n]*[\\r\\n]+/g, '') });
};
"""
"""A network that lets offers and answers pass, and no media."""


def shown_code(page: Page) -> str:
    """Wait for the six digits and return them."""
    page.wait_for_function("() => /^[0-9]{3} [0-9]{3}$/.test(document.querySelector('[data-testid=code]').textContent)")
    return str(page.text_content("[data-testid=code]")).replace(" ", "")


def pair(
    server: Server, context: BrowserContext, demo: dict[str, Any], school: str = ""
) -> tuple[Page, dict[str, Any]]:
    """Pair a browser that can make a key with the last class of a school; return its class screen and the screen's document."""
    page = context.new_page()
    page.goto(f"{server.url}/pair")
    code = shown_code(page)
    token, school = demo["api_token"], school or demo["screens"][0]["school_code"]
    _, waiting = server.call("POST", "/api/v1/pairings/lookup", token, {"code": code})
    _, classes = server.call("GET", f"/api/v1/classes?school={school}", token)
    order = {"code": code, "class_id": classes["items"][-1]["id"]}
    status, screen = server.call("POST", f"/api/v1/pairings/{waiting['id']}/confirm", token, order)
    assert status == 200
    page.wait_for_url(f"**/class/{screen['id']}", timeout=LECTURE_SECONDS)
    return page, screen


def answer_check(page: Page, *, right: bool) -> None:
    """Wait for the presence check and touch a tile."""
    page.wait_for_selector("#check:not([hidden])", timeout=90_000)
    digit = page.inner_text(".check-text").removeprefix("请点击 ")
    tiles = {tile.inner_text(): tile for tile in page.query_selector_all("[data-testid=tile]")}
    assert len(tiles) == 4
    assert digit in tiles
    smallest = page.evaluate(
        "() => Math.min(...[...document.querySelectorAll('.tile')].map(b => Math.min(b.offsetWidth, b.offsetHeight)))"
    )
    assert smallest >= 200
    assert overflow(page) == []
    tiles[digit if right else next(one for one in tiles if one != digit)].click()
    page.wait_for_selector("#check[data-thanks]", timeout=10_000)
    assert page.evaluate("() => document.documentElement.dataset.state") == "live", "the lecture goes on"


def unreached(context: BrowserContext) -> None:
    """Keep all media from a browser, by either way."""
    context.add_init_script(UNREACHED)
    context.route("**/hls/**", lambda route: route.abort())


FALSE_CLOCK = """
(() => {
  const True = Date;
  let wrong = /*HOURS*/ 0 * 3_600_000;
  window.setClock = (hours) => (wrong = hours * 3_600_000);
  window.Date = class extends True {
    constructor(...words) {
      super(...(words.length === 0 ? [True.now() + wrong] : words));
    }
    static now() {
      return True.now() + wrong;
    }
  };
})();
"""
"""A machine whose clock is wrong by some hours, and by others after `setClock`; what measures spans goes on as it did."""


def false_clock(context: BrowserContext, hours: float) -> None:
    """Set the clock of all pages of a browser so far ahead."""
    context.add_init_script(FALSE_CLOCK.replace("/*HOURS*/ 0", str(hours)))


@dataclass
class Room:
    """A paired class screen in a browser of its own."""

    server: Server
    context: BrowserContext
    page: Page
    screen: dict[str, Any]
    told: dict[str, Any] = field(default_factory=dict)

    def until_live(self) -> None:
        """Wait until the lecture is seen."""
        self.page.locator("html[data-state=live]").wait_for(state="attached", timeout=LECTURE_SECONDS)

    def leave(self) -> None:
        """Close the page."""
        self.page.close()

    def come_back(self) -> None:
        """Open the page again."""
        self.page = self.context.new_page()
        self.page.goto(f"{self.server.url}/class/{self.screen['id']}")

    def set_clock(self, hours: float) -> None:
        """Set a `false_clock` to another time while the page runs."""
        self.page.evaluate("hours => window.setClock(hours)", hours)
        assert abs(self.page.evaluate("() => Date.now()") / 1000 - time.time() - 3600 * hours) < 60

    def mute(self) -> None:
        """Turn the sound off at the element, as a browser's menu does."""
        self.page.evaluate("() => document.querySelectorAll('video').forEach(video => (video.muted = true))")
        self.page.locator("html[data-sound=muted]").wait_for(state="attached", timeout=LECTURE_SECONDS)

    def confirm_one_missing(self) -> None:
        """Count heads on the slate that comes up after the end."""
        self.page.get_by_test_id("count").wait_for(state="visible", timeout=LECTURE_SECONDS)
        self.page.get_by_test_id("count-present-less").click()
        self.page.get_by_test_id("count-confirm").click()
        self.page.locator("#count[data-at=thanks]").wait_for(state="visible", timeout=LECTURE_SECONDS)

    def sit(self) -> None:
        """Take nonce and token of a new page; its own reports are held back."""
        self.context.route("**/reports", lambda route: route.abort())
        with self.page.expect_response(lambda one: one.url.endswith("/watch") and one.ok) as answer:
            self.page.reload()
        self.told = answer.value.json()
        assert self.told["reporting"]["signed"], "the screen has a key"

    def letter(self, minute: int, **changes: Any) -> str:
        """Sign, with the screen's own key, that a minute was seen and heard; `changes` are what is said otherwise."""
        said = {name: self.told["reporting"][name] for name in ("nonce", "counter", "broadcast_id")}
        script = (SCRIPTS / "forger.js").read_text("utf-8").split("\n", 1)[1].rstrip().rstrip(";")
        return str(self.page.evaluate(script, [self.screen["id"], claims(**said, minute=minute) | changes]))

    def send(self, letter: str, *, again: bool = False) -> tuple[int, Any]:
        """Send a report as this screen; return status and document. What was accepted brings the next nonce."""
        path = f"/api/v1/screens/{self.screen['id']}/reports"
        status, answer = self.server.call(
            "POST", path, self.told["token"], {"report": letter, "again": again}, page=True
        )
        if status == 200:
            self.told["reporting"] |= {name: answer[name] for name in ("nonce", "counter")}
        return status, answer

    def forge(self, minute: int) -> None:
        """Claim that a whole minute was seen and heard."""
        status, answer = self.send(self.letter(minute))
        assert status == 200, answer
        assert answer["accepted_ms"] > 0, "the server believes the signature, but not that it proves delivery"
