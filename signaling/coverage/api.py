"""`/api/v1/coverage`: a term as the caller's node sees it. A county sees its own, a school itself; nobody is ranked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.auth.identity import Permission
from signaling.coverage import documents as shown
from signaling.coverage.asking import Asked, Asking, level_below
from signaling.coverage.counting import SchoolCoverage
from signaling.coverage.service import CoverageService
from signaling.coverage.sums import add, cells_of


def routes(asking: Asking, service: CoverageService) -> list[web.RouteDef]:
    """Return the route."""
    return [web.get("/api/v1/coverage", CoverageApi(asking, service).term)]


class CoverageApi:
    """The handler."""

    def __init__(self, asking: Asking, service: CoverageService) -> None:
        self._asking = asking
        self._service = service

    @operation("Read the coverage of a term", query=shown.CoverageQuery, answer=shown.CoverageDocument)
    async def term(self, request: web.Request) -> web.Response:
        wanted = query(request, shown.CoverageQuery)
        asked = await self._asking.asked(request, Permission.ATTENDANCE_READ, wanted.term, wanted.node)
        level = level_below(asked.unit, wanted.level)
        terms = await self._service.codes()
        return reply(await asyncio.to_thread(document, asked, wanted, level, terms))


def document(asked: Asked, wanted: shown.CoverageQuery, level: str, terms: Sequence[str]) -> shown.CoverageDocument:
    """Return the answer."""
    counted, rules = asked.counted, asked.counted.rules
    schools = counted.seen(asked.scope)
    totals = add(one.totals for one in schools)
    single = schools[0] if asked.unit.level == "school" and schools else None
    span = counted.spans.get(schools[0].place.region_code if single else asked.unit.code)
    items, classes, total = _below(asked, schools, wanted, level)
    return shown.CoverageDocument.model_validate(
        {
            "term": counted.code,
            "terms": terms,
            "starts_on": None if span is None else span.starts_on,
            "ends_on": None if span is None else span.ends_on,
            "as_of": counted.as_of,
            "unit": asked.unit,
            "rules": shown.rules_document(rules),
            "cells": shown.cells_document(dict(single.cells) if single else cells_of(rules, totals)),
            "totals": shown.totals_document(totals),
            "four": shown.is_whole(totals),
            "notes": single.place.notes if single else (),
            "lectures": shown.lecture_documents(counted, schools),
            "level": level,
            "items": items,
            "classes": classes,
            "total": total,
            "page": wanted.page,
            "size": wanted.size,
        }
    )


def _below(
    asked: Asked, schools: Sequence[SchoolCoverage], wanted: shown.CoverageQuery, level: str
) -> tuple[list[Any], list[Any], int]:
    """Return units and classes of a page, and how many there are."""
    part = slice(wanted.offset, wanted.offset + wanted.size)
    if level == "class":
        every = [made for one in schools for made in one.classes]
        return [], [shown.class_document(made) for made in every[part]], len(every)
    if level == "county":
        units = [shown.county_document(asked.counted.rules, *one) for one in asked.counted.counties(asked.scope)]
        if wanted.lacks is not None:
            units = [one for one in units if shown.open_in(one.cells, wanted.lacks)]
        return units[part], [], len(units)
    lacking = [one for one in schools if wanted.lacks is None or shown.lacks(one, wanted.lacks)]
    return [shown.school_document(one) for one in lacking[part]], [], len(lacking)
