"""Sends a table that is made part by part in a file. The loop writes no cell, and the memory holds one part."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from signaling.directory.sheets import CONTENT_TYPES, Cell, Csv, Writer, Xlsx

CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: its kind, the title of its sheet, the names of its columns, its name, what stands on the sheet 说明."""

    kind: str
    title: str
    headers: Sequence[str]
    name: str
    notes: Sequence[tuple[str, str]] = ()
    encoding: str = "utf-8"


async def send(
    request: web.Request, wanted: Wanted, parts: AsyncIterable[Sequence[Sequence[Cell]]], turns: asyncio.Semaphore
) -> web.StreamResponse:
    """Answer with a file of rows; so many are made at once as `turns` lets.

    It is whole before the first byte leaves: a slow client holds neither a turn nor rows of the database.
    """
    with tempfile.TemporaryDirectory(prefix="table") as folder:
        path = Path(folder) / "table"
        async with turns:
            writer = await asyncio.to_thread(_writer, path, wanted)
            async for part in parts:
                await asyncio.to_thread(writer.rows, part)
            await asyncio.to_thread(writer.close)
        response = _response(wanted, path.stat().st_size)
        await response.prepare(request)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                await response.write(chunk)
    await response.write_eof()
    return response


def _writer(path: Path, wanted: Wanted) -> Writer:
    if wanted.kind == "csv":
        return Csv(path, wanted.headers, wanted.encoding)
    return Xlsx(path, wanted.title, wanted.headers, wanted.notes)


def _response(wanted: Wanted, size: int) -> web.StreamResponse:
    name = quote(f"{wanted.name}.{wanted.kind}", safe="")
    named = f"attachment; filename=\"table.{wanted.kind}\"; filename*=UTF-8''{name}"
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Disposition": named})
    response.content_type = CONTENT_TYPES[wanted.kind]
    response.charset = wanted.encoding if wanted.kind == "csv" else None
    response.content_length = size
    return response
