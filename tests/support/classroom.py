"""People before browsers: a lecturer with a synthetic camera, and classroom screens whose pictures are noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.chromium import watch_errors
from tests.support.counter import DECODER_JS

SCRIPTS = Path(__file__).parents[1] / "browser"
LECTURE_SECONDS = 30_000.0  # milliseconds that a page may take to reach a state


class Studio:
    """The studio page of a lecture, with the synthetic lecturer unless told otherwise; `code` draws the counter."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        synthetic: bool = True,
        fps: int = 15,
        code: bool = True,
        **context: Any,
    ) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="zh-CN", **context
        )
        if synthetic:
            script = (SCRIPTS / "synthetic.js").read_text("utf-8")
            script = script.replace("/*FPS*/ 15", str(fps)).replace("/*CODE*/ true", str(code).lower())
            self.context.add_init_script(script)
        self.page: Page = self.context.new_page()
        self.errors = watch_errors(self.page)
        self.page.goto(url)

    def prepare(self) -> None:
        """Press the one permission button and wait until the lecture may begin."""
        self.page.get_by_test_id("prepare").click()
        self.page.wait_for_selector("[data-testid=start]:not([disabled])", timeout=LECTURE_SECONDS)

    def start(self) -> None:
        """Go on the air."""
        self.page.get_by_test_id("start").click()
        self.page.get_by_test_id("pause").wait_for(timeout=LECTURE_SECONDS)

    def drawn(self) -> list[tuple[int, float, float]]:
        """Return (counter, seconds of the sound clock, milliseconds since 1970) of every picture drawn."""
        return [tuple(entry) for entry in self.page.evaluate("window.syntheticLecturer.drawn")]

    def end(self) -> None:
        """End the lecture, with confirmation."""
        self.page.get_by_test_id("end").click()
        self.page.get_by_test_id("end-confirm").click()
        self.page.get_by_test_id("ended").wait_for(timeout=LECTURE_SECONDS)


class Classroom:
    """A classroom screen."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        watch: bool = True,
        network: Callable[[BrowserContext], None] | None = None,
        **context: Any,
    ) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1024, "height": 768}, locale="zh-CN", **context
        )
        if network is not None:
            network(self.context)
        self.page: Page = self.context.new_page()
        self.errors = watch_errors(self.page)
        self.url = url
        self.page.goto(url)
        if watch:
            self.watch()

    def watch(self) -> None:
        """Begin to note what the video shows."""
        watcher = (SCRIPTS / "watcher.js").read_text("utf-8").split("\n", 1)[1]
        self.page.evaluate(f"({watcher})({DECODER_JS})")

    def enter(self) -> None:
        """Press 进入课堂, unless the browser let the lecture begin with sound by itself."""
        enter = self.page.get_by_test_id("enter")
        self.page.wait_for_function(
            "() => document.documentElement.dataset.state === 'live' || !document.getElementById('enter').hidden",
            timeout=LECTURE_SECONDS,
        )
        if enter.is_visible():
            enter.click()

    def until(self, state: str, milliseconds: float = LECTURE_SECONDS) -> None:
        """Wait for the state that the page shows."""
        self.page.wait_for_function(
            "state => document.documentElement.dataset.state === state", arg=state, timeout=milliseconds
        )

    def seen(self) -> list[tuple[int | None, float, int]]:
        """Return (counter or None, milliseconds since 1970, RTP timestamp) of every picture shown."""
        return [tuple(entry[:3]) for entry in self.page.evaluate("window.watcher.seen")]

    def presented(self) -> list[int]:
        """Return how many pictures the browser had presented at each of those, its own count: a busy page sees fewer."""
        return [entry[3] for entry in self.page.evaluate("window.watcher.seen")]

    def until_seen(self, count: int, milliseconds: float = LECTURE_SECONDS) -> None:
        """Wait until at least `count` pictures with a readable counter were shown."""
        self.page.wait_for_function(
            "count => window.watcher.seen.filter(entry => entry[0] !== null).length >= count",
            arg=count,
            timeout=milliseconds,
        )


def note_states(page: Page) -> None:
    """Begin to note when the page changes its state, in milliseconds since 1970."""
    page.evaluate(
        """() => {
            const root = document.documentElement, changes = window.stateChanges = [];
            const note = () => changes.push([root.dataset.state, Date.now()]);
            new MutationObserver(note).observe(root, { attributes: true, attributeFilter: ['data-state'] });
        }"""
    )


def changed_at(page: Page, state: str) -> float:
    """Return the seconds since 1970 at which the page first came to `state` after `note_states`."""
    changes = page.evaluate("window.stateChanges")
    return float(next(at for name, at in changes if name == state)) / 1000


def without_sockets(context: BrowserContext) -> None:
    """Block Socket.IO altogether, as some school networks do by accident."""
    context.route("**/socket.io/**", lambda route: route.abort())


def without_websocket(context: BrowserContext) -> None:
    """Leave long polling only."""
    context.add_init_script("window.WebSocket = class { constructor() { throw new Error('blocked'); } };")
