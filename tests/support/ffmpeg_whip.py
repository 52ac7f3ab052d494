"""A publisher that is FFmpeg's own `whip` muxer, as a process: PyAV keeps the GIL while the muxer connects.

    python -m tests.support.ffmpeg_whip URL TOKEN FOLDER [FRAMES]

FOLDER takes the certificate. Sends FRAMES pictures (30 a second, 320x180, with a counter) and a beep each second in real
time, then ends the session.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.media import beeps, video_frame

ENCODER = {"profile": "baseline", "tune": "zerolatency", "preset": "ultrafast", "g": "30"}


def write_certificate(folder: Path) -> dict[str, str]:
    """A certificate on P-256: FFmpeg's own is on P-224, which OpenSSL refuses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "publisher")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    return {"cert_file": str(folder / "cert.pem"), "key_file": str(folder / "key.pem")}


def publish(url: str, token: str, folder: Path, frames: int) -> None:
    """Publish `frames` pictures with their sound, at the pace of a camera."""
    options = {"authorization": token, **write_certificate(folder)}
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=30, options=ENCODER)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = output.add_stream("libopus", rate=48_000, layout="stereo")
        tone = beeps(frames / 30)
        output.start_encoding()  # connects
        begun = time.monotonic()
        for number in range(frames):
            frame = video_frame(number, 320, 180)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            output.mux(video.encode(frame))
            samples = (np.repeat(tone[number * 1600 : (number + 1) * 1600], 2) * 32767).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, number * 1600, Fraction(1, 48_000)
            output.mux(audio.encode(sound))
            time.sleep(max(0.0, begun + number / 30 - time.monotonic()))


@contextmanager
def running(demo: dict[str, Any], folder: Path, frames: int) -> Iterator[subprocess.Popen[bytes]]:
    """Publish to a demo server in a process that ends with the block."""
    command = [sys.executable, "-m", "tests.support.ffmpeg_whip", demo["whip_url"], demo["whip_token"], str(folder)]
    process = subprocess.Popen([*command, str(frames)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    publish(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 45)
