"""libFuzzer over everything in C that reads what came from a wire, with the address and undefined behaviour sanitizers.

Each target of `native/` begins with its corpus, with the inputs that once hurt, and with the shared corpus where it is
at hand. `make fuzz` lets each run for minutes and keeps what it finds; a crash is printed as hexadecimal digits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.mutations import HERE, corpus
from tests.fuzz.test_fuzz_feedback import seeds as seeds_of_feedback
from tests.support.native import c_files, compile_c

NATIVE = HERE / "native"
RUNS = 300_000
FEWEST_RUNS = 10_000
MOST_SECONDS = int(os.environ.get("FUZZ_SECONDS", "12"))
LONGEST = 3000
LONGEST_KEPT = 300
ONE_BYTE, TWO_BYTE = "bede000132616263", "100000020000000303616263"

pytestmark = [pytest.mark.server, pytest.mark.timeout(120 + 2 * MOST_SECONDS)]


def listed(*packets: bytes, before: bytes = b"") -> bytes:
    """Return packets as the targets read a list of them: their length leads, and `before` that."""
    return b"".join([before + len(packet).to_bytes(2, "big") + packet for packet in packets])


def seeds_of_rtp() -> list[bytes]:
    """Every packet as video and as a retransmission; H.264 in a packet of its own; a send time as the last there is."""
    packets = [seed for seed in corpus("rtp") if len(seed) < LONGEST // 3]
    packets += [bytes.fromhex("80e10001000000010000aaaa") + payload for payload in corpus("h264")]
    packets += [bytes.fromhex(f"90e10001000000010000aaaa{extension}") for extension in (ONE_BYTE, TWO_BYTE)]
    typed = [tuple(packet[:1] + bytes((kind,)) + packet[2:] for kind in (0x61, 0xE2)) for packet in packets]
    return [listed(video, b"\x80" + video[1:], again) for video, again in typed]


def seeds_of_datagrams() -> list[bytes]:
    """What a publisher and a viewer send, and what a stranger tries."""
    return [
        listed(packet, before=bytes((sender,)))
        for packet in [
            *corpus("rtp"),
            *seeds_of_feedback(),
            b"\x00\x01\x00\x08" + bytes(24),
            b"\x16\xfe\xfd" + bytes(20),
        ]
        for sender in (1, 2, 5)
        if len(packet) < LONGEST // 2
    ]


TARGETS: dict[str, Callable[[], list[bytes]]] = {
    "rtp": seeds_of_rtp,
    "rtcp": seeds_of_feedback,
    "datagrams": seeds_of_datagrams,
}


def fuzzer_of_clang() -> str | None:
    """Return why nothing can be built, None when it can."""
    if not shutil.which("clang"):
        return "clang is not installed: apt-get install clang"
    folder = Path(subprocess.run(["clang", "-print-runtime-dir"], capture_output=True, text=True).stdout.strip())
    if not list(folder.glob("libclang_rt.fuzzer*")):
        return f"clang has no libFuzzer in {folder}: apt-get install the libclang-rt-*-dev of its version"
    return None


def run(program: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Let `program` run in `folder`, where it leaves its crashes."""
    environment = {**os.environ, "ASAN_OPTIONS": "abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    command = [str(program), "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def crashes_in(folder: Path) -> str:
    """Return every input that a target left behind, as digits."""
    found = [path for name in ("crash-*", "timeout-*", "oom-*", "leak-*") for path in folder.glob(name)]
    return "\n".join(f"{path.name}: {path.read_bytes().hex()}" for path in found)


def keep_smallest(program: Path, folder: Path, kept: Path, grown: Path) -> None:
    """Let `kept` be the few short inputs that reach all that these and the new ones reach."""
    fresh = folder / "fresh"
    fresh.mkdir()
    run(program, folder, "-set_cover_merge=1", f"-max_len={LONGEST_KEPT}", str(fresh), str(kept), str(grown))
    if any(fresh.iterdir()):
        shutil.rmtree(kept)
        shutil.copytree(fresh, kept)


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_hurts(target: str, tmp_path: Path) -> None:
    missing = fuzzer_of_clang()
    if missing:
        pytest.skip(missing)
    program, grown, kept = tmp_path / target, tmp_path / "corpus", NATIVE / "corpus" / target
    compile_c("clang", "fuzzer,address,undefined", program, [NATIVE / f"{target}.c", *c_files()])
    grown.mkdir()
    for number, seed in enumerate(TARGETS[target]()):
        (grown / f"seed-{number}").write_bytes(seed)
    runs = RUNS if "FUZZ_SECONDS" not in os.environ else -1
    options = (f"-runs={runs}", f"-max_total_time={MOST_SECONDS}", f"-max_len={LONGEST}", "-seed=1")
    done = run(program, tmp_path, *options, str(grown), str(kept))
    print(*done.stderr.splitlines()[-12:], sep="\n")
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n{crashes_in(tmp_path)}"
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert executed is not None
    assert int(executed[1]) > FEWEST_RUNS
    if "FUZZ_SECONDS" in os.environ:
        keep_smallest(program, tmp_path, kept, grown)
