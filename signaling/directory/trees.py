"""The tree of regions and schools as routes answer it, for whatever a caller wants of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Final

from signaling.api.problems import not_found
from signaling.directory.documents import FoundList, FoundNode, NodeDocument, NodeList, place_of
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService

FOUND: Final = 50
"""Nodes that a search returns at most."""


async def node_list(directory: DirectoryService, scope: Scope, parent: str | None, today: date) -> NodeList:
    """Return the children of a node, or the scope's tops without one; raise 404 for a node that is not in the scope."""
    known = None if parent is None else await directory.region_code(parent) or parent
    nodes = await directory.tree(scope, known, today)
    if nodes is None:
        raise not_found("node")
    return NodeList(items=[NodeDocument(**asdict(node)) for node in nodes])


async def found_list(directory: DirectoryService, scope: Scope, text: str, today: date) -> FoundList:
    """Return county units and schools of a scope by words, at most `FOUND`."""
    found = await directory.search(scope, text, today, FOUND)
    return FoundList(items=[FoundNode(**asdict(node), county=place_of(county)) for node, county in found])
