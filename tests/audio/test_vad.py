"""The voice activity network over files: many chunks at once say what they say one by one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from voxtral_service.audio.decode import read
from voxtral_service.audio.vad import CHUNK, silero

SAMPLE = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"


def test_chunks_at_once_equal_chunks_one_by_one() -> None:
    speech = read(SAMPLE)
    speech = speech[: len(speech) // CHUNK * CHUNK]
    one_by_one = silero().detector()
    expected = np.concatenate([one_by_one.probabilities(chunk) for chunk in speech.reshape(-1, CHUNK)])
    at_once = silero().detector()
    edges = [0, 1, 33, 34, len(expected)]
    got = np.concatenate([at_once.probabilities(speech[a * CHUNK : b * CHUNK]) for a, b in pairwise(edges)])
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert np.median(got) > 0.5
    assert len(at_once.probabilities(speech[:0])) == 0
