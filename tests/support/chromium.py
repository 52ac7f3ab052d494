"""Chromium as lecturers and classrooms use it, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns,CalculateNativeWinOcclusion",
)
# A studio is allowed to use camera, microphone and screen without the permission dialog that no test can click.
STUDIO_ARGUMENTS = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
)


def executable() -> str:
    """Return the path of an installed Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("Chromium is not installed: run `sh tests/tools.sh`")


@contextmanager
def chromium(*arguments: str, path: str = "") -> Iterator[Browser]:
    """Yield a headless browser process that ends with the block; `path` names another executable."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path or executable(), headless=True, args=[*ARGUMENTS, *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


def watch_errors(page: Page) -> list[str]:
    """Return a list that fills with what the page reports as wrong: exceptions, and violations of its security policy."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and "Content Security Policy" in message.text
            else None
        ),
    )
    return errors


def shot(page: Page, name: str, folder: Path | None = None) -> Path:
    """Save a screenshot under `var/screenshots` (or `folder`) and return its path."""
    target = (folder or Path("var/screenshots")) / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    return target
