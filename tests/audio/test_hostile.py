"""Inputs that are made to cost more than they are: memory and time stay bounded, and the error is a clear one."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.audio.clips import Container, chirp, store
from voxtral_service.audio import MAX_CHANNELS, SAMPLE_RATE
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.audio.segments import segments
from voxtral_service.audio.vad import silero
from voxtral_service.errors import InvalidAudio

FMT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
DATA = b"data" + struct.pack("<I", 32_000) + bytes(32_000)
HUGE = 2**30
TAG = b"LIST" + struct.pack("<I", HUGE) + b"INFOISFT" + struct.pack("<I", HUGE - 12) + b"x" * 1000


def riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


LIARS = {
    "a tag of a gigabyte before the sound": riff(FMT + TAG + DATA),
    "a tag of a gigabyte behind the sound": riff(FMT + DATA + TAG),
    "a format of a gigabyte": riff(b"fmt " + struct.pack("<I", HUGE) + FMT[8:] + DATA),
    "a name of a gigabyte": b"FORM" + struct.pack(">I", HUGE) + b"AIFFNAME" + struct.pack(">I", HUGE) + b"x" * 5000,
    "a picture of a quarter": b"ID3\4\0\0\x7f\x7f\x7f\x7fAPIC\x7f\x7f\x7f\x70\0\0" + b"x" * 5000,
    "sound of four gigabytes": riff(FMT + b"data" + struct.pack("<I", 2**32 - 2) + bytes(32_000)),
}


@pytest.mark.parametrize("liar", LIARS)
def test_headers_that_lie_cost_nothing(liar: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(InvalidAudio), AudioReader(LIARS[liar]) as reader:
        assert sum(map(len, reader)) <= 2 * SAMPLE_RATE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_a_small_machine_survives_them() -> None:
    """The same in a process that may not have that memory, where an allocation that fails must end in an error."""
    program = (
        "import resource, sys\n"
        "from tests.audio.test_hostile import LIARS\n"
        "from voxtral_service.audio.decode import read\n"
        "from voxtral_service.errors import InvalidAudio\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**29,) * 2)\n"
        "for data in LIARS.values():\n"
        "    try: read(data)\n"
        "    except InvalidAudio as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 1 <= len(done.stdout.splitlines()) < len(LIARS)
    assert not done.stderr


def test_long_silence_in_a_small_file_is_not_worth_a_word() -> None:
    bomb = store(Container("flac", "flac"), np.zeros(8_000 * 600, np.float32), 8_000)
    assert len(bomb) < 200_000
    silero()  # what it takes once a process is not counted
    tracemalloc.start()
    try:
        with AudioReader(bomb) as reader:
            made = list(segments(reader))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made[-1].end == pytest.approx(600 * SAMPLE_RATE, abs=2)
    assert not any(len(segment.samples) for segment in made)
    assert peak < 10_000_000


def test_a_clip_may_be_refused_for_its_length() -> None:
    with pytest.raises(InvalidAudio, match="longer than 3 s"):
        read(store(Container("flac", "flac"), np.zeros(8_000 * 60, np.float32), 8_000), max_seconds=3)


@pytest.mark.parametrize("channels", [MAX_CHANNELS, MAX_CHANNELS + 1, 200, 1000, 65_535])
def test_channels_beyond_reason_are_refused(channels: int) -> None:
    align = 2 * channels
    header = struct.pack("<IHHIIHH", 16, 1, channels, 16_000, 16_000 * align & 0xFFFFFFFF, align & 0xFFFF, 16)
    samples = (chirp(0.1, 16_000) * 32_767).astype("<i2")
    sound = np.repeat(samples[:, None], channels, 1).tobytes()[: 200 * 3200]
    clip = riff(b"fmt " + header + b"data" + struct.pack("<I", len(sound)) + sound)
    if channels <= MAX_CHANNELS:
        np.testing.assert_allclose(read(clip), samples / 32_768, atol=1e-3)
        return
    with pytest.raises(InvalidAudio, match=f"{channels} channels, more than the 32" if channels < 512 else None):
        read(clip)


def test_rate_and_channels_are_bounded_together() -> None:
    def clip(channels: int, rate: int) -> bytes:
        header = struct.pack("<IHHIIHH", 16, 1, channels, rate, 2 * rate * channels, 2 * channels, 16)
        return riff(b"fmt " + header + b"data" + struct.pack("<I", 6400 * channels) + bytes(6400 * channels))

    assert len(read(clip(MAX_CHANNELS, 96_000)))
    with pytest.raises(InvalidAudio, match="32 channels at 192000 Hz are more than is read"):
        read(clip(MAX_CHANNELS, 192_000))


@pytest.mark.parametrize("name", ["talk.mp3", "talk.flac", "talk.txt", "talk.jpg", "talk"])
def test_names_are_no_matter(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(store(Container("wav", "pcm_s16le"), chirp(0.3, 16_000), 16_000))
    assert len(read(path)) == 4800
