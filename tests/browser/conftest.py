"""A server, a studio and classrooms for tests of the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running demo server with a data folder of its own."""
    made = Server(tmp_path / "data")
    try:
        made.start()
        yield made
    finally:
        made.close()
