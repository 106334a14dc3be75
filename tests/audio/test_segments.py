"""Long recordings are cut where nobody speaks, and lose nothing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.detectors import LoudnessDetector
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import read
from voxtral_service.audio.segments import Pauses, Segment, segments
from voxtral_service.audio.vad import CHUNK

SAMPLE = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"
LOUD = np.random.default_rng(0).uniform(-0.3, 0.3, 40 * SAMPLE_RATE).astype(np.float32)

PARTS = st.lists(st.tuples(st.booleans(), st.sampled_from([0.05, 0.2, 0.4, 1.0, 3.0, 5.0, 7.0, 11.0])), max_size=8)
"""Speech or silence, and for how many seconds."""


EVERY = Pauses(threshold=0.5, before=0.1, behind=0.2, shortest=0.2, quiet=0.25, every=True)
"""As callers of the HTTP API may want it."""
WAYS = st.sampled_from([None, EVERY, Pauses(before=0, behind=0, shortest=0, quiet=0, every=True)])


def recording(parts: list[tuple[bool, float]]) -> Samples:
    pieces = [LOUD[: round(seconds * SAMPLE_RATE)] * np.float32(1.0 if spoken else 1e-4) for spoken, seconds in parts]
    return np.concatenate([*pieces, LOUD[:0]])


def cut(samples: Samples, at: list[int] | None = None, **options: Any) -> list[Segment]:
    edges = [0, *sorted(i % (len(samples) + 1) for i in at or []), len(samples)]
    blocks = [samples[a:b] for a, b in pairwise(edges)]
    return list(segments(blocks, shortest=2, longest=6, detector=LoudnessDetector, **options))


def same(one: Segment, other: Segment, *, later: int = 0) -> bool:
    times = (one.start + later, one.end + later) == (other.start, other.end)
    return times and np.array_equal(one.samples, other.samples)


@given(PARTS, st.booleans(), WAYS)
@example([(True, 11.0)], True, None)
@settings(deadline=None)
def test_segments_join_up_and_leave_out_nothing_that_is_said(
    parts: list[tuple[bool, float]], skip: bool, pauses: Pauses | None
) -> None:
    whole = recording(parts)
    made = cut(whole, skip_silence=skip, pauses=pauses)
    assert [s.start for s in made] == [0, *(s.end for s in made)][: len(made)]
    assert (made[-1].end if made else 0) == len(whole)
    for segment in made:
        assert segment.end > segment.start
        if len(segment.samples):
            assert len(segment.samples) <= 6 * SAMPLE_RATE
            heard = whole[segment.start : segment.start + len(segment.samples)]
            assert np.array_equal(segment.samples, heard)
            assert len(segment.samples) >= segment.end - segment.start
        else:
            assert skip
            assert np.abs(whole[segment.start : segment.end]).max() < 0.01
    assert not made or made[-1].overlap == 0


@given(PARTS, st.lists(st.integers(0, 10**6), max_size=12), st.booleans(), WAYS)
@settings(deadline=None)
def test_how_it_comes_in_blocks_changes_nothing(
    parts: list[tuple[bool, float]], at: list[int], skip: bool, pauses: Pauses | None
) -> None:
    whole = recording(parts)
    expected, got = (cut(whole, edges, skip_silence=skip, pauses=pauses) for edges in (None, at))
    assert len(got) == len(expected)
    assert all(map(same, got, expected))


@given(PARTS, st.integers(0, 10), WAYS)
@settings(deadline=None)
def test_what_is_taken_up_again_goes_on_as_it_would_have(
    parts: list[tuple[bool, float]], done: int, pauses: Pauses | None
) -> None:
    whole = recording(parts)
    expected = cut(whole, pauses=pauses)
    start = expected[done].start if done < len(expected) else len(whole)
    rest = cut(whole[start:], pauses=pauses)
    assert len(rest) == len(expected[done:])
    assert all(same(one, other, later=start) for one, other in zip(rest, expected[done:], strict=True))


def test_a_cut_is_made_in_the_middle_of_the_first_pause() -> None:
    made = cut(recording([(True, 1.0), (False, 0.4), (True, 1.6), (False, 0.4), (True, 1.0)]))
    assert len(made) == 2
    assert abs(made[0].end / SAMPLE_RATE - 3.2) < 2 * CHUNK / SAMPLE_RATE
    assert made[0].overlap == 0


def test_without_a_pause_the_longest_of_short_ones_will_do() -> None:
    made = cut(recording([(True, 3.0), (False, 0.2), (True, 1.3), (False, 0.28), (True, 4.0)]))
    assert abs(made[0].end / SAMPLE_RATE - 4.64) < 2 * CHUNK / SAMPLE_RATE
    assert made[0].overlap == 0


def test_without_any_silence_segments_overlap() -> None:
    first, second = cut(recording([(True, 10.0)]))
    assert first.overlap / SAMPLE_RATE > 0.9
    assert (first.end + first.overlap) / SAMPLE_RATE <= 6.0
    assert np.array_equal(first.samples[-first.overlap :], second.samples[: first.overlap])


def test_long_silence_is_a_segment_that_nobody_need_hear() -> None:
    parts = [(False, 7.0), (True, 1.0), (False, 0.2), (True, 1.0), (False, 11.0), (True, 1.0), (False, 7.0)]
    made = cut(recording(parts))
    assert [len(segment.samples) > 0 for segment in made] == [False, True, False, True, False]
    seconds = [round((segment.end - segment.start) / SAMPLE_RATE, 1) for segment in made]
    assert seconds == pytest.approx([6.5, 3.2, 10.0, 2.5, 6.0], abs=0.15)  # padding stays on either side of speech


def test_every_pause_ends_a_segment_if_that_is_wanted() -> None:
    parts = [
        (False, 1.0),
        (True, 0.5),
        (False, 0.3),
        (True, 0.5),
        (False, 0.15),
        (True, 0.5),
        (False, 1.0),
        (True, 0.5),
    ]
    made = cut(recording(parts), pauses=EVERY)
    heard = [segment for segment in made if len(segment.samples)]
    edges = [[round(at / SAMPLE_RATE, 1) for at in (segment.start, segment.end)] for segment in heard]
    # A tenth before speech, two tenths behind it; where there is less between, a cut in the middle of that.
    assert edges == [pytest.approx(pair, abs=0.1) for pair in ([0.9, 1.65], [1.65, 3.15], [3.85, 4.45])]
    assert not cut(recording(parts), pauses=Pauses(threshold=0.95))[0].samples.size  # nothing is speech to that


def hours_of_silence(hours: float) -> Iterator[Samples]:
    second = np.zeros(SAMPLE_RATE, np.float32)
    for _ in range(round(hours * 3600)):
        yield second


def test_hours_of_silence_take_no_memory_and_give_nothing_to_hear() -> None:
    tracemalloc.start()
    try:
        made = list(segments(hours_of_silence(1), detector=LoudnessDetector))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made[-1].end == 3600 * SAMPLE_RATE
    assert not any(len(segment.samples) for segment in made)
    assert len(made) <= 7
    assert peak < 10_000_000


def test_real_speech_is_never_cut_inside_a_word() -> None:
    """The bundled clip over and over: cuts lie where it is quietest."""
    speech = read(SAMPLE)
    whole = np.concatenate([speech] * 4)
    made = list(segments([whole], shortest=3, longest=12))
    assert len(made) > 3
    loudness = np.sqrt(np.square(whole[: len(whole) // CHUNK * CHUNK].reshape(-1, CHUNK)).mean(1))
    for segment in made[:-1]:
        assert segment.overlap == 0
        assert loudness[segment.end // CHUNK] < 0.2 * np.quantile(loudness, 0.8)
