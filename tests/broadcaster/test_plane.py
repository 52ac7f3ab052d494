"""The composed media plane over real sockets, DTLS and SRTP: what a lecturer sends is what every viewer gets."""

from __future__ import annotations

import asyncio
import struct

import pytest

from broadcaster.drops import DropReason
from broadcaster.errors import Busy, RoomClosed
from broadcaster.events import PublicationClosed, PublicationOpened, SubscriptionClosed, SubscriptionOpened
from broadcaster.media import Kind, MediaPacket, SenderClock
from broadcaster.sink import Source
from tests.support.lecture import Block
from tests.support.peer import Peer
from tests.support.stage import Stage, payloads, stage


@pytest.fixture(autouse=True, params=["native", "python"])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything here holds with both twins of the fan-out."""
    monkeypatch.setenv("JIANGTANG_FORWARD__TWIN", request.param)
    return str(request.param)


def sent_payloads(packets: list[bytes]) -> list[bytes]:
    return [packet[12:] for packet in packets]


def video_of(peer: Peer) -> int:
    return peer.answered_ssrcs()[1]


async def test_what_is_sent_arrives_in_order_and_unchanged() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        packets = [packet for _ in range(10) for packet in lecturer.send_frame()]
        sound = [lecturer.send_sound() for _ in range(5)]
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(packets) + len(sound))
        audio, video = viewer.answered_ssrcs()[0], video_of(viewer)
        assert payloads(viewer, video) == sent_payloads(packets)
        assert payloads(viewer, audio) == sent_payloads(sound)
        numbers = viewer.sequences(video)
        assert numbers == list(range(numbers[0], numbers[0] + len(packets)))
        assert viewer.undecryptable == 0


async def test_a_late_joiner_gets_the_cached_pictures_and_goes_on_without_a_gap() -> None:
    async with stage() as at:
        early, lecturer = await at.viewer("early"), await at.lecturer()
        before = [packet for _ in range(6) for packet in lecturer.send_frame()]
        await early.wait_for(lambda: len(early.rtp) >= len(before))
        asked = lecturer.plis
        late = await at.viewer("late")
        after = [packet for _ in range(3) for packet in lecturer.send_frame()]
        await late.wait_for(lambda: len(late.rtp) >= len(before) + len(after))
        assert payloads(late, video_of(late)) == sent_payloads(before + after)
        assert lecturer.plis == asked, "a cached group of pictures needs no keyframe request"


async def test_without_a_cached_keyframe_one_request_serves_all_who_wait() -> None:
    async with stage({"forward": {"gop_burst_bytes": 1}}) as at:
        lecturer = await at.lecturer()
        lecturer.send_frame()
        await at.until(lambda: at.room.packets_in > 0)
        asked = lecturer.plis
        first, second = await at.viewer("a"), await at.viewer("b")
        await lecturer.wait_for(lambda: lecturer.plis > asked)
        lecturer.lecture.keyframe_wished = True
        frame = lecturer.send_frame()
        for viewer in (first, second):
            await viewer.wait_for(lambda viewer=viewer: len(viewer.rtp) >= len(frame))  # type: ignore[misc]
            assert payloads(viewer, video_of(viewer)) == sent_payloads(frame)
        assert lecturer.plis == asked + 1


async def test_a_lost_packet_is_repaired_from_the_ring_as_rtx() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        packets = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(packets))
        _, video, rtx = viewer.answered_ssrcs()
        number = viewer.sequences(video)[2]
        viewer.send_nack(video, [number])
        await viewer.wait_for(lambda: bool(viewer.sequences(rtx)))
        assert payloads(viewer, rtx) == [struct.pack("!H", number) + packets[2][12:]]
        assert lecturer.rtcp == [] or lecturer.plis >= 0


async def test_the_lecturer_is_asked_for_what_is_missing() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        lecturer.send_frame()
        frame = lecturer.lecture.next_frame()
        for packet in (*frame[:2], *frame[3:]):
            lecturer.send_rtp(packet)
        missing = struct.unpack_from("!H", frame[2], 2)[0]
        await lecturer.wait_for(lambda: missing in nacked(lecturer))
        lecturer.send_rtp(frame[2])
        await viewer.wait_for(lambda: frame[2][12:] in payloads(viewer, video_of(viewer)))


def nacked(peer: Peer) -> set[int]:
    """The first sequence numbers of all generic NACKs that a lecturer got."""
    found = set()
    for compound in peer.rtcp:
        position = 0
        while position + 4 <= len(compound):
            first, kind, words = struct.unpack_from("!BBH", compound, position)
            if kind == 205 and first & 31 == 1:
                found |= {struct.unpack_from("!H", compound, position + 12 + 4 * i)[0] for i in range(words - 2)}
            position += 4 + 4 * words
    return found


async def test_the_studio_gets_reports_and_an_estimate() -> None:
    async with stage() as at:
        lecturer = await at.lecturer()
        lecturer.send_frame()
        await lecturer.wait_for(lambda: lecturer.rembs >= 1)
        assert any(compound[1] == 201 for compound in lecturer.rtcp), "a receiver report leads the compound"


async def test_each_viewer_gets_sender_reports_on_the_clock_of_the_server() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        lecturer.send_frame()
        lecturer.send_sound()
        await viewer.wait_for(lambda: len({ssrc for ssrc, _ in reports(viewer)}) == 2)
        assert {ssrc for ssrc, _ in reports(viewer)} == set(viewer.answered_ssrcs()[:2])


def reports(peer: Peer) -> list[tuple[int, int]]:
    """(SSRC, NTP) of all sender reports."""
    found = []
    for compound in peer.rtcp:
        position = 0
        while position + 4 <= len(compound):
            _, kind, words = struct.unpack_from("!BBH", compound, position)
            if kind == 200:
                found.append(struct.unpack_from("!IQ", compound, position + 4))
            position += 4 + 4 * words
    return found


async def test_nothing_flows_while_forwarding_is_off_and_numbers_go_on_after_it() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        first = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(first))
        at.room.set_forwarding(False)
        before = at.plane.drops[DropReason.NOT_FORWARDING]
        held = lecturer.send_frame()
        await at.until(lambda: at.plane.drops[DropReason.NOT_FORWARDING] >= before + len(held))
        at.room.set_forwarding(True)
        lecturer.lecture.keyframe_wished = True
        again = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(first) + len(again))
        assert payloads(viewer, video_of(viewer)) == sent_payloads(first + again)
        numbers = viewer.sequences(video_of(viewer))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_higher_fence_takes_over_with_its_first_keyframe() -> None:
    async with stage() as at:
        viewer, first = await at.viewer(), await at.lecturer(fence=1)
        old = first.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(old))
        second = await at.lecturer(fence=2)
        still = first.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(old + still))
        new = second.send_frame()
        await first.closed.wait()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(old + still + new))
        video = video_of(viewer)
        assert payloads(viewer, video) == sent_payloads(old + still + new)
        numbers = viewer.sequences(video)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        opened = [event.fence for event in at.events if isinstance(event, PublicationOpened)]
        closed = [(e.fence, e.reason) for e in at.events if isinstance(e, PublicationClosed)]
        assert (opened, closed) == ([1, 2], [(1, "taken_over")])
        with pytest.raises(RoomClosed, match="fence 1 is below 2"):
            await at.room.publish(first.offer, fence=1)


async def test_cut_ends_forwarding_and_says_goodbye_to_everybody() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        frame = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(frame))
        at.room.cut()
        out = at.room.terminals.packets_out
        async with asyncio.timeout(0.2):
            await asyncio.gather(viewer.closed.wait(), lecturer.closed.wait())
        assert at.room.terminals.packets_out == out
        assert len(at.room.terminals) == 0
        assert not at.room.closed
        assert [event.reason for event in at.events if isinstance(event, SubscriptionClosed)] == ["cut"]


async def test_delivery_is_what_receiver_reports_acknowledge() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer("screen-7"), await at.lecturer()
        sent = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(sent))
        sent += lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(sent))
        numbers = viewer.sequences(video_of(viewer))
        viewer.send_receiver_report(Block(video_of(viewer), numbers[-1]))
        await at.until(lambda: "screen-7" in at.room.viewers())
        sample = at.room.sample_delivery()
        assert sample.published == len(sent)
        assert sample.flowing > 0
        assert [(d.viewer, d.advance, d.lost, d.expected) for d in sample.deliveries] == [
            ("screen-7", len(sent), 0, len(sent))
        ]
        viewer.send_receiver_report(Block(video_of(viewer), numbers[-1] + 5_000))
        viewer.close()
        await at.until(lambda: len(at.room.terminals) == 0)
        assert [(d.advance, d.expected) for d in at.room.sample_delivery().deliveries] == [(0, 0)]


async def test_the_last_sample_is_taken_when_the_room_has_ended() -> None:
    async with stage() as at:
        room, viewer, lecturer = at.room, await at.viewer("screen-7"), await at.lecturer()
        sent = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(sent))
        viewer.send_receiver_report(Block(video_of(viewer), viewer.sequences(video_of(viewer))[-1]))
        await at.until(lambda: "screen-7" in room.viewers())
        room.close("ended")
        sample = room.sample_delivery()
        assert sample.published == len(sent)
        assert [(d.viewer, d.advance) for d in sample.deliveries] == [("screen-7", len(sent))]


async def test_viewers_are_reported_when_they_come_and_go() -> None:
    async with stage() as at:
        viewer = await at.viewer("screen-1")
        viewer.close()
        await at.until(lambda: any(isinstance(event, SubscriptionClosed) for event in at.events))
        kinds = [type(event) for event in at.events]
        assert kinds == [SubscriptionOpened, SubscriptionClosed]


class Recording:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.packets: list[MediaPacket] = []
        self.clocks: list[SenderClock] = []

    def opened(self, source: Source) -> None:
        self.words.append("opened")

    def receive(self, train: list[MediaPacket], now: float) -> None:
        assert len({packet.kind for packet in train}) == 1
        self.packets += train

    def clock(self, clock: SenderClock) -> None:
        self.clocks.append(clock)

    def closed(self, reason: str) -> None:
        self.words.append(reason)


async def test_another_sink_gets_the_same_packets_and_clocks() -> None:
    async with stage() as at:
        sink = Recording()
        lecturer = await at.lecturer()
        at.room.attach(sink)
        frame = lecturer.send_frame()
        lecturer.send_sender_reports(3_900_000_000.5)
        await at.until(lambda: bool(sink.clocks) and len(sink.packets) == len(frame))
        assert [packet.payload for packet in sink.packets] == sent_payloads(frame)
        assert sink.packets[0].starts_keyframe
        assert not sink.packets[1].starts_keyframe
        assert sink.clocks[0].kind is Kind.VIDEO
        assert sink.clocks[0].ntp == pytest.approx(3_900_000_000.5)
        lecturer.close()
        await at.until(lambda: len(sink.words) == 2)
        assert sink.words == ["opened", "closed_by_peer"]


async def test_a_lecture_without_pictures_is_relayed() -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer(video=False)
        sound = [lecturer.send_sound() for _ in range(3)]
        await viewer.wait_for(lambda: len(viewer.rtp) >= 3)
        assert payloads(viewer, viewer.answered_ssrcs()[0]) == sent_payloads(sound)


async def test_joins_beyond_the_rate_are_refused_with_a_time_to_wait() -> None:
    async with stage({"media": {"port": 0, "hosts": ["127.0.0.1"], "joins_per_second": 2}}) as at:
        await at.viewer("a")
        await at.viewer("b")
        peer = Peer("watch")
        try:
            with pytest.raises(Busy) as refused:
                await asyncio.gather(*(at.room.subscribe(peer.offer, viewer=str(index)) for index in range(3)))
        finally:
            peer.close()
        assert 0 < refused.value.retry_after <= 0.5


@pytest.mark.parametrize("garbage", [b"\x80", b"\x80\xc8\x00\x01", b"\x90" + bytes(30), bytes(12)])
async def test_garbage_under_valid_srtp_costs_one_counter(garbage: bytes) -> None:
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        header = struct.pack("!BBHII", 0x80, 99, 1, 2, 3)
        lecturer.send_rtp(header + garbage)
        await at.until(lambda: at.plane.drops.total() > 0)
        frame = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(frame))
        assert payloads(viewer, video_of(viewer)) == sent_payloads(frame)


async def test_a_viewer_cannot_publish(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as at:
        viewer, lecturer, intruder = await at.viewer("a"), await at.lecturer(), await at.viewer("b")
        frame = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(frame))
        for _ in range(20):
            intruder.send_frame()
        await at.until(lambda: at.plane.drops[DropReason.VIEWER_SENT_MEDIA] >= 20)
        assert payloads(viewer, video_of(viewer)) == sent_payloads(frame)


async def closed_with(at: Stage, peer: Peer) -> None:
    await at.until(lambda: at.sessions[peer].closed)


async def test_an_ended_room_takes_nobody_and_a_new_one_begins() -> None:
    async with stage() as at:
        room, viewer = at.room, await at.viewer()
        room.close("room_closed")
        await viewer.closed.wait()
        await closed_with(at, viewer)
        with pytest.raises(RoomClosed):
            await room.subscribe(viewer.offer, viewer="x")
        assert at.plane.room(room.id) is not room


async def test_a_mistake_in_a_sweep_ends_neither_the_room_nor_the_bursts(
    monkeypatch: pytest.MonkeyPatch, twin: str
) -> None:
    if twin == "native":
        pytest.skip("nothing of a native sweep can raise")
    async with stage() as at:
        viewer, lecturer = await at.viewer(), await at.lecturer()
        frame = lecturer.send_frame()
        await viewer.wait_for(lambda: len(viewer.rtp) >= len(frame))
        with monkeypatch.context() as broken:
            broken.setattr(at.room.terminals._fanout, "turn", lambda now: 1 / 0)
            seen = at.room.packets_in
            lecturer.send_frame()
            await at.until(lambda: at.room.packets_in > seen)
        lecturer.lecture.keyframe_wished = True
        again = lecturer.send_frame()
        await viewer.wait_for(lambda: payloads(viewer, video_of(viewer))[-len(again) :] == sent_payloads(again))
        late = await at.viewer("late")
        await late.wait_for(lambda: sent_payloads(again)[-1] in payloads(late, video_of(late)))
