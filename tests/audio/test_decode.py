from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audio.clips import CONTAINERS, FRAGMENTED, Container, Pipe, chirp, faststart, lag, similarity, store
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.audio.pcm import PcmFormat, encode_s16le
from voxtral_service.audio.source import Source
from voxtral_service.errors import InvalidAudio

SECONDS = 0.5
CASES = [
    pytest.param(container, rate, channels, id=f"{container}-{rate}-{channels}")
    for container in CONTAINERS
    for rate in container.rates
    for channels in container.channels
]
WAV, FLAC, OPUS, M4A = (
    Container("wav", "pcm_s16le"),
    Container("flac", "flac"),
    Container("webm", "libopus"),
    Container("ipod", "aac"),
)


def drain(source: Source, pcm: PcmFormat | None = None) -> tuple[Samples, list[str], float | None]:
    with AudioReader(source, pcm=pcm) as reader:
        samples = np.concatenate(list(reader))
        return samples, reader.warnings, reader.duration


def assert_sounds_like(samples: Samples, expected: Samples, container: Container, rate: int) -> None:
    assert samples.dtype == np.float32
    # Lossy codecs work in frames of 1024 samples or 20 ms, and some containers cannot say how much of that is
    # padding. FFmpeg's own ALAC in CAF comes back a fraction of a packet short.
    slack = 0.015 if container.lossless and container.codec != "alac" else 0.05 + 2048 / rate
    assert abs(len(samples) - len(expected)) <= slack * SAMPLE_RATE
    assert similarity(samples, expected) > (0.99 if container.lossless and container.codec != "alac" else 0.85)


PRIMING_UNTOLD = {"adts": 1024, "mpegts": 1024, "flv": 1024, "amr": 40}
"""Containers that do not say how many samples an encoder puts before the sound, and how many those are."""


@pytest.mark.parametrize("container", CONTAINERS, ids=str)
def test_no_container_shifts_the_sound(container: Container) -> None:
    """A lossy encoder begins with some samples of its own, which are left out where the container tells of them."""
    rate = container.rates[-1] if len(container.rates) == 1 else 48_000
    untold = 1024 if container.options else PRIMING_UNTOLD.get(container.muxer, 0)
    late = lag(read(store(container, chirp(1.0, rate), rate)), chirp(1.0, SAMPLE_RATE))
    assert abs(late - untold * SAMPLE_RATE / rate) <= 1


@pytest.mark.parametrize(("container", "rate", "channels"), CASES)
def test_every_container(container: Container, rate: int, channels: int) -> None:
    samples, warnings, duration = drain(store(container, chirp(SECONDS, rate), rate, channels))
    assert_sounds_like(samples, chirp(SECONDS, SAMPLE_RATE), container, rate)
    assert warnings == []
    assert duration == pytest.approx(SECONDS, abs=0.05 + 2048 / rate)


@pytest.mark.parametrize("container", CONTAINERS, ids=str)
def test_every_container_through_a_pipe(container: Container) -> None:
    rate = container.rates[0]
    samples, warnings, _ = drain(Pipe(store(container, chirp(SECONDS, rate), rate)))
    assert_sounds_like(samples, chirp(SECONDS, SAMPLE_RATE), container, rate)
    assert warnings == []


def test_a_path_a_file_and_memory_give_the_same(tmp_path: Path) -> None:
    clip = store(FLAC, chirp(SECONDS, 44_100), 44_100)
    path = tmp_path / "clip"
    path.write_bytes(clip)
    expected = read(clip)
    with path.open("rb") as file:
        file.seek(100)  # a seekable stream is read from its beginning
        assert np.array_equal(read(file), expected)
        assert not file.closed
    for source in (path, str(path), bytearray(clip), memoryview(clip), io.BytesIO(clip), Pipe(clip)):
        assert np.array_equal(read(source), expected)


def test_blocks_have_one_size() -> None:
    with AudioReader(store(WAV, chirp(1.0, 8_000), 8_000), block_seconds=0.3) as reader:
        assert [len(block) for block in reader] == [4800, 4800, 4800, 1600]
        assert list(reader) == []


def test_another_output_rate() -> None:
    assert len(read(store(WAV, chirp(1.0, 44_100), 44_100), sample_rate=24_000)) == 24_000


def test_no_blocks_after_close() -> None:
    reader = AudioReader(store(WAV, chirp(2.0, 8_000), 8_000))
    next(reader)
    reader.close()
    assert list(reader) == []


def test_a_stream_that_returns_too_much_is_tamed() -> None:
    class Generous(Pipe):
        def read(self, size: int = -1) -> bytes:
            return super().read(-1)

    clip = store(FLAC, chirp(SECONDS, 44_100), 44_100)
    assert np.array_equal(read(Generous(clip, piece=len(clip))), read(clip))


@pytest.mark.parametrize("length", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"])
@pytest.mark.parametrize("kind", [bytes, Pipe])
def test_wav_of_unknown_length(length: bytes, kind: type) -> None:
    clip = store(WAV, chirp(SECONDS, 16_000), 16_000)
    at = clip.index(b"data") + 4
    samples, warnings, _ = drain(kind(clip[:at] + length + clip[at + 4 :]))
    assert len(samples) == SECONDS * SAMPLE_RATE
    assert warnings == []


def test_index_in_front_is_streamed(tmp_path: Path) -> None:
    clip = faststart(tmp_path / "clip.m4a", chirp(2.0, 44_100), 44_100)
    pipe = Pipe(clip)
    with AudioReader(pipe, spool_limit=0) as reader:
        next(reader)
        assert pipe.read(1)


def test_fragmented_mp4_is_streamed() -> None:
    clip = store(Container("mp4", "aac", options=FRAGMENTED), chirp(1.0, 48_000), 48_000)
    with AudioReader(Pipe(clip), spool_limit=0) as reader:
        assert sum(map(len, reader)) > 0.9 * SAMPLE_RATE


def test_index_at_the_end_is_stored_within_the_limit() -> None:
    clip = store(M4A, chirp(1.0, 44_100), 44_100)
    with AudioReader(Pipe(clip), spool_limit=len(clip)) as reader:
        assert sum(map(len, reader)) > 0.9 * SAMPLE_RATE
    with pytest.raises(InvalidAudio, match="faststart"):
        AudioReader(Pipe(clip), spool_limit=len(clip) - 1)


@pytest.mark.parametrize("split", [1, 3, 1000])
def test_raw_pcm(split: int, tmp_path: Path) -> None:
    data = encode_s16le(np.repeat(chirp(1.0, 8_000), 2))
    pcm = PcmFormat.parse("s16le:8000:2")
    samples, warnings, duration = drain(Pipe(data, piece=split), pcm)
    assert similarity(samples, chirp(1.0, SAMPLE_RATE), max_shift=0) > 0.999
    assert (len(samples), warnings, duration) == (SAMPLE_RATE, [], None)
    (tmp_path / "raw").write_bytes(data + b"\0")
    again, warnings, duration = drain(tmp_path / "raw", pcm)
    assert np.array_equal(again, samples)
    assert duration == pytest.approx(1.0, abs=1e-3)
    assert len(warnings) == 1
    assert "last 1 bytes" in warnings[0]


def test_raw_pcm_that_is_something_else_is_named() -> None:
    with pytest.raises(InvalidAudio, match=r"^upload 7: .*pcm_f32le"):
        list(AudioReader(b"\xff" * 400, pcm=PcmFormat.parse("f32le"), name="upload 7"))


def test_the_mean_of_different_channels() -> None:
    left, right = chirp(SECONDS, 16_000), np.flip(chirp(SECONDS, 16_000)).copy()
    data = encode_s16le(np.stack([left, right], axis=1).reshape(-1))
    samples, _, _ = drain(data, PcmFormat.parse("s16le:16000:2"))
    assert np.abs(samples - (left + right) / 2).max() < 1e-4


def test_read_refuses_what_is_too_long() -> None:
    clip = store(WAV, chirp(3.0, 8_000), 8_000)
    assert len(read(clip, max_seconds=3)) == 3 * SAMPLE_RATE
    with pytest.raises(InvalidAudio, match=r"longer than 2\.5 s"):
        read(clip, max_seconds=2.5)


SMALL = [store(container, chirp(0.2, container.rates[0]), container.rates[0]) for container in CONTAINERS]


@settings(deadline=5_000, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    clip=st.one_of(st.binary(max_size=300), st.sampled_from(SMALL)),
    changes=st.lists(st.tuples(st.integers(0, 3_000), st.binary(min_size=1, max_size=8)), max_size=6),
    cut=st.integers(0, 20_000),
    pipe=st.booleans(),
)
def test_any_bytes_decode_or_are_refused(
    clip: bytes, changes: list[tuple[int, bytes]], cut: int, *, pipe: bool
) -> None:
    damaged = bytearray(clip)
    for position, patch in changes:
        damaged[position : position + len(patch)] = patch
    data = bytes(damaged[:cut])
    with contextlib.suppress(InvalidAudio), AudioReader(Pipe(data) if pipe else data) as reader:
        for block in reader:
            assert np.isfinite(block).all()
