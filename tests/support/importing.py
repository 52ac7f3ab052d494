"""Somebody who brings files to the API."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp.test_utils import TestClient
from python_calamine import CalamineWorkbook

from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.directory import import_worker
from signaling.directory.import_process import Word
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform

SCHOOLS = "学校标识码,学校名称,县（市、区）\n2152800001,新岭小学,兴义市\n3152800002,新林中学,兴仁市\n"


class InThisProcess:
    """Reads files without a process of their own: what a process costs, hundreds of tests need not pay."""

    async def ask(self, order: Mapping[str, Any], told: Callable[[Word], None]) -> Word:
        """Do it here."""
        return await import_worker.do(json.loads(json.dumps(order)), told)

    def end(self) -> None:
        """It ends by itself."""


class Clerk:
    """Calls the API and waits for imports."""

    def __init__(self, here: Platform, client: TestClient[Any, Any], token: str) -> None:
        self.here = here
        self.client = client
        self.headers = SAME_ORIGIN | {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=self.headers | sent)
        is_json = "json" in answer.content_type
        return answer.status, await answer.json(content_type=None) if is_json else await answer.read()

    async def bring(self, kind: str, data: bytes | str, name: str = "表.csv", **query: str) -> tuple[int, Any]:
        raw = data.encode() if isinstance(data, str) else data
        asked = {"kind": kind, "name": name, **query}
        headers = self.headers | {"Content-Type": "application/octet-stream"}
        answer = await self.client.post("/api/v1/imports", params=asked, data=raw, headers=headers)
        return answer.status, await answer.json()

    async def checked(self, kind: str, data: bytes | str, **query: str) -> Any:
        """Bring a file and return the import when its check has ended."""
        status, job = await self.bring(kind, data, **query)
        assert status == 201, job
        return await self.ended(job["id"])

    async def ended(self, job_id: str) -> Any:
        await self.here.imports.settled()
        status, job = await self.call("GET", f"/imports/{job_id}")
        assert status == 200, job
        return job

    async def commit(self, job: Any) -> Any:
        """Commit a checked import and return it when that has ended."""
        status, answer = await self.order(job, "commit")
        assert status == 202, answer
        return await self.ended(job["id"])

    async def order(self, job: Any, order: str) -> tuple[int, Any]:
        return await self.call("POST", f"/imports/{job['id']}/{order}", If_Match=f'"{job["version"]}"')

    async def taken(self, kind: str, data: bytes | str) -> Any:
        """Check and commit."""
        job = await self.checked(kind, data)
        assert job["state"] == "checked", job
        return await self.commit(job)


async def clerk(
    here: Platform, client: TestClient[Any, Any], role: Role = Role.PREFECTURE_ADMIN, node: str = PREFECTURE
) -> Clerk:
    """Return somebody with a role at a node."""
    login = f"{role.value}-{node}"
    user = await here.auth.user(login) or await here.person(login, role, node)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    return Clerk(here, client, token)


def sheet(data: bytes) -> list[list[str]]:
    """Return the first sheet of a workbook as text."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()]
