"""From tokens to text and word times."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import tiny
from voxtral_service.engine.writer import TokenWriter
from voxtral_service.events import Word
from voxtral_service.voxtral.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("tokenizer") / "tekken.json"
    tiny.write_tekken(path, 128)
    return Tokenizer(path)


def write(tokenizer: Tokenizer, tokens: list[int]) -> tuple[str, list[Word]]:
    writer = TokenWriter(tokenizer)
    text = ""
    words: list[Word] = []
    for index, token in enumerate(tokens):
        delta, more = writer.feed(index, token)
        text += delta
        words += more
    delta, more = writer.finish()
    return text + delta, [*words, *more]


def test_a_marker_stamps_the_words_of_its_group(tokenizer: Tokenizer) -> None:
    pad, word = tokenizer.pad, tokenizer.word
    said = tokenizer.encode(" one two")
    text, words = write(tokenizer, [pad, pad, word, *said, pad, word, *tokenizer.encode(" three"), pad])
    assert text == "one two three"
    assert [w.text for w in words] == ["one", "two", "three"]
    group, later = 3 * 0.08, (4 + len(said) + 1) * 0.08
    assert [w.end for w in words] == pytest.approx([group, group, later], abs=1e-3)


def test_words_close_at_padding_even_without_a_space(tokenizer: Tokenizer) -> None:
    pad, word = tokenizer.pad, tokenizer.word
    _, words = write(tokenizer, [word, *tokenizer.encode("a"), pad, word, *tokenizer.encode("b")])
    assert [w.text for w in words] == ["a", "b"]


@given(
    tokens=st.lists(
        st.one_of(st.sampled_from([1, 2, 32, 33, 10_000]), st.integers(0, tiny.SPECIAL_TOKENS + tiny.TEXT_TOKENS)),
        max_size=80,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tokens_give_ordered_words_that_spell_the_text(tokenizer: Tokenizer, tokens: list[int]) -> None:
    text, words = write(tokenizer, tokens)
    assert "".join(w.text for w in words) == "".join(text.split())
    assert all(0 <= w.start <= w.end for w in words)
    assert all(a.end <= b.start or a.end == b.end for a, b in pairwise(words))
    assert not text[:1].isspace()
