"""Pauses are found where they are, however the sound is cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LoudnessActivity
from voxtral_service.audio import Samples
from voxtral_service.session.pause import PauseFinder


def level(loud: bool, seconds: float) -> Samples:
    return np.full(round(seconds * 16_000), 0.5 if loud else 0.0, np.float32)


def pause(samples: Samples, cuts: list[int]) -> int | None:
    """Where the end of a pause is found when the sound comes in pieces."""
    finder, before = PauseFinder(LoudnessActivity().probability), 0
    for piece in np.split(samples, sorted(cuts)):
        if (found := finder.find(piece)) is not None:
            return before + found
        before += len(piece)
    return None


def test_a_pause_is_found_when_it_is_long_enough() -> None:
    sound = np.concatenate((level(True, 1.0), level(False, 0.3), level(True, 1.0)))
    found = pause(sound, [])
    # 1.16 s, to a chunk of 32 ms
    assert found is not None
    assert 16_000 * 1.16 <= found < 16_000 * 1.16 + 2 * 512


def test_neither_speech_nor_a_short_gap_is_a_pause() -> None:
    assert pause(np.tile(np.concatenate((level(True, 0.3), level(False, 0.12))), 10), []) is None


def test_a_fresh_detector_is_not_believed_at_once() -> None:
    assert pause(level(False, 0.19), []) is None
    assert pause(level(False, 0.3), []) is not None


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.tuples(st.booleans(), st.floats(0.01, 0.5)), max_size=8),
    cuts=st.lists(st.integers(0, 30_000), max_size=8),
)
def test_how_the_sound_is_cut_does_not_matter(parts: list[tuple[bool, float]], cuts: list[int]) -> None:
    sound = np.concatenate([np.zeros(0, np.float32), *(level(*part) for part in parts)])
    whole = pause(sound, [])
    assert pause(sound, [min(cut, len(sound)) for cut in cuts]) == whole
    assert whole is None or 0 < whole <= len(sound)
