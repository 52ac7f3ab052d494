"""Class screens whose network lets no UDP through, and what their pictures show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.chromium import ARGUMENTS, executable
from tests.support.counter import DECODER_JS

# Chromium then sends media by TCP proxies alone, of which there are none: offers and answers pass, datagrams do not.
NO_UDP = (
    "--force-webrtc-ip-handling-policy",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)

LIVE = "backup"
REWOUND = "player-video"

READ = f"""testid => {{
    const video = document.querySelector(`[data-testid=${{testid}}]`);
    if (!video || video.readyState < 2 || video.videoWidth === 0) return null;
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 180;
    const context = canvas.getContext('2d', {{ alpha: false }});
    context.drawImage(video, 0, 0, 320, 180);
    return ({DECODER_JS})(context.getImageData(0, 0, 320, 180).data, 320, 180);
}}"""


@contextmanager
def beside(browser: Browser, *arguments: str) -> Iterator[Browser]:
    """Yield another browser process with arguments of its own."""
    second = browser.browser_type.launch(executable_path=executable(), headless=True, args=[*ARGUMENTS, *arguments])
    try:
        yield second
    finally:
        second.close()


def counter_when(page: Page, testid: str, wanted: str, floor: int, milliseconds: float) -> int:
    """Wait until the counter drawn into a video's picture fulfils a JavaScript condition on `counter` and `floor`; return it."""
    script = f"""floor => {{
        const counter = ({READ})('{testid}');
        return counter !== null && ({wanted}) ? counter + 1 : false;
    }}"""
    handle = page.wait_for_function(script, arg=floor, timeout=milliseconds)
    return int(handle.json_value()) - 1


def beyond(page: Page, testid: str, floor: int, milliseconds: float = 10_000) -> int:
    """Wait for a picture that was drawn after the `floor`-th; return its number."""
    return counter_when(page, testid, "counter > floor", floor, milliseconds)


def before(page: Page, testid: str, ceiling: int, milliseconds: float = 10_000) -> int:
    """Wait for a picture that was drawn before the `ceiling`-th; return its number."""
    return counter_when(page, testid, "counter < floor", ceiling, milliseconds)


def until_path(page: Page, path: str, milliseconds: float) -> None:
    """Wait for the path that the page says its picture takes: webrtc, hls or rewind."""
    page.wait_for_function("path => document.documentElement.dataset.path === path", arg=path, timeout=milliseconds)


def remains(page: Page) -> dict[str, Any]:
    """Return what is left of the picture: sources of the video elements, and the size of the frame that was kept."""
    remaining: dict[str, Any] = page.evaluate(
        """() => ({
            sources: [...document.querySelectorAll('video')].filter(v => v.srcObject || v.hasAttribute('src')).length,
            sizes: [...document.querySelectorAll('video')].map(v => v.videoWidth).filter(w => w > 0),
            still: document.getElementById('still').width,
        })"""
    )
    return remaining


def blanked_at(page: Page) -> float:
    """Return the seconds since 1970 at which the page first left the state it was in at `note_states`."""
    return float(page.evaluate("window.stateChanges[0][1]")) / 1000
