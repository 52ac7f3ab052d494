"""HLS players by the hundred in one loop: HTTP/1.1 over TLS by hand, because a client library costs more than what is measured."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field


@dataclass
class Player:
    """A player as hls.js is one: asks for the playlist with the next part, then fetches what is new in it.

    `url` is the path of the recording's folder. Each part that was fetched is told to `fetched`, which players may share. Raises
    `RuntimeError` on any other answer than 200.
    """

    port: int
    tls: ssl.SSLContext
    url: str
    token: str
    fetched: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    parts: list[str] = field(default_factory=list)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        """Connect, fetch the playlist, the initialisation and the newest part."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        text = await self.playlist()
        await self.get(re.findall(r'MAP:URI="([^"]+)"', text)[-1])
        await self._fetch(text)

    async def follow(self) -> None:
        """Ask for the next part until the lecture has ended, and fetch each that is new."""
        text = await self.playlist()
        await self._fetch(text)
        while "#EXT-X-ENDLIST" not in text:
            msn, part = position(text)
            text = await self.playlist(f"?_HLS_msn={msn}&_HLS_part={part}")
            await self._fetch(text)

    async def playlist(self, query: str = "") -> str:
        """Return the live playlist."""
        return (await self.get("live.m3u8" + query)).decode()

    async def _fetch(self, text: str) -> None:
        newest = re.findall(r'PART:.*URI="([^"]+)"', text)[-1]
        if newest not in self.parts:
            self.parts.append(newest)
            await self.get(newest)
            self.fetched.put_nowait(newest)

    async def get(self, name: str) -> bytes:
        """Return what is at this name."""
        assert self._reader is not None
        assert self._writer is not None
        lines = (f"GET {self.url}{name} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}", "", "")
        self._writer.write("\r\n".join(lines).encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        if not head.startswith("HTTP/1.1 200 "):
            raise RuntimeError(f"{name}: {head.splitlines()[0]}")
        return body

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()
            await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


def position(text: str) -> tuple[int, int]:
    """Return segment and part that come after a media playlist."""
    first = re.search(r"MEDIA-SEQUENCE:(\d+)", text)
    assert first is not None
    complete, _, rest = text.rpartition("#EXTINF")
    segments = complete.count("#EXTINF") + 1 if complete else 0
    return int(first[1]) + segments, rest.count("#EXT-X-PART:")
