"""Words that are likely: which tokens are made likelier where, and that nothing is made up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.vocabulary import BEGIN, END, GO_ON, LONGEST_PHRASE, MOST_PHRASES, PhraseBoost, PhraseTree
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer

TOKENIZER = Tokenizer.from_folder(Path(__file__).parents[2] / "models" / "wren-en")


def boosted(boost: PhraseBoost) -> dict[bytes, float]:
    values = zip(boost.boost.tokens.tolist(), boost.boost.values.tolist(), strict=True)
    return {TOKENIZER.token_bytes(token): value for token, value in values}


def written(phrases: list[str], *tokens: int) -> dict[bytes, float]:
    """What is made likelier after these tokens."""
    boost = PhraseBoost(PhraseTree(TOKENIZER, phrases))
    for token in tokens:
        boost.feed(token)
    return boosted(boost)


def test_a_phrase_is_begun_and_gone_on_with() -> None:
    first, second, third = TOKENIZER.encode(" voxtral")[:3]
    begin = {TOKENIZER.token_bytes(first): BEGIN}
    assert written(["voxtral"]).items() >= begin.items()
    assert written(["voxtral"], first)[TOKENIZER.token_bytes(second)] == GO_ON
    assert written(["voxtral"], first, second)[TOKENIZER.token_bytes(third)] == GO_ON
    assert GO_ON not in written(["voxtral"], *TOKENIZER.encode(" voxtral")).values()
    assert END not in written(["voxtral"], first, second, third).values()
    assert GO_ON not in written(["voxtral"], second).values()


def test_a_complete_phrase_is_likelier_to_end_there() -> None:
    boost = PhraseBoost(PhraseTree(TOKENIZER, ["voxtral", "voxtral wren"]))
    for token in TOKENIZER.encode(" voxtral"):
        boost.feed(token)
    values = dict(zip(boost.boost.tokens.tolist(), boost.boost.values.tolist(), strict=True))
    assert values[TOKENIZER.pad] == values[TOKENIZER.word] == END
    assert values[TOKENIZER.encode(" wren")[0]] == GO_ON


def test_a_words_end_ends_what_has_begun_of_it() -> None:
    first, second = TOKENIZER.encode(" voxtral")[:2]
    for token in (TOKENIZER.pad, TOKENIZER.word):
        assert TOKENIZER.token_bytes(second) not in written(["voxtral"], first, token)


def test_a_phrase_of_words_survives_what_lies_between_them() -> None:
    new, york = TOKENIZER.encode(" new"), TOKENIZER.encode(" york")
    between = [TOKENIZER.pad, TOKENIZER.pad, TOKENIZER.word]
    assert written(["new york"], *new, *between)[TOKENIZER.token_bytes(york[0])] == GO_ON
    assert TOKENIZER.token_bytes(york[0]) not in written(["new york"], *TOKENIZER.encode(" old"), *between)


def test_models_that_write_without_capitals_are_helped_too() -> None:
    assert written(["  VOXTRAL\n"]) == written(["voxtral"])
    new, york = TOKENIZER.encode(" new"), TOKENIZER.encode(" york")
    assert GO_ON in written(["New  York"], *new).values()
    assert written(["New  York"], *new, TOKENIZER.word)[TOKENIZER.token_bytes(york[0])] == GO_ON


def test_too_many_and_too_long_ones_are_cut() -> None:
    few, many = (PhraseTree(TOKENIZER, [f"word {i}" for i in range(n)]) for n in (MOST_PHRASES, MOST_PHRASES + 9))
    assert few.root == many.root
    assert PhraseTree(TOKENIZER, ["x" * 10_000]).root == PhraseTree(TOKENIZER, ["x" * LONGEST_PHRASE]).root


@given(
    phrases=st.lists(st.text(max_size=12), max_size=5),
    tokens=st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=12),
)
def test_nothing_is_counted_twice(phrases: list[str], tokens: list[int]) -> None:
    boost = PhraseBoost(PhraseTree(TOKENIZER, phrases))
    for token in [None, *tokens]:
        if token is not None:
            boost.feed(token)
        assert len(np.unique(boost.boost.tokens)) == len(boost.boost.tokens)
        assert set(boost.boost.values.tolist()) <= {BEGIN, GO_ON, END}
        assert set(boost.boost.tokens.tolist()) >= PhraseTree(TOKENIZER, phrases).root.keys()


@pytest.mark.parametrize("phrase", ["", " ", "\n\t"])
def test_nothing_is_no_word(phrase: str) -> None:
    assert written([phrase]) == {}


def test_where_nobody_speaks_no_word_is_written() -> None:
    folder = Path(__file__).parents[2] / "models" / "wren-en"
    model = checkpoint.load(folder, dtype=torch.float32)
    engine = VoxtralRealtimeEngine(ModelRunner(model, TOKENIZER, slots=1))
    vocabulary = ("Voxtral", "Anna Wren", "the kitchen light", "a", "seventeen", "Thursday")
    noise = 0.02 * np.random.default_rng(0).standard_normal(10 * 16_000).astype(np.float32)
    try:
        for sound in (np.zeros(10 * 16_000, np.float32), noise):
            heard = asyncio.run(transcribe(engine, [sound], StreamOptions(vocabulary=vocabulary)))
            assert heard.text == ""
    finally:
        engine.close()
