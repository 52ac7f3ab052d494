"""Asks every route of a node as somebody, about each of the four places of `rights_scene`, and writes down what came out."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp.test_utils import TestClient

from signaling.app import Node
from signaling.auth.identity import Role
from tests.support.platform import SAME_ORIGIN
from tests.support.rights_scene import PLACES, Sample, Scene, scene

ROLES: Final = (*(role.value for role in Role), "screen", "nobody")

SERVED, EMPTY = "✓", "∅"
REFUSED: Final = {401: "⊘", 403: "✗", 404: "·"}
UNKNOWN: Final = frozenset({"unknown_county", "unknown_node", "bad_successor", "no_lecturer"})


@dataclass
class Answer:
    """What came back."""

    status: int
    raw: bytes

    @property
    def text(self) -> str:
        """The body as far as it is text."""
        return self.raw.decode(errors="replace")

    def tells(self, marks: Iterable[str]) -> bool:
        """Whether one of the marks is in the body, in either of the encodings that files have."""
        return any(mark.encode(name) in self.raw for mark in marks for name in ("utf-8", "gb18030"))

    @property
    def is_list(self) -> bool:
        """Whether it is a list of items."""
        try:
            document = json.loads(self.text)
        except ValueError:
            return False
        return isinstance(document, list) or (isinstance(document, dict) and "items" in document)

    @property
    def code(self) -> str:
        """The stable code of a problem document."""
        try:
            return str(json.loads(self.text).get("code", ""))
        except (ValueError, AttributeError):
            return ""


@dataclass
class Asker:
    """Somebody with a role who asks over HTTP."""

    role: str
    client: TestClient[Any, Any]
    headers: Mapping[str, str]
    samples: Mapping[str, Sample]
    leaks: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request and look for words of places that are not the asker's."""
        sent = {"json": body} if method in {"POST", "PUT", "PATCH"} else {}
        async with self.client.request(
            method, path, headers=SAME_ORIGIN | dict(self.headers), allow_redirects=False, **sent
        ) as response:
            answer = Answer(response.status, await response.read())
        self.leaks += [f"{method} {path}: {mark}" for mark in self._foreign() if answer.tells([mark])]
        return answer

    def _foreign(self) -> list[str]:
        hidden = {
            "county_admin": ("far",),
            "school_admin": ("near", "far"),
            "screen": ("near", "far"),
            "nobody": PLACES,
        }
        hidden |= {"lecturer": ("near", "far")}
        return [mark for place in hidden.get(self.role, ()) for mark in self.samples[place].marks]

    async def cell(self, method: str, path: str) -> str:
        """Return what a route gives, a sign for each place; one sign where all are the same."""
        if "{" in path or (method, path) in BODIES or (method, path) in QUERIES:
            signs = [await self._at(method, path, place) for place in PLACES]
        else:
            signs = self._listed(await self.ask(method, path, {}))
        return signs[0] if len(set(signs)) == 1 else "".join(signs)

    async def shared(self, lecture: str) -> None:
        """Read all there is about a lecture that is for everybody; only words of others count (`leaks`)."""
        exports = (f"/exports/{name}.csv" for name in EXPORTS)
        for tail in ("", "/plan", "/reviews", "/board", "/evidence", "/attendance", "/bulletin", *exports):
            await self.ask("GET", f"/api/v1/lectures/{lecture}{tail}")

    async def _at(self, method: str, path: str, place: str) -> str:
        values = self.samples[place].values
        filled = path.format_map(values)
        query = QUERIES.get((method, path), "").format_map(values)
        body = BODIES.get((method, path), {})
        answer = await self.ask(method, filled + query, _filled(body, values))
        if query and answer.status == 200:
            of_terms = (f'"region":"{values["region"]}"',)
            return SERVED if answer.tells(self.samples[place].marks + of_terms) else EMPTY
        return _sign(answer)

    def _listed(self, answer: Answer) -> list[str]:
        if answer.status != 200 or not answer.is_list:
            return [_sign(answer)]
        told = [SERVED if answer.tells(self.samples[place].marks) else EMPTY for place in PLACES[:3]]
        return [*told, EMPTY] if SERVED in told else [SERVED]


def _filled(body: Any, values: Mapping[str, str]) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, values) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, values) for value in body]
    return body.format_map(values) if isinstance(body, str) else body


def _sign(answer: Answer) -> str:
    if answer.status == 429 or answer.status >= 500:
        raise AssertionError(f"{answer.status}: {answer.text[:500]}")
    if answer.status == 422 and answer.code in UNKNOWN:
        return "?"
    return REFUSED.get(answer.status, SERVED)


FAULT: Final = {
    "cause": "power",
    "scope": "{school_code}",
    "begin": "2026-03-09T06:00:00Z",
    "end": "2026-03-09T07:00:00Z",
}
PLAN: Final = {"title": "新讲座", "scheduled_at": "2026-03-09T06:00:00Z", "audience": ["{school_code}"]}
BODIES: Final[Mapping[tuple[str, str], Any]] = {
    ("POST", "/api/v1/people"): {
        "login": "new-{school_code}",
        "name": "新人",
        "role": "school_admin",
        "node": "{school_code}",
    },
    ("POST", "/api/v1/schools"): {"name": "新校", "county": "{region}", "kind": "21"},
    ("POST", "/api/v1/lectures"): PLAN | {"lecturer_id": "{lecturer_id}"},
    ("POST", "/api/v1/lectures/preview"): {"audience": ["{school_code}"]},
    ("POST", "/api/v1/faults"): FAULT,
    ("POST", "/api/v1/faults/preview"): FAULT,
}
"""Bodies that name a node; everything else is asked with an empty one, which changes nothing."""

QUERIES: Final[Mapping[tuple[str, str], str]] = {
    ("GET", "/api/v1/people"): "?node={school_code}",
    ("GET", "/api/v1/tree"): "?parent={region}",
    ("GET", "/api/v1/tree/search"): "?q={school_code}",
    ("GET", "/api/v1/schools"): "?county={region}&q={school_code}",
    ("GET", "/api/v1/classes"): "?school={school_code}",
    ("GET", "/api/v1/screens"): "?school={school_code}",
    ("GET", "/api/v1/head-counts"): "?school={school_code}",
    ("GET", "/api/v1/teachers"): "?school={school_code}",
    ("GET", "/api/v1/tables/schools.{format}"): "?county={region}&q={school_code}",
    ("GET", "/api/v1/tables/classes.{format}"): "?school={school_code}",
    ("GET", "/api/v1/tables/teachers.{format}"): "?school={school_code}",
    ("GET", "/api/v1/tables/screens.{format}"): "?school={school_code}",
    ("GET", "/api/v1/terms"): "?county={region}",
    ("GET", "/api/v1/coverage"): "?term={term}&node={school_code}",
    ("GET", "/api/v1/coverage/exports"): "?term={term}&node={school_code}",
    ("GET", "/api/v1/coverage/exports/{table}"): "?term={term}&node={school_code}",
    ("GET", "/api/v1/schools/{school_code}/sheet"): "?term={term}",
    ("GET", "/api/v1/terms/current"): "?county={region}",
}
"""Queries that name a node."""


EXPORTS: Final = ("01", "02", "03", "04", "10", "11")


def asker_of(made: Scene, role: str, client: TestClient[Any, Any]) -> Asker:
    """Return somebody who asks with the credential of a role."""
    token = made.people.get(role)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return Asker(role, client, headers, made.samples)


def listed(node: Node) -> list[tuple[str, str]]:
    """Return method and path of every route in the order of the table: readers first, what ends something last."""
    order = ("GET", "POST", "PUT", "PATCH", "DELETE")
    routes = {
        (route.method, route.resource.canonical)
        for route in node.web_app.router.routes()
        if route.resource and route.method in order and not route.resource.canonical.startswith("/socket.io")
    }
    return sorted(routes, key=lambda one: (order.index(one[0]), one[1]))


DOCUMENT: Final = Path(__file__).parents[2] / "signaling" / "RIGHTS.md"
HEAD: Final = """# Who gets what from which route

Each cell has four signs: for something of one's own node, of a neighbour (another school of the same county unit), of another county
unit, and for what is nowhere. One sign stands for all four. A lecturer's own is what they lecture.

| sign | means |
|---|---|
| ✓ | goes on: the answer, or the next refusal (`If-Match`, fields, states) |
| ∅ | a list without it |
| · | 404, for what is foreign the same as for what is nowhere |
| ? | 422, names something that does not exist for the caller |
| ✗ | 403, the role never may |
| ⊘ | 401, another credential |

Agencies narrow a role further ([auth](auth/AGENCIES.md)). Media sessions (`/whip`, `/whep`, `/hls`) take tokens of their own that belong to
one lecture; a person's login opens none of them. The tests ask every route of a whole node as every role and compare with this table;
`python -m tests.support.rights` writes it.
"""


def table(columns: Mapping[str, Mapping[tuple[str, str], str]]) -> str:
    """Return the document of what each role gets from each route."""
    lines = [f"| route | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    routes = next(iter(columns.values()))
    for method, path in routes:
        cells = " | ".join(column[method, path] for column in columns.values())
        lines.append(f"| `{method} {path}` | {cells} |")
    return HEAD + "\n" + "\n".join(lines) + "\n"


def read_table() -> dict[str, dict[str, str]]:
    """Return the cells of the document: role -> route -> signs."""
    rows = [
        line
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `") or "| route |" in line
    ]
    names, *cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: {row[0].strip("`"): row[place] for row in cells} for place, name in enumerate(names) if place}


async def column(role: str, folder: Path) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Return what a role gets from each route, and the words that it should not have read."""
    async with scene(folder) as (made, client):
        asker = asker_of(made, role, client)
        cells = {route: await asker.cell(*route) for route in listed(made.node)}
        await asker.shared(made.shared)
        return cells, asker.leaks


async def write() -> None:
    """Write the document by asking."""
    columns = {}
    for role in ROLES:
        with tempfile.TemporaryDirectory() as folder:
            columns[role], leaks = await column(role, Path(folder))
            print(role, leaks)
    DOCUMENT.write_text(table(columns), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write())
