"""The reel on the disk: torn ends, lost indexes, half lines."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from recorder.boxes import PartSplitter, box, boxes, find
from recorder.errors import BoxError
from recorder.finish import finish
from recorder.fragments import read_init
from recorder.journal import Lines, read_lines
from recorder.recover import recover
from recorder.segment import ReelReader, beside
from recorder.store import Folder
from tests.support.media import clip, shown_counters
from tests.support.taping import Deck, stream


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(6.0)))
    deck.end()
    return deck.folder


def test_recovery_of_a_whole_reel_changes_nothing(folder: Folder) -> None:
    reel = folder.reels()[0]
    before = reel.read_bytes(), beside(reel, ".idx").read_bytes()
    assert recover(reel) == 0
    assert (reel.read_bytes(), beside(reel, ".idx").read_bytes()) == before


@pytest.mark.parametrize("seed", range(8))
def test_a_reel_cut_anywhere_plays_up_to_its_last_whole_part(folder: Folder, seed: int) -> None:
    reel = folder.reels()[0]
    parts = ReelReader(reel).parts
    cut = random.Random(seed).randrange(parts[2].offset, parts[-1].offset + parts[-1].length)
    whole = [part for part in parts if part.offset + part.length <= cut]
    with reel.open("r+b") as file:
        file.truncate(cut)
    assert recover(reel) == cut - (whole[-1].offset + whole[-1].length)
    assert ReelReader(reel).parts == whole
    done = finish(folder)
    assert done.path_mp4 is not None
    counters = [counter for _, counter in shown_counters(done.path_mp4)]
    assert counters == list(range(len(counters)))
    assert len(counters) / 15 >= (len(whole) - 1) * 0.5


def test_a_lost_index_is_rebuilt_from_the_parts(folder: Folder) -> None:
    reel = folder.reels()[0]
    parts = ReelReader(reel).parts
    beside(reel, ".idx").unlink()
    recover(reel)
    rebuilt = ReelReader(reel).parts
    assert [(p.seq, p.offset, p.length, p.key, p.crc32) for p in rebuilt] == [
        (p.seq, p.offset, p.length, p.key, p.crc32) for p in parts
    ]


def test_a_torn_index_line_is_rebuilt(folder: Folder) -> None:
    reel = folder.reels()[0]
    index = beside(reel, ".idx")
    parts = ReelReader(reel).parts
    index.write_bytes(index.read_bytes()[:-20])
    recover(reel)
    assert [part.crc32 for part in ReelReader(reel).parts] == [part.crc32 for part in parts]


def test_blocks_that_never_reached_the_disk_are_cut_off(folder: Folder) -> None:
    reel = folder.reels()[0]
    parts = ReelReader(reel).parts
    with reel.open("r+b") as file:
        file.seek(parts[-2].offset + parts[-2].length - 50)
        file.write(bytes(50))
    assert recover(reel) == parts[-2].length + parts[-1].length
    assert ReelReader(reel).parts == parts[:-2]


def test_a_reel_without_a_whole_beginning_is_left_out_and_named(folder: Folder) -> None:
    folder.reel(2).write_bytes(b"\0\0\0\x20ftyp")
    done = finish(folder)
    assert done.problems == ["reel_unreadable"]
    assert done.duration_s == pytest.approx(6.0, abs=0.1)


def test_parts_begin_with_idr_pictures_and_last_half_a_second(folder: Folder) -> None:
    reader = ReelReader(folder.reels()[0])
    video = reader.track("vide")
    assert video is not None
    assert (video.width, video.height, video.timescale) == (320, 180, 90_000)
    assert sum(part.key for part in reader.parts) == 3
    assert 11 <= len(reader.parts) <= 16


def test_journal_ends_in_front_of_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = Lines(path, durable=True)
    lines.append({"n": 1})
    lines.append({"n": 2, "title": "禁毒"})
    lines.close()
    path.write_bytes(path.read_bytes() + b'{"n":3')
    assert [line["n"] for line in read_lines(path)] == [1, 2]
    again = Lines(path, durable=True)
    again.append({"n": 4})
    again.close()
    assert [line["n"] for line in read_lines(path)] == [1, 2, 4]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_parts_are_found_however_the_bytes_come(folder: Folder, size: int) -> None:
    reel = folder.reels()[0]
    reader = ReelReader(reel)
    media = reel.read_bytes()[reader.head : reader.media_end]
    data = reader.init + media
    splitter = PartSplitter()
    found: list[bytes] = []
    for start in range(0, min(len(data), 20_000 if size == 1 else len(data)), size):
        found += splitter.feed(data[start : start + size])
    assert found[0] == reader.init
    assert [len(part) for part in found[1:]] == [part.length for part in reader.parts][: len(found) - 1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0\0\0", "3 bytes at 0 are too few for a box header"),
        (b"\0\0\0\x04free", "box b'free' at 0 claims 4 bytes, 8 are left"),
        (b"\0\0\0\x10free", "box b'free' at 0 claims 16 bytes, 8 are left"),
        (b"\0\0\0\x01mdat\0\0", "large box header at 0 is cut off"),
    ],
)
def test_lengths_are_not_believed(data: bytes, message: str) -> None:
    with pytest.raises(BoxError) as caught:
        list(boxes(data))
    assert str(caught.value) == message


def test_mutated_initialisations_raise_box_error_or_nothing(folder: Folder) -> None:
    init = ReelReader(folder.reels()[0]).init
    chance = random.Random(5)
    for _ in range(3000):
        data = bytearray(init)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read_init(bytes(data[: chance.randrange(8, len(data) + 1)]))
        except BoxError:
            continue


def test_find_names_the_path_that_is_missing() -> None:
    with pytest.raises(BoxError, match="no box moov/trak"):
        find(box("moov", box("mvhd")), "moov", "trak")
