"""`jiangtang load` without a server to try: what it is pointed at, wrong use, refusals over real HTTP, progress."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from broadcaster.loadgen.crowd import Glance
from broadcaster.loadgen.exchange import Refused, Unreachable, find_opener
from signaling.__main__ import main, parser
from signaling.commands.load import OPENER, run
from signaling.commands.load_progress import Progress
from signaling.commands.load_target import Target, TargetError, find
from tests.support.server import free_port

DEMO = {
    "whep_url": "http://h/whep/1",
    "whep_token": "monitor",
    "whip_url": "http://h/whip/1",
    "whip_token": "key",
    "pid": os.getpid(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "demo.json").write_text(json.dumps(DEMO), "utf-8")
    return tmp_path


def target(*words: str) -> Target:
    return find(parser().parse_args(["load", *words]), OPENER)


def test_a_demonstration_tells_everything(folder: Path) -> None:
    found = target("--demo", str(folder), "--publish")
    assert (found.url, found.tokens, found.pid) == ("http://h/whep/1", ("monitor",), os.getpid())
    assert found.source is not None
    assert (found.source.url, found.source.key) == ("http://h/whip/1", "key")


def test_options_come_before_the_demonstration(folder: Path) -> None:
    (folder / "tokens").write_text("# screens\none\n\n two \n", "utf-8")
    found = target(
        "--demo", str(folder), "--url", "http://x/whep/2", "--token", "zero", "--tokens", str(folder / "tokens")
    )
    assert (found.url, found.tokens, found.source) == ("http://x/whep/2", ("zero", "one", "two"), None)


def test_a_server_of_another_machine_has_no_process_here(folder: Path) -> None:
    (folder / "demo.json").write_text(json.dumps(DEMO | {"pid": 2**22 + 1}), "utf-8")
    assert target("--demo", str(folder)).pid is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a data folder"),
        (("--url", "http://x/whep/1"), "no token"),
        (("--demo", "/nowhere"), "start `jiangtang serve --demo --data /nowhere` first"),
        (("--url", "http://x/whep/1", "--tokens", "/nowhere"), "cannot be read"),
        (("--url", "http://x/whep/1", "--token", "t", "--publish"), "needs --whip-url"),
        (("--url", "http://x/whep/1", "--token", "t", "--ca", "/nowhere"), "there is no file"),
    ],
)
def test_what_is_missing_is_said(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TargetError, match=said):
        target(*words)
    assert main(["load", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("--loss", "60%"),
        ("--loss", "x"),
        ("--terminals", "0"),
        ("--terminals", "20001"),
        ("--rate", "0"),
        ("--sample", "2"),
        ("--cpus", "4095"),
        ("--json", "/nowhere/at/all.json"),
    ],
)
def test_bounds_hold(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["load", *words])
    assert ended.value.code == 2


def test_shares_may_be_written_in_percent() -> None:
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    options = parser().parse_args(["load", "--loss", "10%", "--sample", "0.2", "--cpus", cpus])
    assert (options.loss, options.sample, options.cpus, options.terminals) == (
        0.1,
        0.2,
        tuple(sorted(os.sched_getaffinity(0))),
        100,
    )
    assert options.run is run


@pytest.mark.parametrize(
    ("status", "headers", "body", "said", "retry", "hopeless"),
    [
        (401, {}, '{"code": "bad_watch_token"}', "401 bad_watch_token", None, True),
        (403, {}, '{"code": "wrong_lecture"}', "403 wrong_lecture", None, True),
        (503, {"Retry-After": "2"}, '{"code": "busy"}', "503 busy", 2.0, False),
        (429, {"Retry-After": "600"}, "{}", "429", 10.0, False),
        (409, {"Retry-After": "5"}, '{"code": "lecture_closed"}', "409 lecture_closed", None, False),
        (502, {}, "<html>nginx</html>", "502", None, False),
    ],
)
async def test_a_refusal_says_what_the_server_said(
    status: int, headers: dict[str, str], body: str, said: str, retry: float | None, hopeless: bool
) -> None:
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append((request.headers["Authorization"], request.content_type, await request.text()))
        return web.Response(status=status, headers=headers, text=body)

    app = web.Application()
    app.router.add_post("/whep/1", answer)
    async with TestServer(app) as server, find_opener(OPENER)() as exchange:
        with pytest.raises(Refused) as refusal:
            await exchange(str(server.make_url("/whep/1")), "token", "v=0")
    assert heard == [("Bearer token", "application/sdp", "v=0")]
    assert (str(refusal.value), refusal.value.retry_after, refusal.value.hopeless) == (said, retry, hopeless)


async def test_a_server_that_is_not_there_is_named() -> None:
    port = free_port()
    async with find_opener(OPENER)() as exchange:
        with pytest.raises(Unreachable, match=f"no connection to 127.0.0.1:{port}"):
            await exchange(f"http://127.0.0.1:{port}/whep/1", "token", "v=0")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere() -> None:
    glance = Glance(0.0, 5, 15, 1, "")
    screen, file = Screen(), io.StringIO()
    for out in (screen, file):
        progress = Progress(out, 20, 10.0)
        progress.phase("20 terminals join")
        progress.show(glance)
        progress.show(glance)
        progress.end()
    assert screen.getvalue().count("15/20 in, 1 failed  20 terminals join") == 1
    assert screen.getvalue().startswith("\r\x1b[K[....")
    assert screen.getvalue().endswith("\r\x1b[K")
    assert file.getvalue().splitlines() == ["   0.0 s  20 terminals join"]
