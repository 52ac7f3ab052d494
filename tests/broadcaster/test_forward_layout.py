"""Plan and ring as flat memory: what a twin in C relies on."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.forward import layout
from broadcaster.forward.layout import (
    NEVER,
    ROW_BYTES,
    ROW_HEAD,
    ROW_STREAMS,
    SLOT_HEAD,
    SLOT_PAYLOAD,
    STREAM,
    STREAM_BYTES,
    Row,
    State,
    Stream,
)

U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 64))
STREAMS = st.builds(
    Stream,
    U32,
    st.integers(0, 127),
    st.sampled_from(State),
    st.integers(0, 31),
    U32,
    U32,
    U32,
    U32,
    U64,
    U64,
    U64,
    st.floats(-1, 1e9),
    U32,
    U32,
    st.binary(max_size=32),
)

# The structures of the twin in C, by its own header: the compiler must find the same places.
HEADERS = Path(layout.__file__).parent
C_ROW = """
#include <stdio.h>
#include "_native.h"
#define AT(name, type, field) printf(name " %zu\\n", offsetof(struct type, field))
int main(void) {
    printf("ROW_BYTES %zu\\nSTREAM_BYTES %zu\\nSLOT_BYTES %zu\\n",
           sizeof(struct row), sizeof(struct stream), sizeof(struct slot));
    AT("ROW_GENERATION", row, generation); AT("ROW_FLAGS", row, flags); AT("ROW_HANDLE", row, handle);
    AT("ROW_SOCKADDR", row, sockaddr); AT("ROW_SOCKADDR_LENGTH", row, sockaddr_length); AT("ROW_SOCKET", row, socket);
    AT("ROW_RTX_SSRC", row, rtx_ssrc); AT("ROW_RTX_NEXT", row, rtx_next);
    AT("ROW_RTX_PAYLOAD_TYPE", row, rtx_payload_type); AT("ROW_STREAMS", row, streams);
    AT("STREAM_SSRC", stream, ssrc); AT("STREAM_PAYLOAD_TYPE", stream, payload_type); AT("STREAM_STATE", stream, state);
    AT("STREAM_EXTENSION_LENGTH", stream, extension_length); AT("STREAM_TIME_OFFSET", stream, time_offset);
    AT("STREAM_SEQUENCE_OFFSET", stream, sequence_offset); AT("STREAM_NEXT_SEQUENCE", stream, next_sequence);
    AT("STREAM_TIMESTAMP_OFFSET", stream, timestamp_offset); AT("STREAM_LAST_TIMESTAMP", stream, last_timestamp);
    AT("STREAM_BASE_SEQUENCE", stream, base_sequence); AT("STREAM_FROM_INDEX", stream, from_index);
    AT("STREAM_SKIP_TIMESTAMP", stream, skip_timestamp); AT("STREAM_LAST_ARRIVAL", stream, last_arrival);
    AT("STREAM_PACKETS", stream, packets); AT("STREAM_OCTETS", stream, octets); AT("STREAM_EXTENSION", stream, extension);
    AT("SLOT_INDEX", slot, index); AT("SLOT_SEQUENCE", slot, sequence); AT("SLOT_TIMESTAMP", slot, timestamp);
    AT("SLOT_ARRIVAL", slot, arrival); AT("SLOT_KIND", slot, kind); AT("SLOT_FLAGS", slot, flags);
    AT("SLOT_LENGTH", slot, length); AT("SLOT_SEND_TIME", slot, send_time);
    AT("SLOT_WIRE_BYTES", slot, wire_bytes); AT("SLOT_PAYLOAD", slot, payload);
    return 0;
}
"""


def test_the_structures_fill_their_sizes() -> None:
    assert ROW_HEAD.size == ROW_STREAMS
    assert STREAM.size == STREAM_BYTES
    assert ROW_STREAMS + 2 * STREAM_BYTES == ROW_BYTES
    assert SLOT_HEAD.size == SLOT_PAYLOAD
    assert ROW_BYTES % 64 == 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_c_compiler_finds_every_field_where_python_says(tmp_path: Path) -> None:
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text(C_ROW)
    subprocess.run(["cc", "-std=c11", "-I", HEADERS, "-o", program, source], check=True)
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    found = {name: int(value) for name, value in (line.split() for line in lines)}
    assert found == {name: getattr(layout, name) for name in found}
    named = {
        name
        for name, value in vars(layout).items()
        if name.startswith(("ROW_", "STREAM_", "SLOT_")) and isinstance(value, int)
    }
    assert set(found) == named - {"SLOT_PAYLOAD_BYTES"}


@given(STREAMS, STREAMS, st.binary(max_size=28), st.tuples(U32, U64, U16, U32, U32))
def test_a_row_reads_as_it_was_written(audio: Stream, video: Stream, sockaddr: bytes, rest: tuple[int, ...]) -> None:
    generation, handle, socket, rtx_ssrc, rtx_next = rest
    memory = bytearray(3 * ROW_BYTES)
    row = Row(1, generation, 1, handle, sockaddr, socket, rtx_ssrc, rtx_next, 109, (audio, video))
    row.write(memory)
    assert Row.read(memory, 1) == row
    assert not any(memory[:ROW_BYTES])
    assert not any(memory[2 * ROW_BYTES :])


def test_every_field_of_the_decoded_row_is_in_the_memory() -> None:
    assert len(ROW_HEAD.unpack(bytes(ROW_HEAD.size))) == len(fields(Row)) - 2 + 1  # slot and streams; sockaddr's length
    assert len(STREAM.unpack(bytes(STREAM_BYTES))) == len(fields(Stream)) + 1  # the extension's length


@pytest.mark.parametrize("first", [0, 32767, 65535, 65536 * 3 - 1, 2**32 - 2])
def test_numbers_out_name_their_source_across_wraps(first: int) -> None:
    stream = Stream(next_sequence=first & 0xFFFFFFFF, state=State.WAITING)
    stream.begin(70_000, 0, 0, 0.0, 90_000)
    for source in range(70_000, 72_000):
        stream.advance(source, source, 0.0)
    for source in range(70_000, 72_000):
        out = source + stream.sequence_offset & 0xFFFF
        assert stream.source_of(out) == source
    assert stream.source_of(first - 1 & 0xFFFF) is None


def test_a_number_that_never_went_out_has_no_source() -> None:
    stream = Stream(next_sequence=10, state=State.WAITING)
    assert stream.source_of(10) is None
    stream.begin(70_000, 0, 0, 0.0, 90_000)
    assert stream.source_of(10) == 70_000
    assert stream.source_of(11) is None


def test_a_late_packet_does_not_turn_the_numbers_back() -> None:
    stream = Stream(next_sequence=10, state=State.WAITING)
    stream.begin(70_000, 90_000, 0, 0.0, 90_000)
    stream.advance(70_005, 99_000, 0.2)
    stream.advance(70_003, 96_000, 0.3)
    assert (stream.next_sequence, stream.last_timestamp, stream.last_arrival) == (16, 99_000, 0.2)
    assert NEVER == 2**64 - 1
