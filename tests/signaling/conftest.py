"""Fixtures of the control plane's tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.support.databases import POSTGRESQL, of_one_test

FOLDERS = {"tmp_path", "tmp_path_factory"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out on PostgreSQL what has no database there: a test's database lies in its folder, or in place of it."""
    if not POSTGRESQL:
        return
    here = config.rootpath / "tests" / "signaling"
    pure = [
        one for one in items if one.path.is_relative_to(here) and not FOLDERS & set(getattr(one, "fixturenames", ()))
    ]
    config.hook.pytest_deselected(items=pure)
    left_out = set(pure)
    items[:] = [one for one in items if one not in left_out]


@pytest.fixture(autouse=POSTGRESQL)
def own_databases() -> Iterator[None]:
    """Remove the databases that a test made on PostgreSQL."""
    with of_one_test():
        yield


@pytest.fixture
def own_logs() -> Iterator[None]:
    """Undo what a test did to the logs of the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
