"""What the server does with those who send too much, garbage, or nothing, and with foreign pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from signaling.auth.identity import Principal, Role
from signaling.live.states import Event
from signaling.realtime.origins import allowed
from signaling.realtime.peers import Peer, Peers
from tests.support.live_web import Site, site


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, real=False, overrides={"realtime": {"connect_seconds": 0.3}}) as built:
        await built.home.at(Event.OPEN)
        yield built


@asynccontextmanager
async def raw(served: Site, *, join: bool = True, origin: str | None = None) -> AsyncIterator[ClientConnection]:
    """Yield a WebSocket that speaks Engine.IO by hand."""
    url = served.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    async with connect(url, origin=Origin(origin) if origin else None) as socket:
        assert str(await socket.recv()).startswith("0{")
        if join:
            await socket.send("40/live," + json.dumps({"watch": served.home.watch()}))
            assert str(await socket.recv()).startswith("40/live,")
        yield socket


async def ends(socket: ClientConnection, seconds: float = 2.0) -> bool:
    """Whether the server closes the connection within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    except websockets.ConnectionClosed:
        return True
    except TimeoutError:
        return False


async def test_a_flood_ends_the_connection_and_disturbs_nobody(served: Site) -> None:
    report = '42/live,["report",{}]'
    async with raw(served) as evil:
        for _ in range(500):
            try:
                await evil.send(report)
            except websockets.ConnectionClosed:
                break
        assert await ends(evil)
    assert served.realtime.gate.refused == 1
    async with raw(served) as honest:
        await honest.send('42/live,7["report",{}]')
        assert await asyncio.wait_for(_acknowledged(honest, 7), 5)


async def _acknowledged(socket: ClientConnection, number: int) -> bool:
    while not str(await socket.recv()).startswith(f"43/live,{number}["):
        pass
    return True


async def test_a_burst_is_allowed(served: Site) -> None:
    async with raw(served) as socket:
        for number in range(30):
            await socket.send(f'42/live,{number}["report",{{}}]')
        assert await asyncio.wait_for(_acknowledged(socket, 29), 5)


@pytest.mark.parametrize(
    "message",
    [
        "4",
        "49",
        "42/live,",
        "42/live,{",
        '42/live,["report"',
        "45",
        "451-[",
        "44/live,",
        "4\u0000",
        "42/live,[]",
        "42/live,7",
    ],
)
async def test_garbage_ends_the_connection(served: Site, message: str) -> None:
    async with raw(served) as socket:
        await socket.send(message)
        assert await ends(socket)
    assert served.realtime.gate.refused == 1
    assert len(served.realtime.peers) == 0
    assert len(served.realtime.gate) == 0


async def test_a_message_that_is_too_large_ends_the_connection(served: Site) -> None:
    async with raw(served) as socket:
        await socket.send('42/live,["report","' + "x" * served.home.settings.realtime.max_message_bytes + '"]')
        assert await ends(socket)
    async with asyncio.timeout(5):
        while len(served.realtime.peers):
            await asyncio.sleep(0.01)


async def test_who_never_joins_is_disconnected(served: Site) -> None:
    async with raw(served, join=False) as idle:
        assert await ends(idle, 3.0)
    async with raw(served) as joined:
        assert not await ends(joined, 0.6)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1:1"]
)
async def test_a_foreign_page_cannot_connect(served: Site, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as raised:
        async with raw(served, origin=origin):
            pass
    assert raised.value.response.status_code == 400
    response = await served.client.get("/socket.io/?EIO=4&transport=polling", headers={"Origin": origin})
    assert response.status == 400
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_our_own_page_connects(served: Site) -> None:
    async with raw(served, origin=served.url):
        assert len(served.realtime.peers) == 1


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
async def test_a_forged_host_opens_no_door(served: Site, header: str) -> None:
    forged = {header: "evil.example", "Origin": "http://evil.example"}
    response = await served.client.get("/socket.io/?EIO=4&transport=polling", headers=forged)
    assert response.status == 400


@pytest.mark.parametrize(
    ("origin", "own", "public_url", "expected"),
    [
        ("http://localhost:8080", "http://localhost:8080", "", True),
        ("http://192.168.1.9:8080", "http://192.168.1.9:8080", "", True),
        ("https://[fd00::1]:8443", "https://[fd00::1]:8443", "", True),
        ("http://studio:8080", "http://studio:8080", "", True),
        ("http://rebound.example:8080", "http://rebound.example:8080", "", False),
        ("http://localhost:8081", "http://localhost:8080", "", False),
        ("https://localhost:8080", "http://localhost:8080", "", False),
        ("https://live.example", "http://10.0.0.1:8080", "https://live.example", True),
        ("https://live.example:443", "http://10.0.0.1:8080", "https://live.example/", True),
        ("https://LIVE.example", "http://10.0.0.1:8080", "https://live.example", True),
        ("http://live.example", "http://live.example", "https://live.example", False),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080", "https://live.example", False),
        ("null", "http://localhost:8080", "", False),
        ("", "http://localhost:8080", "", False),
        ("http://", "http://localhost:8080", "", False),
        ("http://localhost:99999", "http://localhost:8080", "", False),
        ("file://localhost", "http://localhost", "", False),
    ],
)
def test_origins(origin: str, own: str, public_url: str, expected: bool) -> None:
    assert allowed(origin, own, public_url, ("Studio",)) is expected


def person(role: Role) -> Principal:
    return Principal("u1", "name", role, "P1")


def test_a_screen_has_one_connection_and_people_many() -> None:
    peers = Peers()
    assert peers.add(Peer("a", "l", screen_id="s")) is None
    assert peers.add(Peer("b", "l", screen_id="s")) == "a"
    assert peers.remove("a") is not None
    assert peers.add(Peer("c", "l", screen_id="s")) == "b"
    for sid in ("p", "q"):
        assert peers.add(Peer(sid, "l", principal=person(Role.OPERATOR))) is None
    assert peers.lectures_with_staff() == ["l"]
    for sid in ("p", "q"):
        peers.remove(sid)
    assert peers.remove("q") is None
    assert peers.lectures_with_staff() == []


def test_the_whole_board_is_for_those_who_may_see_it() -> None:
    assert "board:l" in Peer("p", "l", principal=person(Role.PREFECTURE_ADMIN)).rooms
    assert "board:l" not in Peer("p", "l", principal=person(Role.COUNTY_ADMIN)).rooms
    assert Peer("s", "l", screen_id="s").rooms == ("screens:l",)
