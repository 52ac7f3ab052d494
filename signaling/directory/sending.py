"""Sends a table that is made while it is sent: CSV as it comes, a workbook when it is whole. The loop writes no cell."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from signaling.directory.sheets import CONTENT_TYPES, Cell, Csv, Xlsx

CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: its kind, its title, the names of its columns, what stands on the sheet 说明, the encoding of a CSV, its name."""

    kind: str
    title: str
    headers: Sequence[str]
    notes: Sequence[tuple[str, str]]
    encoding: str
    name: str


async def send(
    request: web.Request, wanted: Wanted, parts: AsyncIterable[Sequence[Sequence[Cell]]]
) -> web.StreamResponse:
    """Answer with a file of rows."""
    charset = wanted.encoding if wanted.kind == "csv" else None
    plain = f"{request.match_info.route.resource.canonical.rsplit('/', 1)[1].split('.')[0]}.{wanted.kind}"  # type: ignore[union-attr]
    named = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(wanted.name, safe='')}"
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Disposition": named})
    response.content_type, response.charset = CONTENT_TYPES[wanted.kind], charset
    if wanted.kind == "csv":
        await _send_csv(request, response, wanted, parts)
    else:
        await _send_workbook(request, response, wanted, parts)
    await response.write_eof()
    return response


async def _send_csv(
    request: web.Request,
    response: web.StreamResponse,
    wanted: Wanted,
    parts: AsyncIterable[Sequence[Sequence[Cell]]],
) -> None:
    buffer = BytesIO()
    writer = Csv(buffer, wanted.headers, wanted.encoding)
    prepared = False
    async for part in parts:
        if not prepared:  # what fails before the first row is still a problem document
            await response.prepare(request)
            prepared = True
        await asyncio.to_thread(writer.rows, part)
        await response.write(buffer.getvalue())
        buffer.seek(0)
        buffer.truncate()
    if not prepared:
        await response.prepare(request)
        await response.write(buffer.getvalue())


async def _send_workbook(
    request: web.Request,
    response: web.StreamResponse,
    wanted: Wanted,
    parts: AsyncIterable[Sequence[Sequence[Cell]]],
) -> None:
    with tempfile.TemporaryDirectory(prefix="table") as folder:
        path = Path(folder) / "table.xlsx"
        writer = await asyncio.to_thread(Xlsx, path, wanted.title, wanted.headers, wanted.notes)
        async for part in parts:
            await asyncio.to_thread(writer.rows, part)
        await asyncio.to_thread(writer.close)
        response.content_length = path.stat().st_size
        await response.prepare(request)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                await response.write(chunk)
