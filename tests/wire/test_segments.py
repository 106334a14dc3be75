"""Sentences out of an engine's segments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.events import Token, TranscriptSegment, Word
from voxtral_service.running_text import joined
from voxtral_service.wire.segments import sentences, spoken_words

TEXTS = st.lists(st.sampled_from(["a", "Yes.", "no?", "1.", "x", "“Why?”", "日本。"]), max_size=8)


def spoken(number: int, texts: list[str], pause_before: dict[int, float] | None = None) -> TranscriptSegment:
    words, at = [], float(number * 100)
    for i, text in enumerate(texts):
        at += (pause_before or {}).get(i, 0.0)
        words.append(Word(text, at, at + 0.5))
        at += 0.5
    tokens = tuple(Token(i, f" {text}", -0.1) for i, text in enumerate(texts))
    return TranscriptSegment(number, number * 100.0, at, " ".join(texts), tuple(words), tokens)


@given(st.lists(TEXTS, max_size=3))
def test_nothing_is_lost_and_nothing_said_twice(recording: list[list[str]]) -> None:
    segments = [spoken(number, texts) for number, texts in enumerate(recording)]
    parts = sentences(segments)
    assert "".join(part.text for part in parts) == joined(segments)
    assert [part.id for part in parts] == list(range(len(parts)))
    assert [word for part in parts for word in part.words] == [word for s in segments for word in s.words]
    assert [token for part in parts for token in part.tokens] == [token for s in segments for token in s.tokens]
    assert all(part.start <= part.end for part in parts)


def test_a_sentence_ends_with_its_mark_or_in_a_pause() -> None:
    texts = ["So", "be", "it.", "“Is", "it?”", "well", "then"]
    parts = sentences([spoken(0, texts, {6: 1.5})])
    assert [part.text for part in parts] == ["So be it.", " “Is it?”", " well", " then"]
    assert [(part.start, part.end) for part in parts] == [(0, 1.5), (1.5, 2.5), (2.5, 3.0), (4.5, 5.0)]
    assert [len(part.tokens) for part in parts] == [3, 2, 1, 1]


def test_words_that_are_not_in_the_text_cut_nothing() -> None:
    segment = TranscriptSegment(3, 1.0, 9.0, "One. Two.", (Word("Eins.", 1, 2), Word("Zwei.", 3, 4)))
    (part,) = sentences([segment])
    assert (part.text, part.start, part.end) == ("One. Two.", 1.0, 9.0)


def test_an_engine_without_word_times_has_them_spread() -> None:
    words = spoken_words([TranscriptSegment(0, 10.0, 20.0, "abc d  efghij")])
    assert words == [Word("abc", 10.0, 13.0), Word("d", 13.0, 14.0), Word("efghij", 14.0, 20.0)]
    assert spoken_words([TranscriptSegment(0, 0.0, 1.0, "")]) == []
