"""The API against its own description: Schemathesis makes requests that fit it and requests that do not, a real server answers.

`known` gives real values of path parameters by their names, so that half of the requests reach something that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)


@schemathesis.serializer("application/sdp")
def _sdp(context: Any, value: Any) -> Any:
    """A session description is text (RFC 8866); what was generated for it goes out as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@dataclass
class Found:
    """What came out: requests, answers by their status, and what was wrong."""

    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def examine(
    url: str,
    cookies: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
    *,
    examples: int,
    leave_out: frozenset[tuple[str, str]] = frozenset(),
) -> Found:
    """Send `examples` requests that fit, and as many that do not, to every operation but those of (method, path) left out."""
    found = Found()
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()
        if (operation.method.upper(), operation.path) in leave_out:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _one(operation, mode, cookies, known, examples, found)
    return found


def _one(
    operation: Any,
    mode: GenerationMode,
    cookies: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
    examples: int,
    found: Found,
) -> None:
    try:
        cases = operation.as_strategy(generation_mode=mode)
    except schemathesis.errors.InvalidSchema as error:
        found.failures.append(f"{operation.label}: {error}")
        return

    @given(case=cases, data=st.data())
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if known.get(name) and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(list(known[name])))
        case.headers.pop("Authorization", None)  # a request that has it is not asked by its cookie
        response = case.call(headers={"Sec-Fetch-Site": "same-origin"}, cookies=dict(cookies), timeout=20)
        found.requests += 1
        found.statuses[response.status_code] = found.statuses.get(response.status_code, 0) + 1
        case.validate_response(response, checks=CHECKS)

    try:
        send()
    except schemathesis.errors.SchemathesisError as error:  # nothing of this kind can be generated
        if "Unsatisfiable" not in type(error).__name__:
            found.failures.append(f"{operation.label} ({mode.value}): {error}")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if "Unsatisfiable" in type(error).__name__ or "Skip" in type(error).__name__:
            return
        found.failures.append(f"{operation.label} ({mode.value}): {_told(error)}")


def _told(error: BaseException) -> str:
    return (str(getattr(error, "exceptions", "")) + str(error)).strip()[:1500]
