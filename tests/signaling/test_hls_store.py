"""A finished recording whose media is in an object store alone, over HLS from a real S3 server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recorder.objects import ObjectStore
from recorder.store import Store
from recorder.upload import Uploader
from tests.support.hls_stage import HlsStage
from tests.support.s3 import s3_server

pytestmark = pytest.mark.server


async def test_media_that_is_in_the_store_alone_is_played_by_ranges(tmp_path: Path) -> None:
    with s3_server() as s3:
        stage = HlsStage(tmp_path, store=s3.settings())
        stage.play(9.0)
        stage.end(approved=True)
        folder = stage.deck.folder
        file, init = ((folder.path / name).read_bytes() for name in ("e001.mp4", "e001.init.mp4"))
        uploader = Uploader(Store(tmp_path), ObjectStore(s3.settings()), s3.settings())
        await uploader.round()
        await uploader.drop(folder)
        assert not (folder.path / "e001.mp4").exists()
        async with stage.client() as client:
            index = await client.get(stage.url("index.m3u8"), headers=stage.bearer())
            assert (await index.text()).splitlines()[-1] == "vod.m3u8"
            vod = await client.get(stage.url("vod.m3u8"), headers=stage.bearer())
            ranges = re.findall(r"BYTERANGE:(\d+)@(\d+)", await vod.text())
            assert len(ranges) >= 2
            for length, offset in ((int(length), int(offset)) for length, offset in ranges):
                wanted = stage.bearer() | {"Range": f"bytes={offset}-{offset + length - 1}"}
                answer = await client.get(stage.url("e001.mp4"), headers=wanted)
                assert (answer.status, await answer.read()) == (206, file[offset : offset + length])
                assert answer.headers["Content-Range"] == f"bytes {offset}-{offset + length - 1}/{len(file)}"
            whole = await client.get(stage.url("e001.mp4"), headers=stage.bearer())
            assert (whole.status, await whole.read()) == (200, file)
            head = await client.head(stage.url("e001.mp4"), headers=stage.bearer())
            assert (head.status, head.headers["Content-Length"]) == (200, str(len(file)))
            beyond = await client.get(stage.url("e001.mp4"), headers=stage.bearer() | {"Range": f"bytes={len(file)}-"})
            assert (beyond.status, (await beyond.json())["code"]) == (416, "bad_range")
            first = await client.get(stage.url("e001.init.mp4"), headers=stage.bearer())
            assert (first.status, await first.read()) == (200, init)
            s3.stop()
            gone = await client.get(stage.url("e001.mp4"), headers=stage.bearer())
            assert (gone.status, (await gone.json())["code"]) == (503, "store_unreachable")
