"""Regions, scopes and screens in a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.regions import load_regions
from signaling.auth import opaque
from tests.support.platform import PREFECTURE, Platform, platform


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


async def test_loading_the_regions_again_renames_and_adds_but_never_deletes(node: Platform) -> None:
    regions = load_regions()
    renamed = regions[1].model_copy(update={"name": "新名市"})
    await node.directory.load_regions([regions[0], renamed])
    stored = {region.code: region.name for region in await node.directory.regions()}
    assert stored["522301"] == "新名市"
    assert len(stored) == 11


@pytest.mark.parametrize(
    ("node_code", "own", "foreign"),
    [(PREFECTURE, True, True), ("522301", True, False), ("{school}", True, False), ("999999", False, False)],
)
async def test_a_node_covers_what_is_below_it(node: Platform, node_code: str, own: bool, foreign: bool) -> None:
    first, second = node.schools[0], node.schools[1]
    scope = await node.directory.scope(node_code.format(school=first.code))
    assert scope.includes(first.region_code, first.code) is own
    assert scope.includes(second.region_code, second.code) is foreign


async def test_a_screen_is_known_by_its_own_device_token_alone(node: Platform) -> None:
    token, other = opaque.mint(opaque.DEVICE_TOKEN), opaque.mint(opaque.DEVICE_TOKEN)
    screen_id = await node.directory.add_screen(node.classes[0].id, 1, token)
    second_id = await node.directory.add_screen(node.classes[1].id, 1, other)
    info = await node.directory.screen_by_device(screen_id, token)
    assert info is not None
    assert (info.class_id, info.school_code, info.county_code) == (
        node.classes[0].id,
        node.schools[0].code,
        node.schools[0].region_code,
    )
    for screen, secret in ((screen_id, other), (second_id, token), ("nobody", token), (screen_id, "")):
        assert await node.directory.screen_by_device(screen, secret) is None


async def test_a_revoked_screen_is_nobody(node: Platform) -> None:
    token = opaque.mint(opaque.DEVICE_TOKEN)
    screen_id = await node.directory.add_screen(node.classes[0].id, 1, token)
    await node.directory.revoke_screen(screen_id)
    assert await node.directory.screen_by_device(screen_id, token) is None
    assert await node.directory.screen(screen_id) is None
