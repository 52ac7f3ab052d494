"""Chromium publishes to one session of the transport and watches by another: real ICE, DTLS, SRTP and a real decoder."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

from broadcaster.rtp.packet import RtpPacket
from broadcaster.transport.transport import Transport
from tests.support.chromium import ARGUMENTS, executable
from tests.support.desk import STREAMS, Desk

PUBLISH = """async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext("2d");
  let number = 0;
  setInterval(() => { context.fillStyle = `hsl(${number * 7 % 360} 90% 50%)`; context.fillRect(0, 0, 640, 360);
                      context.fillStyle = "black"; context.fillText(String(number++), 20, 40); }, 33);
  const sound = new AudioContext(), tone = sound.createOscillator(), out = sound.createMediaStreamDestination();
  tone.connect(out); tone.start();
  const stream = new MediaStream([...out.stream.getTracks(), ...canvas.captureStream(30).getTracks()]);
  const pc = window.lecturer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  await pc.setLocalDescription();
  await pc.setRemoteDescription({ type: "answer", sdp: await window.publish(pc.localDescription.sdp) });
}"""
WATCH = """async () => {
  const pc = window.viewer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const video = window.screenElement = document.createElement("video");
  video.muted = true; video.autoplay = true; document.body.append(video);
  pc.ontrack = event => { video.srcObject = event.streams[0]; };
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  await pc.setLocalDescription();
  await pc.setRemoteDescription({ type: "answer", sdp: await window.watch(pc.localDescription.sdp) });
}"""
RECEIVED = """async () => {
  const found = {};
  for (const report of (await window.viewer.getStats()).values())
    if (report.type === "inbound-rtp") found[report.kind] = report;
  return [found.video?.framesDecoded ?? 0, found.audio?.totalSamplesReceived ?? 0, window.screenElement.videoWidth];
}"""
RESTART = """async () => {
  const pc = window.viewer, before = pc.currentRemoteDescription.sdp;
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  const word = (sdp, name) => sdp.match(new RegExp(`a=ice-${name}:(.*)`))[1];
  const offer = pc.localDescription.sdp;
  const fragment = await window.restart(`a=ice-ufrag:${word(offer, "ufrag")}\r\na=ice-pwd:${word(offer, "pwd")}\r\n`);
  const answer = before.replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${word(fragment, "ufrag")}`)
                       .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${word(fragment, "pwd")}`);
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
}"""
CLOSED = """() => new Promise(resolve => {
  const transport = window.viewer.getReceivers()[0].transport, begun = performance.now();
  const look = () => { if (transport.state === "closed") resolve(performance.now() - begun); };
  transport.onstatechange = look; look();
})"""


@asynccontextmanager
async def page_of(desk: Desk) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), headless=True, args=list(ARGUMENTS))
        try:
            page = await browser.new_page()
            await page.expose_function("publish", desk.exchange("publish"))
            await page.expose_function("watch", desk.exchange("watch"))
            await page.expose_function("restart", desk.restart)
            await page.goto("about:blank")
            yield page
        finally:
            await browser.close()


def relay(lecturer: Transport, viewer: Transport) -> set[float]:
    """Send the lecturer's packets on to the viewer under the announced SSRCs; return the durations of Opus packets seen."""
    steps: set[float] = set()
    last = 0

    def forward(plain: bytes, _: float) -> None:
        nonlocal last
        packet = RtpPacket.parse(plain)
        if packet.payload_type == 111:
            steps.add((packet.timestamp - last) / 48)
            last = packet.timestamp
        ssrc = STREAMS.audio_ssrc if packet.payload_type == 111 else STREAMS.video_ssrc
        viewer.send(viewer.protect(plain[:8] + struct.pack("!I", ssrc) + plain[12:]))

    lecturer.on_rtp = forward
    return steps


async def watched(page: Page, frames: int) -> list[int]:
    """Wait until `frames` pictures were decoded; return pictures, sound samples and the picture's width."""
    async with asyncio.timeout(20):
        while True:
            received: list[int] = await page.evaluate(RECEIVED)
            if received[0] >= frames:
                return received
            await page.evaluate("() => new Promise(requestAnimationFrame)")


@pytest.mark.browser
@pytest.mark.quiet
async def test_chromium_publishes_watches_and_sees_the_end_at_once() -> None:
    async with Desk(hosts=["127.0.0.1"]) as desk, page_of(desk) as page:
        await page.evaluate(PUBLISH)
        lecturer = await desk.connected()
        await desk.wait_for(lambda: len(desk.rtp) > 20)
        await page.evaluate(WATCH)
        viewer = await desk.connected()
        steps = relay(lecturer, viewer)
        video = next(RtpPacket.parse(data).ssrc for data in desk.rtp if RtpPacket.parse(data).payload_type != 111)
        lecturer.send_rtcp(struct.pack("!BBHII", 0x81, 206, 2, 1, video))  # a keyframe for the viewer
        received = await watched(page, 30)
        assert received[1] > 0
        assert received[2] > 0
        assert 40.0 in steps, f"Chromium does not obey a=ptime:40: {steps}"
        old = viewer.local.credentials
        await page.evaluate(RESTART)
        async with asyncio.timeout(10):
            while viewer.local.credentials == old:  # until Chromium's first check with the new ones
                await page.evaluate("() => new Promise(requestAnimationFrame)")
        await watched(page, received[0] + 30)
        closed = asyncio.create_task(page.evaluate(CLOSED))
        await page.evaluate("() => 0")
        viewer.close("cut")
        assert await asyncio.wait_for(closed, 5) < 1000
        assert lecturer.state == "connected"
