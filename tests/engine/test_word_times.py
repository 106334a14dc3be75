"""Guessed times are in order, inside the recording, and where there is sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tiny
from voxtral_service.engine.word_times import spread


@settings(max_examples=50)
@given(st.lists(st.text("abcé ", max_size=9)), st.integers(1, 40_000), st.sampled_from([0.0, 30.0]), st.booleans())
def test_times_are_in_order_and_inside(texts: list[str], length: int, start: float, silent: bool) -> None:
    samples = np.zeros(length, np.float32) if silent else tiny.sound(3)[:length]
    words = spread(" ".join(texts), samples, start)
    assert [word.text for word in words] == " ".join(texts).split()
    times = [time for word in words for time in (word.start, word.end)]
    assert all(start - 1e-3 <= time <= start + length / 16_000 + 1e-3 for time in times)
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(word.start <= word.end for word in words)


def test_pauses_hold_no_words() -> None:
    silence = np.zeros(16_000, np.float32)
    samples = np.concatenate((silence, tiny.sound(1), silence, silence, tiny.sound(1), silence))
    words = spread("four four four four", samples)
    for word, first, last in zip(words, (1, 1.5, 4, 4.5), (1.5, 2, 4.5, 5), strict=True):
        assert word.start == pytest.approx(first, abs=0.2)
        assert word.end == pytest.approx(last, abs=0.2)


def test_long_words_take_longer() -> None:
    short, long = spread("a characteristically", tiny.sound(3))
    assert long.end - long.start > 5 * (short.end - short.start)
