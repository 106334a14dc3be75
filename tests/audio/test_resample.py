from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.clips import chirp, similarity
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.resample import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Resampler

RATES = [1_000, 8_000, 11_025, 12_345, 16_000, 22_050, 44_100, 48_000, 96_000, 384_000]


def resample(samples: Samples, bounds: list[int], rate: int) -> Samples:
    resampler = Resampler(rate)
    pieces = [
        resampler.push(samples[start:end]) for start, end in zip([0, *bounds], [*bounds, len(samples)], strict=True)
    ]
    return np.concatenate([*pieces, resampler.finish()])


@given(
    rate=st.sampled_from(RATES),
    length=st.integers(0, 6_000),
    cuts=st.lists(st.integers(0, 6_000), max_size=12),
)
def test_any_cut_gives_the_same_samples(rate: int, length: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    bounds = sorted(min(cut, length) for cut in cuts)
    whole = resample(samples, [], rate)
    assert np.array_equal(resample(samples, bounds, rate), whole)
    assert whole.dtype == np.float32
    assert abs(len(whole) - length * SAMPLE_RATE / rate) <= 0.5


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_the_sound_stays_the_same(rate: int) -> None:
    resampled = resample(chirp(1.0, rate), [], rate)
    expected = chirp(1.0, SAMPLE_RATE)
    assert similarity(resampled, expected, max_shift=0) > 0.999


def test_equal_rates_pass_through() -> None:
    samples = chirp(0.1, SAMPLE_RATE)
    assert Resampler(SAMPLE_RATE).push(samples) is samples


def test_as_new_after_finish() -> None:
    resampler = Resampler(44_100)
    samples = chirp(0.2, 44_100)
    first = np.concatenate([resampler.push(samples), resampler.finish()])
    second = np.concatenate([resampler.push(samples), resampler.finish()])
    assert np.array_equal(first, second)


def test_latency_at_speech_rates() -> None:
    resampler = Resampler(48_000)
    given_seconds = 0.0
    while not len(resampler.push(np.zeros(960, np.float32))):
        given_seconds += 0.02
    assert given_seconds <= 0.1


@pytest.mark.parametrize("rate", [0, -1, MIN_SAMPLE_RATE - 1, MAX_SAMPLE_RATE + 1])
def test_rates_out_of_range(rate: int) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(rate)
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(SAMPLE_RATE, rate)


def test_memory_is_constant() -> None:
    resampler = Resampler(48_000)
    block = np.zeros(48_000, np.float32)
    resampler.push(block)
    tracemalloc.start()
    try:
        for _ in range(100):
            resampler.push(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
