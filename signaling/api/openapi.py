"""The OpenAPI 3.1 document, collected from the routes and the pydantic models of their bodies.

A handler says what it takes and gives by `@operation(...)`; a handler without it is listed by its docstring.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Handler = TypeVar("Handler", bound=Callable[..., Any])
PREFIX = "/api/v1"
ATTRIBUTE = "openapi_operation"
REFERENCE = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a handler takes and gives."""

    summary: str
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int


def operation(
    summary: str, *, body: type[BaseModel] | None = None, answer: type[BaseModel] | None = None, status: int = 200
) -> Callable[[Handler], Handler]:
    """Describe a handler for the document."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, ATTRIBUTE, Operation(summary, body, answer, status))
        return handler

    return mark


def document(routes: Iterable[web.AbstractRoute], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of the routes under `/api/v1`."""
    listed = [route for route in routes if _path(route).startswith(PREFIX) and route.method not in {"HEAD", "*"}]
    operations = [_operation(route.handler) for route in listed]
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for route, described in zip(listed, operations, strict=True):
        paths.setdefault(_template(_path(route)), {})[route.method.lower()] = _entry(route, described)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jiangtang", "version": version},
        "security": [{"login": []}, {"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas | {"Problem": PROBLEM},
            "securitySchemes": {
                "login": {"type": "apiKey", "in": "cookie", "name": "jt_login"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "code"],
}


def _path(route: web.AbstractRoute) -> str:
    return "" if route.resource is None else route.resource.canonical


def _template(path: str) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def _operation(handler: Any) -> Operation:
    marked = getattr(handler, ATTRIBUTE, None)
    if isinstance(marked, Operation):
        return marked
    text = getattr(handler, "__doc__", None) or getattr(handler, "__name__", "")
    lines = str(text).strip().splitlines()
    return Operation(lines[0] if lines else "", None, None, 200)


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    models = {model for item in operations for model in (item.body, item.answer) if model is not None}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=REFERENCE)
    return dict(definitions.get("$defs", {}))


def _entry(route: web.AbstractRoute, described: Operation) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)", _path(route))
    entry: dict[str, Any] = {
        "summary": described.summary,
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names],
        "responses": {
            str(described.status): {"description": "success"} | _content(described.answer, "application/json"),
            "default": {
                "description": "problem",
                "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
            },
        },
    }
    if described.body is not None:
        entry["requestBody"] = {"required": True} | _content(described.body, "application/json")
    return entry


def _content(model: type[BaseModel] | None, media_type: str) -> dict[str, Any]:
    if model is None:
        return {}
    return {"content": {media_type: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}}
