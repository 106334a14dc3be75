"""When words were spoken, guessed for models that do not tell: spread over the loud parts by their lengths."""

from __future__ import annotations

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.events import Word

HOP = SAMPLE_RATE // 50
"""Loudness is taken over 20 ms."""
SMOOTH_HOPS = 10
"""Gaps shorter than about 0.2 s lie within words as often as between them."""
LOUD_RATIO = 0.1
"""What is 20 dB below the loud parts is a pause."""

EPSILON = 1e-6


def spread(text: str, samples: Samples, start: float = 0.0) -> tuple[Word, ...]:
    """The words of a text, in order, over a recording (16 kHz) that begins at second `start`.

    Each gets a share of the loud time that is as large as its share of the characters. A guess: half a second off is
    usual, more where the speaker's pace changes.
    """
    words = text.split()
    if not words or not len(samples):
        return ()
    edges = np.cumsum([0] + [len(word) + 1 for word in words]) / sum(len(word) + 1 for word in words)
    # Loud hops so far, at every edge of a hop; a trifle for pauses too, so that it never stands still.
    passed = np.concatenate(([0.0], np.cumsum(_loud(samples) + EPSILON)))
    seconds = np.minimum(np.arange(len(passed)) * HOP, len(samples)) / SAMPLE_RATE
    # A hundredth of a hop further a word starts behind the pause before it, and ends ahead of the pause behind it.
    ends = start + np.interp(edges[1:] * passed[-1] - 0.01, passed, seconds)
    starts = start + np.interp(edges[:-1] * passed[-1] + 0.01, passed, seconds)
    return tuple(
        Word(word, round(float(first), 3), round(float(max(first, last)), 3))
        for word, first, last in zip(words, starts, ends, strict=True)
    )


def _loud(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """1 for every hop that is part of something loud, else 0."""
    hops = np.pad(samples, (0, -len(samples) % HOP)).reshape(-1, HOP)
    loudness = np.sqrt(np.square(hops, dtype=np.float64).mean(1))
    smooth = np.convolve(loudness, np.full(SMOOTH_HOPS, 1 / SMOOTH_HOPS), "same")[: len(loudness)]
    return (smooth >= LOUD_RATIO * np.percentile(smooth, 95)).astype(np.float64)
