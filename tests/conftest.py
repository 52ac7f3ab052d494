"""What all tests have in common: how many examples a property gets, and which files begin first."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# JIANGTANG_EXAMPLES=1000 for a longer look. A busy machine is no fault of a property, so none is held to a clock.
settings.register_profile("tests", deadline=None, max_examples=int(os.environ.get("JIANGTANG_EXAMPLES", "100")))
settings.load_profile("tests")

# Workers take whole files: a long one that comes last would keep one of them busy while the others wait.
LONG = (
    "tests/signaling/test_api_contract.py",
    "tests/broadcaster/test_native_sanitized.py",
    "tests/fuzz/test_fuzz_native.py",
    "tests/signaling/test_rights.py",
    "tests/recorder/test_lip_sync_hour.py",
    "tests/recorder/test_playlist.py",
    "tests/fuzz/test_fuzz_twins.py",
    "tests/recorder/test_lip_sync.py",
    "tests/recorder/test_loss_matrix.py",
    "tests/browser/test_pages.py",
    "tests/signaling/test_whip_conformance.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long files first; run with `--no-loadscope-reorder`, which keeps that order."""
    places = {config.rootpath / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))
