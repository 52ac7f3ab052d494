"""Recordings in a real S3 server: whole, by ranges, by a signed address; nothing is lost when it goes away."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.errors import ObjectStoreError, UnknownRecording
from recorder.finish import finish
from recorder.objects import CHUNK_BYTES, ObjectStore
from recorder.store import Folder, Store, read_stored
from recorder.upload import Uploader, is_stored
from recorder.vault import RemoteObject, Vault
from tests.support.media import clip
from tests.support.reels import Shelf, files, lecture
from tests.support.s3 import S3Server, s3_server

pytestmark = pytest.mark.server
LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def finished(root: Path) -> Folder:
    folder = lecture(root, clip(4.0), clip(4.0, first=500))
    finish(folder)
    return folder


async def test_a_large_file_comes_back_by_ranges_and_by_a_signed_address(tmp_path: Path, server: S3Server) -> None:
    data = os.urandom(CHUNK_BYTES * 2 + 12345)
    (tmp_path / "e001.mp4").write_bytes(data)
    objects = ObjectStore(server.settings())
    put = await objects.put("large/e001.mp4", tmp_path / "e001.mp4")
    assert put.bytes == len(data)
    assert put.etag.strip('"').endswith("-3"), "three parts of a multipart upload"
    for offset, length in ((0, 1), (CHUNK_BYTES - 5, 10), (len(data) - 7, 7)):
        assert await objects.read("large/e001.mp4", offset, length) == data[offset : offset + length]
    url = await objects.url("large/e001.mp4")
    with await asyncio.to_thread(urllib.request.urlopen, url, timeout=20) as answer:
        assert answer.read() == data
        assert answer.headers["Content-Type"] == "video/mp4"
    with pytest.raises(FileNotFoundError):
        await objects.read("large/e002.mp4", 0, 1)
    assert await objects.head("large/e002.mp4") is None


async def test_all_files_of_a_recording_are_stored_and_its_manifest_last(tmp_path: Path, server: S3Server) -> None:
    folder = finished(tmp_path)
    objects = ObjectStore(server.settings())
    uploader = Uploader(Store(tmp_path), objects, server.settings())
    assert not is_stored(folder)
    await uploader.round()
    assert (uploader.waiting, uploader.failed, is_stored(folder)) == (0, 0, True)
    names = {key.split("/")[-1] for key in await objects.names(folder.recording_id)}
    assert names == set(files(folder)) - {"stored.json"}
    assert (
        await objects.sha256(f"{folder.recording_id}/video.mp4") == read_stored(folder)["files"]["video.mp4"]["sha256"]
    )


async def test_a_restart_goes_on_with_what_is_missing(tmp_path: Path, server: S3Server) -> None:
    folder = finished(tmp_path)

    class Ending(ObjectStore):
        """A process that ends at its fourth file."""

        sent: list[str] = []  # noqa: RUF012 -- of this one class
        left = 3

        async def put(self, key: str, path: Path):  # type: ignore[no-untyped-def]
            if not self.left:
                raise asyncio.CancelledError
            self.left -= 1
            return await super().put(key, path)

    ending = Ending(server.settings())
    with pytest.raises(asyncio.CancelledError):
        await Uploader(Store(tmp_path), ending, server.settings()).upload(folder)
    before = set(read_stored(folder)["files"])
    assert len(before) == 3
    assert await ending.head(f"{folder.recording_id}/manifest.json") is None
    times = {name: await ending.head(f"{folder.recording_id}/{name}") for name in before}
    seen: list[str] = []

    class Counting(ObjectStore):
        """Notes what is sent."""

        async def put(self, key: str, path: Path):  # type: ignore[no-untyped-def]
            seen.append(path.name)
            return await super().put(key, path)

    await Uploader(Store(tmp_path), Counting(server.settings()), server.settings()).round()
    assert is_stored(folder)
    assert before.isdisjoint(seen)
    assert seen[-1] == "manifest.json"
    assert all(times.values())


async def test_a_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    before = files(folder)
    server = S3Server()
    vault = Vault(tmp_path, server.settings())
    await vault.start()
    try:
        async with asyncio.timeout(60):
            while not vault.metrics()["uploads_failed"]:
                await asyncio.sleep(0.05)
        assert vault.storage(folder.recording_id) == "uploading"
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(60):
            while vault.storage(folder.recording_id) != "stored":
                await asyncio.sleep(0.05)
        assert {name: data for name, data in files(folder).items() if name != "stored.json"} == before
    finally:
        await vault.stop()
        server.stop()


async def test_local_media_leaves_only_when_the_copy_is_the_same(tmp_path: Path, server: S3Server) -> None:
    folder = finished(tmp_path)
    settings = server.settings(local_days=1)
    vault = Vault(tmp_path, settings)
    objects, video = ObjectStore(settings), folder.joined.read_bytes()
    uploader = Uploader(vault.store, objects, settings, now=lambda: LATER)
    (tmp_path / "false.mp4").write_bytes(bytes(len(video)))
    await uploader.upload(folder)
    await objects.put(f"{folder.recording_id}/video.mp4", tmp_path / "false.mp4")
    await uploader.round()
    assert folder.joined.exists()
    assert uploader.failed == 1
    await objects.put(f"{folder.recording_id}/video.mp4", folder.joined)
    await uploader.round()
    assert not folder.joined.exists()
    assert not folder.reels()
    assert isinstance(vault.locate(folder.recording_id, "thumb.jpg"), Path)
    remote = vault.locate(folder.recording_id, "video.mp4")
    assert isinstance(remote, RemoteObject)
    assert await remote.read(100, 1000) == video[100:1100]
    assert finish(folder).bytes == len(video), "finishing again leaves it as it is"


async def test_wrong_keys_are_an_error_that_does_not_show_them(tmp_path: Path) -> None:
    server = S3Server()
    objects = ObjectStore(server.settings(secret_key="very-secret"))
    with pytest.raises(ObjectStoreError) as caught:
        await objects.head("x")
    assert "very-secret" not in str(caught.value)


def test_only_public_files_are_found(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.reel(0.0, clip(4.0))
    shelf.reel(10.0, clip(4.0, first=500), hidden=True)
    vault = Vault(tmp_path, S3Server().settings(url=""))
    with pytest.raises(UnknownRecording):
        vault.locate(shelf.folder.recording_id, "e001.mp4")
    finish(shelf.folder)
    assert vault.locate(shelf.folder.recording_id, "e001.mp4") == shelf.folder.reel(1)
    for name in ("e002.mp4", "e002.init.mp4", "journal.jsonl", "../x", "manifest.json", "e001.idx"):
        with pytest.raises(UnknownRecording):
            vault.locate(shelf.folder.recording_id, name)
    assert vault.storage(shelf.folder.recording_id) == "local"
