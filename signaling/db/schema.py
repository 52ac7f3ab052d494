"""The whole schema: importing this module registers every table in `Base.metadata`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from signaling.db.base import Base

DOMAINS = ("directory", "auth", "lectures", "live", "attendance", "library")

for _domain in DOMAINS:
    if find_spec(f"signaling.{_domain}.models") is not None:
        import_module(f"signaling.{_domain}.models")

metadata = Base.metadata
