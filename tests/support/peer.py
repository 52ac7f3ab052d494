"""A WebRTC client in Python: publishes to WHIP or watches by WHEP, as a browser, OBS or FFmpeg would.

It knows nothing of the server but an `exchange(offer) -> answer` coroutine, so the same peer works in-process and over HTTP:

    peer = Peer("publish")
    await peer.connect(exchange)                      # offer, answer, ICE checks with USE-CANDIDATE, DTLS
    peer.send_frame(); peer.send_sound()              # synthetic H.264 and Opus, protected and sent
    await peer.wait_for(lambda: peer.plis >= 1)       # waits for what comes in, never for time
    peer.close()                                      # close_notify

`rebind()` changes the local port, `stop_checks()` withholds consent, `vanish()` is a cable pulled out.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError

from tests.support.lecture import Block, Lecture, Stream, nack, pli, receiver_report, remb, sender_report
from tests.support.offers import Kind, OfferWords, Style, write_offer

Exchange = Callable[[str], Awaitable[str]]
Address = tuple[str, int]

FIRST_CHECKS_SECONDS = 0.05
CHECK_SECONDS = 2.5
_CERTIFICATE = RTCCertificate.generateCertificate()
_PAYLOAD_TYPES: dict[Style, tuple[int, int]] = {"chromium": (111, 108), "obs": (111, 96), "ffmpeg": (111, 106)}


class PeerError(RuntimeError):
    """The peer could not connect."""


class _Records:
    """What aiortc's DTLS transport takes for its ICE transport."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, record: bytes | None) -> None:
        self._queue.put_nowait(record)

    async def _recv(self) -> bytes:
        record = await self._queue.get()
        if record is None:
            raise ConnectionError
        return record

    async def _send(self, record: bytes) -> None:
        self._out(record)


class Peer:
    """One client. Everything it received is kept in `rtp` and `rtcp`, decrypted, in order of arrival."""

    def __init__(
        self,
        kind: Kind = "publish",
        *,
        style: Style = "chromium",
        host: str = "127.0.0.1",
        setup: str | None = None,
        audio: bool = True,
        video: bool = True,
        certificate: RTCCertificate = _CERTIFICATE,
    ) -> None:
        self.kind = kind
        self.host = host
        self.socket = self._open()
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.undecryptable = 0
        self._early: list[bytes] = []  # media read in one go with the record that ends the handshake
        self.answer = ""
        self.closed = asyncio.Event()
        self.use_candidate = True
        self.responses: list[tuple[bytes, Address]] = []
        self.words = self._words(kind, style, setup, audio=audio, video=video, certificate=certificate)
        audio_type, video_type = _PAYLOAD_TYPES[style]
        self.lecture = Lecture(
            Stream(self.words.video_ssrc, video_type), Stream(self.words.audio_ssrc, audio_type, timestamp=48_000)
        )
        self._certificate = certificate
        self._changed = asyncio.Event()
        self._records = _Records(self.send_raw)
        self._dtls: RTCDtlsTransport | None = None
        self._checks: asyncio.Task[None] | None = None
        self.remote: Address | None = None
        self.remote_ufrag = self.remote_pwd = ""

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await asyncio.sleep(0)

    # -- connecting -------------------------------------------------------------------------------------------

    @property
    def offer(self) -> str:
        """The SDP offer."""
        return write_offer(self.words)

    async def connect(self, exchange: Exchange, seconds: float = 10.0) -> Peer:
        """Offer, take the answer, check the path and shake hands. Raises `PeerError` or `TimeoutError`."""
        self.take_answer(await exchange(self.offer))
        self.start_checks()
        await self.wait_for(lambda: bool(self.responses), seconds)
        await asyncio.wait_for(self.handshake(), seconds)
        return self

    def take_answer(self, answer: str) -> None:
        """Read the answer's credentials and its first candidate of this peer's address family."""
        self.answer = answer
        self.remote_ufrag, self.remote_pwd = self.word("ice-ufrag"), self.word("ice-pwd")
        found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        usable = [(host, int(port)) for host, port in found if (":" in host) == (":" in self.host)]
        if not usable:
            raise PeerError(f"no candidate for {self.host} in the answer")
        self.remote = next((c for c in usable if c[0] == self.host), usable[0])

    def word(self, attribute: str) -> str:
        """The value of the first `a=attribute:` of the answer."""
        match = re.search(rf"^a={attribute}:(.+?)\r?$", self.answer, re.M)
        if match is None:
            raise PeerError(f"the answer has no a={attribute}")
        return match.group(1)

    def answered_ssrcs(self) -> list[int]:
        """The SSRCs that a WHEP answer announces, in order, without repetition."""
        return list(dict.fromkeys(int(ssrc) for ssrc in re.findall(r"^a=ssrc:(\d+) ", self.answer, re.M)))

    def start_checks(self) -> None:
        """Begin to send binding requests: fast until the first response, then every 2.5 s."""
        self._checks = asyncio.get_running_loop().create_task(self._keep_checking())

    def stop_checks(self) -> None:
        """Withhold consent (RFC 7675) from now on."""
        if self._checks is not None:
            self._checks.cancel()
            self._checks = None

    def check(self, *, nominate: bool | None = None, pwd: str | None = None, transaction: bytes | None = None) -> bytes:
        """A binding request (RFC 8445 section 7.2.2) ready to send."""
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=transaction)
        message.attributes["USERNAME"] = f"{self.remote_ufrag}:{self.words.ufrag}"
        message.attributes["PRIORITY"] = 1845501695
        message.attributes["ICE-CONTROLLING"] = 4711
        if self.use_candidate if nominate is None else nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((pwd or self.remote_pwd).encode())
        return bytes(message)

    async def handshake(self) -> None:
        """Shake hands in the role that the answer left to this side. Raises `PeerError`."""
        algorithm, value = self.word("fingerprint").split()
        self._dtls = RTCDtlsTransport(self._records, [self._certificate])  # type: ignore[arg-type]
        self._dtls._set_role("client" if self.word("setup") == "passive" else "server")
        self._dtls.on("statechange", self._on_dtls)
        await self._dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)]))
        if self._dtls.state != "connected":
            raise PeerError(f"DTLS is {self._dtls.state}")
        early, self._early = self._early, []
        for datagram in early:
            self._media(datagram)

    @property
    def dtls_state(self) -> str:
        """aiortc's word for the state of DTLS."""
        return "new" if self._dtls is None else self._dtls.state

    # -- sending ----------------------------------------------------------------------------------------------

    def send_raw(self, datagram: bytes) -> None:
        """Send bytes as they are to the server."""
        assert self.remote is not None
        self.socket.sendto(datagram, self.remote)

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send an RTP packet."""
        self.send_raw(self.protect(packet))

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet of an RTP packet."""
        assert self._dtls is not None
        return self._dtls._tx_srtp.protect(packet)

    def send_rtcp(self, compound: bytes) -> None:
        """Protect and send RTCP."""
        assert self._dtls is not None
        self.send_raw(self._dtls._tx_srtp.protect_rtcp(compound))

    def send_frame(self) -> list[bytes]:
        """Send the next frame of the synthetic lecture; return its packets before protection."""
        packets = self.lecture.next_frame()
        for packet in packets:
            self.send_rtp(packet)
        return packets

    def send_sound(self) -> bytes:
        """Send the next 40 ms of sound; return the packet before protection."""
        packet = self.lecture.next_sound()
        self.send_rtp(packet)
        return packet

    def send_sender_reports(self, ntp: float) -> None:
        """Send an SR for each source, saying that its present timestamp is `ntp` seconds since 1900."""
        for stream in (self.lecture.video, self.lecture.audio):
            self.send_rtcp(sender_report(stream, ntp))

    def send_receiver_report(self, *blocks: Block) -> None:
        """Send an RR."""
        self.send_rtcp(receiver_report(self.words.video_ssrc, *blocks))

    def send_nack(self, media: int, sequences: list[int]) -> None:
        """Ask for packets again."""
        self.send_rtcp(receiver_report(self.words.video_ssrc) + nack(self.words.video_ssrc, media, sequences))

    def send_pli(self, media: int) -> None:
        """Ask for a keyframe."""
        self.send_rtcp(receiver_report(self.words.video_ssrc) + pli(self.words.video_ssrc, media))

    def send_remb(self, bitrate: int, *ssrcs: int) -> None:
        """Say how many bits a second may be sent."""
        self.send_rtcp(receiver_report(self.words.video_ssrc) + remb(self.words.video_ssrc, bitrate, *ssrcs))

    # -- receiving --------------------------------------------------------------------------------------------

    async def wait_for(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Return when `condition` holds; it is asked again after everything that comes in. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def plis(self) -> int:
        """How many PLIs came in."""
        return sum(kind == 206 and fmt == 1 for compound in self.rtcp for kind, fmt in _kinds(compound))

    @property
    def rembs(self) -> int:
        """How many REMBs came in."""
        return sum(kind == 206 and fmt == 15 for compound in self.rtcp for kind, fmt in _kinds(compound))

    def sequences(self, ssrc: int) -> list[int]:
        """The sequence numbers that came in from one source, in order of arrival."""
        return [
            struct.unpack_from("!H", packet, 2)[0] for packet in self.rtp if packet[8:12] == struct.pack("!I", ssrc)
        ]

    # -- changes and ends -------------------------------------------------------------------------------------

    def rebind(self) -> None:
        """Go on from another local port, as behind a NAT that forgot the mapping."""
        self._stop_reading()
        self.socket.close()
        self.socket = self._open()

    def restart(self) -> str:
        """Take new ICE credentials; return the fragment for PATCH. Checks go on with the old until `take_fragment`."""
        self._fresh = replace(self.words, ufrag=secrets.token_hex(4), pwd=secrets.token_hex(12))
        lines = ["a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
        lines += [f"a=ice-ufrag:{self._fresh.ufrag}", f"a=ice-pwd:{self._fresh.pwd}"]
        return "\r\n".join(lines) + "\r\n"

    def take_fragment(self, fragment: str) -> None:
        """Use the new credentials of both ends."""
        self.words = self._fresh
        self.take_answer(fragment)

    def close(self) -> None:
        """Say goodbye (close_notify) and close the socket; idempotent."""
        if self.socket.fileno() >= 0 and self._dtls is not None and self._dtls._ssl is not None:
            try:
                self._dtls._ssl.shutdown()
                self.send_raw(self._dtls._ssl.bio_read(1500))
            except SSL.Error:
                self.closed.set()
        self.vanish()

    def vanish(self) -> None:
        """Be gone without a word; idempotent."""
        self.stop_checks()
        self._records.put(None)
        if self.socket.fileno() >= 0:
            self._stop_reading()
            self.socket.close()

    # -- inside -----------------------------------------------------------------------------------------------

    def _words(
        self, kind: Kind, style: Style, setup: str | None, *, audio: bool, video: bool, certificate: RTCCertificate
    ) -> OfferWords:
        digest = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
        base = secrets.randbelow(1 << 30) + 1
        port = self.socket.getsockname()[1]
        return OfferWords(
            kind=kind,
            style=style,
            ufrag=secrets.token_hex(4),
            pwd=secrets.token_hex(12),
            fingerprint=f"{digest.algorithm} {digest.value}",
            setup=setup or ("passive" if style == "ffmpeg" else "actpass"),
            audio=audio,
            video=video,
            audio_ssrc=base,
            video_ssrc=base + 1,
            rtx_ssrc=base + 2,
            candidates=(f"1 1 udp 2122194687 {self.host} {port} typ host",) if style == "chromium" else (),
        )

    def _open(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        opened.bind((self.host, 0))
        asyncio.get_running_loop().add_reader(opened, self._read, opened)
        return opened

    def _stop_reading(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)

    async def _keep_checking(self) -> None:
        while True:
            self.send_raw(self.check())
            await asyncio.sleep(CHECK_SECONDS if self.responses else FIRST_CHECKS_SECONDS)

    def _read(self, source: socket.socket) -> None:
        for _ in range(256):
            try:
                data, _ = source.recvfrom(2048)
            except OSError:
                break
            self._receive(data)
        self._changed.set()

    def _receive(self, data: bytes) -> None:
        if data[0] <= 3:
            message = stun.parse_message(data)
            if message.check_message_integrity(self.remote_pwd.encode()):
                self.responses.append((message.transaction_id, message.attributes["XOR-MAPPED-ADDRESS"]))
        elif data[0] <= 63:
            self._records.put(data)
        else:
            self._media(data)

    def _media(self, data: bytes) -> None:
        session = None if self._dtls is None else self._dtls._rx_srtp
        try:
            if session is None:
                self._early.append(data)
            elif 192 <= data[1] <= 223:
                self.rtcp.append(session.unprotect_rtcp(data))
            else:
                self.rtp.append(session.unprotect(data))
        except SrtpError:
            self.undecryptable += 1

    def _on_dtls(self) -> None:
        if self.dtls_state in ("closed", "failed"):
            self.closed.set()
        self._changed.set()


def _kinds(compound: bytes) -> list[tuple[int, int]]:
    """The (packet type, FMT or count) of each packet of a compound."""
    found, position = [], 0
    while position + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, position)
        found.append((kind, first & 31))
        position += 4 + 4 * words
    return found
