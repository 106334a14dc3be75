"""How much of an utterance was heard."""

from __future__ import annotations

import numpy as np
import pytest

from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, SpokenWord, Utterance, estimated_words
from voxtral_service.errors import InvalidOption

WORDS = (SpokenWord(0, 3, 0.0), SpokenWord(4, 3, 0.5), SpokenWord(8, 5, 1.0))


def test_a_word_counts_when_a_tenth_of_a_second_of_it_was_heard() -> None:
    utterance = Utterance("one two three\n")
    utterance.add(SpeechChunk(np.zeros(24_000, np.float32), 16_000, WORDS))
    assert utterance.duration == 1.5
    heard = [utterance.heard(seconds) for seconds in (0.0, 0.05, 0.1, 0.55, 0.6, 1.0, 1.1, 9.0)]
    assert heard == ["", "", "one", "one", "one two", "one two", "one two three\n", "one two three\n"]


def test_before_times_are_known_they_are_estimated() -> None:
    text = "fifteen letters " * 4
    assert Utterance(text).heard(2.2) == text[:31]
    assert Utterance(text, speed=2.0).heard(1.1) == text[:31]
    assert Utterance("").heard(1.0) == ""


def test_estimates_are_spread_by_length() -> None:
    words = estimated_words("ab abcd  x", 2.0, start=1.0)
    at = [(word.offset, word.length, round(word.start, 3)) for word in words]
    assert at == [
        (0, 2, 1.0),
        (3, 4, 1.6),
        (9, 1, 2.8),
    ]
    assert not any(word.exact for word in words)
    assert estimated_words("", 1.0) == ()


@pytest.mark.parametrize("speed", [0.0, 0.24, 4.1, float("nan")])
def test_speed_has_bounds(speed: float) -> None:
    with pytest.raises(InvalidOption, match="speed"):
        SpeechOptions(speed=speed)
