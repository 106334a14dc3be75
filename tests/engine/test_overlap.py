"""What two hearings of the same moments have in common."""

from __future__ import annotations

import pytest

from voxtral_service.engine.overlap import splice, units
from voxtral_service.events import Word


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("The dog's bone, it’s here.", ["the", "dog's", "bone", "it’s", "here"]),
        ("the dogs' 'bone'", ["the", "dogs", "bone"]),
        ("今日は OK", ["今", "日", "は", "ok"]),
    ],
)
def test_units(text: str, keys: list[str]) -> None:
    assert [unit.key for unit in units(text, ())] == keys


def test_half_of_a_word_is_not_met_in_the_middle_of_the_whole_one() -> None:
    left = [Word("the", 0.0, 0.15), Word("dog~", 0.15, 0.3)]
    right = [Word("the", 0.0, 0.15), Word("dog's", 0.15, 0.3), Word("bone", 0.3, 0.45)]
    texts = [" ".join(word.text for word in words) for words in (left, right)]
    cut = splice(texts[0], units(texts[0], left), texts[1], units(texts[1], right), 0.0, 0.3)
    assert texts[0][: cut.left] + texts[1][cut.right :] == "the dog's bone"
