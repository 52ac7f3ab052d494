"""A publisher that behaves as OBS does with WHIP: one POST without candidates, keyframes of its own, DELETE at the end.

    obs = Obs(http, endpoint, stream_key)
    await obs.start()                                # accepts 201 with body and Location only, raises `OutputFailed` otherwise
    async with obs.streaming(camera): ...            # pictures and sound in real time
    await obs.stop()                                 # DELETE, then close_notify

It never sends PATCH, never reacts to a PLI, and begins again by a new POST with the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from tests.support.lecture import Stream, sender_report
from tests.support.media import Clip, Picture, clip, h264_payloads
from tests.support.peer import Peer

TIMEOUT_SECONDS = 8.0
NTP_UNIX = 2_208_988_800
AGENT = "Mozilla/5.0 (OBS-Studio/32.0.0; Linux x86_64; zh-CN)"
FPS, KEYFRAME_SECONDS = 30, 1


SESSION = """\
v=0
o=rtc 1129721274 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=ice-options:ice2,trickle
a=fingerprint:{fingerprint}
"""
SECTION = """\
m={kind} 9 UDP/TLS/RTP/SAVPF {type}
c=IN IP4 0.0.0.0
a=mid:{mid}
a=sendonly
a=ssrc:{ssrc} cname:obs
a=ssrc:{ssrc} msid:obs-stream {kind}
a=msid:obs-stream {kind}
a=rtcp-mux
{codec}
a=setup:actpass
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
"""
OPUS = """\
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1"""
H264 = """\
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"""


class OutputFailed(Exception):
    """OBS would say: failed to connect. `status` is 0 when the answer was not usable for another reason."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


@dataclass(frozen=True)
class Camera:
    """What OBS captures, whoever publishes it: pictures with a counter and sound, on one clock that began at `begun`."""

    begun: float
    seconds: float = 20.0
    width: int = 320
    height: int = 180
    first: int = 0  # counter of the first picture

    @cached_property
    def clip(self) -> Clip:
        return clip(
            self.seconds, fps=FPS, width=self.width, height=self.height, gop_seconds=KEYFRAME_SECONDS, first=self.first
        )


class Obs:
    """One WHIP output. `requests` are the methods it has sent, in order."""

    def __init__(self, http: aiohttp.ClientSession, endpoint: str, key: str) -> None:
        self._http = http
        self._endpoint = endpoint
        self._key = key
        self.peer = Peer("publish", style="obs")
        self.requests: list[str] = []
        self.response: aiohttp.ClientResponse | None = None
        self.resource = ""
        self.counters: list[int] = []  # of the pictures sent
        self._sent = asyncio.Event()

    @property
    def offer(self) -> str:
        """The offer in the words of libdatachannel 0.24, which OBS stands on, before it has gathered candidates."""
        words = self.peer.words
        shared = {"ufrag": words.ufrag, "pwd": words.pwd}
        sound = SECTION.format(kind="audio", type=111, mid=0, ssrc=words.audio_ssrc, codec=OPUS, **shared)
        picture = SECTION.format(kind="video", type=96, mid=1, ssrc=words.video_ssrc, codec=H264, **shared)
        text = SESSION.format(fingerprint=words.fingerprint) + sound + picture
        return text.replace("\n", "\r\n")

    async def start(self) -> None:
        """POST the offer, take the answer, connect. Raises `OutputFailed`."""
        headers = {"Content-Type": "application/sdp"}
        self.response, answer = await self._request("POST", self._endpoint, self.offer, headers)
        location = self.response.headers.get("Location", "")
        if self.response.status != 201:
            raise OutputFailed(self.response.status, answer)
        if not answer or not location:
            raise OutputFailed(0, "no answer or no Location")
        self.resource = resource_url(self._endpoint, location)

        async def given(_: str) -> str:
            return answer

        await self.peer.connect(given)

    async def stop(self) -> int:
        """DELETE the session and close; return the status, which OBS only logs."""
        response, _ = await self._request("DELETE", self.resource)
        self.peer.close()
        return response.status

    @contextlib.asynccontextmanager
    async def streaming(self, camera: Camera) -> AsyncIterator[None]:
        """Send what the camera shows while the block runs, or until the server says goodbye."""
        task = asyncio.create_task(self._stream(camera))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until_sent(self, pictures: int, seconds: float = 20.0) -> None:
        """Return when that many pictures have been sent. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while len(self.counters) < pictures:
                self._sent.clear()
                await self._sent.wait()

    async def _request(
        self, method: str, url: str, body: str | None = None, more: dict[str, str] | None = None
    ) -> tuple[aiohttp.ClientResponse, str]:
        self.requests.append(method)
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": AGENT, **(more or {})}
        async with asyncio.timeout(TIMEOUT_SECONDS):
            automatic = ("Accept", "Accept-Encoding", "Content-Type")
            async with self._http.request(
                method, url, data=body, headers=headers, skip_auto_headers=automatic, allow_redirects=False
            ) as response:
                return response, await response.text()

    async def _stream(self, camera: Camera) -> None:
        loop, pictures, sounds = asyncio.get_running_loop(), camera.clip.pictures, camera.clip.sounds
        number = self._next_keyframe(camera, loop.time())
        heard = round(number / FPS * 25)
        for stream in (self.peer.lecture.video, self.peer.lecture.audio):
            self._report(stream)
        while number < len(pictures) and not self.peer.closed.is_set():
            await asyncio.sleep(max(0.0, camera.begun + number / FPS - loop.time()))
            self._send_picture(pictures[number])
            while heard < len(sounds) and heard / 25 <= number / FPS:
                self._send_sound(sounds[heard].payload)
                heard += 1
            number += 1

    @staticmethod
    def _next_keyframe(camera: Camera, now: float) -> int:
        """The encoder begins with a keyframe; here that is the next one of the clip."""
        past = max(0.0, now - camera.begun)
        return int(past // KEYFRAME_SECONDS + (past > 0)) * KEYFRAME_SECONDS * FPS

    def _send_picture(self, picture: Picture) -> None:
        stream = self.peer.lecture.video
        payloads = h264_payloads(picture.nals)
        for place, payload in enumerate(payloads):
            self.peer.send_rtp(stream.packet(payload, marker=place == len(payloads) - 1))
        stream.timestamp += 90_000 // FPS
        self.counters.append(picture.counter)
        self._sent.set()
        if picture.key:
            self._report(stream)

    def _send_sound(self, payload: bytes) -> None:
        stream = self.peer.lecture.audio
        self.peer.send_rtp(stream.packet(payload, marker=stream.packets == 0))
        stream.timestamp += 1920

    def _report(self, stream: Stream) -> None:
        """Tell the wall clock of this moment; both sources share one."""
        now = asyncio.get_running_loop().time()
        self.peer.send_rtcp(sender_report(stream, NTP_UNIX + 1_767_225_600.0 + now))


def resource_url(endpoint: str, location: str) -> str:
    """Return the session's URL as OBS builds it: an absolute URL as it is, else the whole value as path and no query."""
    if urlsplit(location).scheme:
        return location
    parts = urlsplit(endpoint)
    return urlunsplit((parts.scheme, parts.netloc, location, "", ""))
