"""Programs that are not ours against a whole server: FFmpeg's `whip` muxer publishes, a page of another site watches by raw `fetch`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.chromium import chromium, watch_errors
from tests.support.crowd import offer_over_http
from tests.support.ffmpeg_whip import running
from tests.support.library import download, finished_recording
from tests.support.media import find_beeps, heard, shown_counters
from tests.support.observer import keep_connections, looks, sound_of
from tests.support.peer import Peer
from tests.support.pictures import shown, video_ssrc
from tests.support.server import Server

FPS = 30
LATE = 4 * FPS

WATCH = """
async ([url, token]) => {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const video = document.createElement('video');
  video.autoplay = true;
  document.body.append(video);
  pc.ontrack = event => { video.srcObject = event.streams[0]; };
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
  await pc.setLocalDescription();
  const headers = { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  const sdp = await response.text();
  if (response.status === 201) await pc.setRemoteDescription({ type: 'answer', sdp });
  const resource = new URL(response.headers.get('Location') || '', url).href;
  window.session = { pc, resource, headers, etag: response.headers.get('ETag') };
  return { status: response.status, type: response.headers.get('Content-Type'), resource, etag: window.session.etag };
}
"""
CONNECTED = "() => window.session.pc.connectionState === 'connected'"
RESTART = """
async () => {
  const { pc, resource, headers } = window.session, before = pc.currentRemoteDescription.sdp;
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  const word = (sdp, name) => sdp.match(new RegExp(`a=ice-${name}:(.*)`))[1];
  const body = ['ufrag', 'pwd'].map(name => `a=ice-${name}:${word(pc.localDescription.sdp, name)}\\r\\n`).join('');
  const asked = { ...headers, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
  const response = await fetch(resource, { method: 'PATCH', headers: asked, body });
  const fragment = await response.text();
  let answer = before;
  for (const name of ['ufrag', 'pwd'])
    answer = answer.replace(new RegExp(`a=ice-${name}:.*`, 'g'), `a=ice-${name}:${word(fragment, name)}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  return [response.status, response.headers.get('ETag')];
}
"""
LEAVE = """
async () => {
  const { pc, resource, headers } = window.session;
  const transport = pc.getReceivers()[0].transport;
  const closed = new Promise(resolve => { transport.onstatechange = () => transport.state === 'closed' && resolve(); });
  const { status } = await fetch(resource, { method: 'DELETE', headers: { 'Authorization': headers.Authorization } });
  await closed;
  return status;
}
"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def another_site() -> Iterator[str]:
    """The address of an empty page on an origin of its own."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}/"
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def lecture(server: Server, demo: dict[str, Any]) -> dict[str, Any]:
    status, document = server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}", demo["api_token"])
    assert status == 200
    return dict(document)


@pytest.mark.server
@pytest.mark.quiet
async def test_ffmpeg_makes_the_lecture_live_and_its_recording_has_the_right_length(
    server: Server, tmp_path: Path
) -> None:
    demo = server.demo()
    assert demo is not None
    frames = 8 * FPS
    assert lecture(server, demo)["state"] == "open"
    async with aiohttp.ClientSession() as http, Peer("watch") as monitor:
        await monitor.connect(lambda offer: offer_over_http(http, demo["whep_url"], demo["whep_token"], offer))
        with running(demo, tmp_path, frames) as process:
            await monitor.wait_for(lambda: len(monitor.sequences(video_ssrc(monitor))) > FPS, 40)
            live = await asyncio.to_thread(lecture, server, demo)
            assert await asyncio.to_thread(process.wait, 60) == 0
        counters = shown(monitor)
    assert live["state"] == "live"
    assert live["publisher"]["session"]
    assert None not in counters
    assert counters[0] is not None
    assert counters[0] <= LATE, "it begins with the first keyframe after autostart, and FFmpeg sends one each second"
    assert counters == list(range(counters[0], frames))

    status, ended = await asyncio.to_thread(
        server.call, "POST", f"/api/v1/lectures/{demo['lecture_id']}/end", demo["api_token"]
    )
    assert (status, ended["state"]) == (200, "ended")
    entry = await asyncio.to_thread(finished_recording, server, demo)
    film = await asyncio.to_thread(download, server, demo, entry["mp4_url"], tmp_path / "lecture.mp4")
    recorded = [counter for _, counter in shown_counters(film)]
    assert recorded[0] is not None
    assert recorded[0] <= LATE
    assert recorded == list(range(recorded[0], frames))
    assert entry["duration_s"] == pytest.approx(len(recorded) / FPS, abs=0.5)
    assert len(find_beeps(heard(film)[1])) == pytest.approx(len(recorded) / FPS, abs=1.5)


@pytest.mark.browser
@pytest.mark.quiet
@pytest.mark.timeout(180)
def test_a_page_of_another_site_watches_ffmpeg_by_raw_fetch(server: Server, another_site: str, tmp_path: Path) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium("--autoplay-policy=no-user-gesture-required") as browser:
        context = browser.new_context()
        keep_connections(context)
        page = context.new_page()
        errors = watch_errors(page)
        page.goto(another_site)
        refused = page.evaluate(WATCH, [demo["whep_url"], "not-a-token"])
        assert refused["status"] == 401
        joined = page.evaluate(WATCH, [demo["whep_url"], demo["whep_token"]])
        assert (joined["status"], joined["type"]) == (201, "application/sdp")
        assert joined["resource"].startswith(f"http://localhost:{server.port}/whep/session/")
        page.wait_for_function(CONNECTED)
        page.evaluate("document.querySelector('video').remove()")  # of the refused attempt
        with running(demo, tmp_path, 60 * FPS):
            first = looks(page, count=FPS)
            before = sound_of(page)
            status, etag = page.evaluate(RESTART)
            assert status == 200
            assert etag != joined["etag"]
            again = looks(page, count=FPS * 3)
            level = sound_of(page).level_since(before)
        assert page.evaluate(LEAVE) == 200
    assert first.size == again.size == (320, 180)
    assert again.frames >= FPS * 3
    assert again.luma > 20
    assert again.moving >= 0.5
    assert level > 0.01
    assert errors == []
