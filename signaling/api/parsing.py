"""Requests in, documents out: JSON bodies and queries checked by pydantic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from signaling.api.problems import Problem

Model = TypeVar("Model", bound=BaseModel)


async def body(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as `model`; raise 415, 400 `malformed_json` or 422 `invalid` with the fields that are wrong."""
    if request.content_type != "application/json":
        raise Problem(415, "not_json", "send application/json")
    raw = await request.read()
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _problem(error) from None


def query(request: web.Request, model: type[Model]) -> Model:
    """Return the query as `model`; raise 400 `bad_query` with the parameters that are wrong, twice there or unknown."""
    given = request.query
    twice = sorted({name for name in given if len(given.getall(name)) > 1})
    if twice:
        raise Problem(400, "bad_query", f"given twice: {', '.join(twice)}")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        wrong = _wrong(error)
        told = "; ".join(f"{item['field']}: {item['reason']}" for item in wrong)
        raise Problem(400, "bad_query", "the query has wrong parameters", told, errors=wrong) from None


def _problem(error: ValidationError) -> Problem:
    if any(item["type"] == "json_invalid" for item in error.errors(include_input=False)):
        return Problem(400, "malformed_json", "the body is not JSON")
    return Problem(422, "invalid", "the body has wrong fields", errors=_wrong(error))


def _wrong(error: ValidationError) -> list[dict[str, str]]:
    return [
        {"field": ".".join(str(part) for part in item["loc"]), "reason": item["type"]}
        for item in error.errors(include_url=False, include_input=False)
    ]


def reply(
    document: BaseModel | Mapping[str, Any] | list[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON response that no cache keeps."""
    plain = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    all_headers = {"Cache-Control": "no-store"} | dict(headers or {})
    return web.Response(text=text, status=status, content_type="application/json", headers=all_headers)
