"""The API against its own description: Schemathesis makes requests that fit it and requests that do not, a real server answers.

`known` gives real values of path parameters by their names, so that half of the requests reach something that is there.
"""

from __future__ import annotations

from collections import Counter
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


CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]

PROMISED = {501, 503}  # what is not there yet, and what is busy


@dataclass
class Found:
    """What came out: requests and answers by their status for each who asked, and what was wrong."""

    statuses: dict[str, Counter[int]]
    failures: list[str] = field(default_factory=list)


def examine(
    url: str,
    askers: Mapping[str, Mapping[str, str]],
    known: Mapping[str, Sequence[str]],
    *,
    examples: int,
    leave_out: frozenset[tuple[str, str]] = frozenset(),
) -> Found:
    """Send `examples` requests that fit, and as many that do not, to every operation but those of (method, path) left out.

    Each request is sent as each of the askers, whose cookies are given: making it takes longer than the answer.
    """
    found = Found({name: Counter() for name in askers})
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()
        if (operation.method.upper(), operation.path) in leave_out:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _one(operation, mode, askers, known, examples, found)
    return found


def _one(
    operation: Any,
    mode: GenerationMode,
    askers: Mapping[str, Mapping[str, str]],
    known: Mapping[str, Sequence[str]],
    examples: int,
    found: Found,
) -> None:
    try:
        cases = operation.as_strategy(generation_mode=mode)
    except schemathesis.errors.InvalidSchema as error:
        found.failures.append(f"{operation.label}: {error}")
        return
    asking = ""

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
        nonlocal asking
        for name in case.path_parameters or {}:
            if known.get(name) and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(list(known[name])))
        case.headers.pop("Authorization", None)  # a request that has it is not asked by its cookie
        for asking, cookies in askers.items():
            response = case.call(headers={"Sec-Fetch-Site": "same-origin"}, cookies=dict(cookies), timeout=20)
            found.statuses[asking][response.status_code] += 1
            faults = [] if response.status_code in PROMISED else [not_a_server_error]
            case.validate_response(response, checks=[*faults, *CHECKS])

    try:
        send()
    except schemathesis.errors.SchemathesisError as error:  # nothing of this kind can be generated
        if "Unsatisfiable" not in type(error).__name__:
            found.failures.append(f"{operation.label} ({mode.value}) as {asking}: {error}")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if "Unsatisfiable" in type(error).__name__ or "Skip" in type(error).__name__:
            return
        found.failures.append(f"{operation.label} ({mode.value}) as {asking}: {_told(error)}")


def _told(error: BaseException) -> str:
    return (str(getattr(error, "exceptions", "")) + str(error)).strip()[:1500]
