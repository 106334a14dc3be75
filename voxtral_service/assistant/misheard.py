"""Words of numbers as recognisers write them when they err: cut in two, run together, misspelt, or a word like them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from voxtral_service.assistant.number_words import NUMBER_WORDS

ALIKE = 0.8
"""How much of a word must be right (`difflib`'s ratio)."""
SHORTEST = 4
"""Letters of a word that may be misspelt; shorter ones are like too many others."""
_HOMOPHONES = {
    "ate": "eight", "fife": "five", "for": "four", "fore": "four", "free": "three", "our": "hour", "ours": "hours",
    "sex": "six", "tin": "ten", "to": "two", "too": "two", "tree": "three", "won": "one",
}  # fmt: skip


def meant(words: Sequence[str], known: Collection[str]) -> list[str]:
    """The lower-case words with those made right that belong to no number and are not `known` either.

    "four teen", "fortytwo" and "seveeneen" become "fourteen", "forty two" and "seventeen". What is like nothing stays
    as it is, and so do ordinals: "a ninth" is not nine.
    """
    right = NUMBER_WORDS | frozenset(known)
    out: list[str] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        # Only the first half may be a word by itself ("four teen"), and then it is no digits, sign or word of a sum.
        cut_in_two = word.isalpha() and word not in known and following.isalpha() and following not in right
        if cut_in_two and (joined := _near(word + following, NUMBER_WORDS, 0.9)):
            out.append(joined)
            at += 2
            continue
        at += 1
        if word in right or not word.isalpha():
            out.append(word)
        else:
            like = _HOMOPHONES.get(word, "")
            out += _cut(word) or [like if like in right else _near(word, right, ALIKE) or word]
    return out


def _cut(word: str) -> list[str]:
    """Two words of numbers that were run together; empty if they were not."""
    for cut in range(3, len(word) - 2):
        if word[:cut] in NUMBER_WORDS and word[cut:] in NUMBER_WORDS:
            return [word[:cut], word[cut:]]
    return []


def _near(word: str, right: Collection[str], alike: float) -> str:
    """The most similar of the right words; empty if none is similar enough."""
    if word in right:
        return word
    if len(word) < SHORTEST or word.endswith(("th", "ths")):
        return ""
    return next(iter(get_close_matches(word, (other for other in right if len(other) >= SHORTEST - 1), 1, alike)), "")
