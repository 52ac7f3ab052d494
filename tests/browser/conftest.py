"""Servers, browsers, a studio and classrooms for tests of the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.server import Server, started


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running demo server with a data folder of its own."""
    with started(Server(tmp_path / "data")) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running demo server for all tests of a file that do not get into each other's way."""
    with started(Server(tmp_path_factory.mktemp("shared") / "data")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium_process() -> Iterator[Browser]:
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as made:
        yield made


@pytest.fixture
def browser(chromium_process: Browser) -> Iterator[Browser]:
    """A Chromium that the tests of a file share; what a test opened in it is closed after it. Not for files with async tests."""
    yield chromium_process
    for context in chromium_process.contexts:
        context.close()
