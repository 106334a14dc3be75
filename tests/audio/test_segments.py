"""Long recordings are cut in pauses and lose nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import segments


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(int(seconds * SAMPLE_RATE))).astype(np.float32)


@given(
    lengths=st.lists(st.integers(0, 30_000), max_size=30),
    pauses=st.lists(st.integers(0, 400_000), max_size=5),
)
@settings(deadline=None)
def test_segments_join_up_to_the_recording(lengths: list[int], pauses: list[int]) -> None:
    whole = noise(sum(lengths) / SAMPLE_RATE)
    for at in pauses:
        whole[at : at + 8000] *= 0.001
    blocks = np.split(whole, np.cumsum(lengths))
    cut = list(segments(blocks, shortest=2, longest=5))
    assert np.array_equal(np.concatenate([s.samples for s in cut] or [whole[:0]]), whole)
    assert [s.start for s in cut] == np.cumsum([0, *(len(s.samples) for s in cut)])[:-1].tolist()
    assert all(2 * SAMPLE_RATE <= len(s.samples) <= 5 * SAMPLE_RATE for s in cut[:-1])


def test_cuts_are_made_in_the_middle_of_pauses() -> None:
    speech = [noise(4, seed=1), noise(0.5, 0.0005), noise(3, seed=2), noise(0.5, 0.0005), noise(4, seed=3)]
    cut = list(segments(speech, shortest=2, longest=30))
    ends = [(s.start + len(s.samples)) / SAMPLE_RATE for s in cut]
    assert len(cut) == 3
    assert 4.0 < ends[0] < 4.5
    assert 7.5 < ends[1] < 8.0


def test_without_a_pause_the_quietest_spot_is_taken() -> None:
    loud = noise(10)
    loud[int(3.6 * SAMPLE_RATE) : int(3.9 * SAMPLE_RATE)] *= 0.5
    first = next(iter(segments([loud], shortest=2, longest=5)))
    assert 3.6 < len(first.samples) / SAMPLE_RATE < 3.9
