"""The OpenAPI 3.1 document, collected from the routes and the pydantic models of their bodies.

A handler says what it takes and gives by `@operation(...)`; a handler without it is listed by its docstring.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

Handler = TypeVar("Handler", bound=Callable[..., Any])
PREFIX = "/api/v1"
ATTRIBUTE = "openapi_operation"
REFERENCE = "#/components/schemas/{model}"
JSON, PROBLEM_JSON = "application/json", "application/problem+json"
_READ: Final = "validation"
_WRITTEN: Final = "serialization"
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "the ETag of the document that is edited",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a handler takes and gives."""

    summary: str
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    query: type[BaseModel] | None = None
    media_type: str = JSON
    takes: str = JSON
    if_match: bool = False
    public: bool = False
    optional: bool = False


def operation(
    summary: str,
    *,
    body: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    query: type[BaseModel] | None = None,
    media_type: str = JSON,
    takes: str = JSON,
    if_match: bool = False,
    public: bool = False,
    optional: bool = False,
) -> Callable[[Handler], Handler]:
    """Describe a handler for the document.

    `query` names the parameters of the query; `media_type` is what a successful answer carries and `takes` what the body is, when
    neither is JSON; `if_match` says that an edit must send the ETag; `public` that it works without a login, `optional`
    that the body may be left out.
    """

    def mark(handler: Handler) -> Handler:
        described = Operation(summary, body, answer, status, query, media_type, takes, if_match, public, optional)
        setattr(handler, ATTRIBUTE, described)
        return handler

    return mark


def document(routes: Iterable[web.AbstractRoute], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of the routes under `/api/v1`."""
    listed = [route for route in routes if _path(route).startswith(PREFIX) and route.method not in {"HEAD", "*"}]
    operations = [_operation(route.handler) for route in listed]
    references, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for route, described in zip(listed, operations, strict=True):
        paths.setdefault(_template(_path(route)), {})[route.method.lower()] = _entry(route, described, references)
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


References = Mapping[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[References, dict[str, Any]]:
    """Return how each model is referred to, and the definitions; a body is described as it is read, an answer as it is written."""
    pairs: set[tuple[type[BaseModel], JsonSchemaMode]] = set()
    for item in operations:
        if item.body is not None:
            pairs.add((item.body, _READ))
        if item.answer is not None:
            pairs.add((item.answer, _WRITTEN))
    ordered = sorted(pairs, key=lambda pair: (pair[0].__name__, pair[1]))
    references, definitions = models_json_schema(ordered, ref_template=REFERENCE)
    return cast(References, references), dict(definitions.get("$defs", {}))


def _entry(route: web.AbstractRoute, described: Operation, references: References) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)", _path(route))
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    success: dict[str, Any] = {"description": "success"}
    if described.answer is not None:
        success |= _content(references[described.answer, _WRITTEN], described.media_type)
    elif described.media_type != JSON:
        success |= _content({"type": "string"}, described.media_type)
    entry: dict[str, Any] = {
        "summary": described.summary,
        "parameters": path + _query(described.query) + ([IF_MATCH] if described.if_match else []),
        "responses": {
            str(described.status): success,
            "default": {"description": "problem"} | _content({"$ref": REFERENCE.format(model="Problem")}, PROBLEM_JSON),
        },
    }
    if described.body is not None:
        entry["requestBody"] = {"required": not described.optional} | _content(
            references[described.body, _READ], described.takes
        )
    elif described.takes != JSON:
        entry["requestBody"] = {"required": True} | _content({"type": "string", "format": "binary"}, described.takes)
    if described.public:
        entry["security"] = []
    return entry


def _query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    required = set(schema.get("required", []))
    shared = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inlined(one, shared)}
        for name, one in schema["properties"].items()
    ]


def _inlined(schema: Any, shared: Mapping[str, Any]) -> Any:
    """Return the schema with its references replaced by what they stand for."""
    if isinstance(schema, list):
        return [_inlined(one, shared) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(shared[schema["$ref"].rsplit("/", 1)[1]], shared)
    return {name: _inlined(one, shared) for name, one in schema.items()}


def _content(schema: Mapping[str, Any], media_type: str) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}}
