"""Words of a question as the texts spell them: recognisers of speech misspell names and part or join words."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

import jellyfish
from rapidfuzz import process
from rapidfuzz.distance import OSA

from voxtral_service.database.words import asked_terms, terms

CLOSE, LOOSE = 0.8, 0.7
"""How much of a word must be right: 1 less the edits (optimal string alignment) by the longer word's length."""
SHORTEST_CLOSE, SHORTEST_LOOSE = 5, 4
"""Letters from which on a word is likened to others: most short ones differ by a letter from several."""
MOST = 6
"""Spellings of one word."""
SHORTEST_CODE = 3
"""Sounds from which on words are likened by them."""
_LETTERS = re.compile(r"[^\W\d_]+")


def spelled(
    question: str,
    known: Callable[[Collection[str]], Collection[str]],
    vocabulary: Callable[[], Collection[str]],
    *,
    loose: bool = False,
) -> list[list[str]]:
    """What to search for: per word of the question the term, or if no text has it, those that are much like it.

    `known` picks those terms that a text has; `vocabulary`, asked only if need be, is all there are. If `loose`, words
    may be less alike or only sound alike in English (Metaphone), and neighbours in the question may be one word of a
    text.
    """
    asked = asked_terms(question)
    candidates = dict.fromkeys(asked)
    candidates.update(dict.fromkeys(_joined(question)))
    there = set(known(list(candidates)))
    strange = [term for term in candidates if term not in there and (term in asked or loose)]
    shortest, least = (SHORTEST_LOOSE, LOOSE) if loose else (SHORTEST_CLOSE, CLOSE)
    strange = [term for term in strange if len(term) >= shortest and _LETTERS.fullmatch(term)]
    groups = [[term] for term in candidates if term in there]
    if strange:
        words = [word for word in vocabulary() if len(word) >= shortest and _LETTERS.fullmatch(word)]
        groups += [_alike(term, words, least) or (_sounding_like(term, words) if loose else []) for term in strange]
    return [group for group in groups if group]


def _joined(question: str) -> Iterator[str]:
    """Two or three neighbouring words as one."""
    words = question.split()
    for size in (2, 3):
        for i in range(min(len(words), 64) - size + 1):
            found = terms("".join(words[i : i + size]))
            if len(found) == 1:
                yield found[0]


def _alike(term: str, words: Collection[str], least: float) -> list[str]:
    found = process.extract(
        term, words, scorer=OSA.normalized_similarity, score_cutoff=least, limit=MOST, processor=None
    )
    return [word for word, _, _ in found]


def _sounding_like(term: str, words: Collection[str]) -> list[str]:
    code = jellyfish.metaphone(term)
    if len(code) < SHORTEST_CODE:
        return []
    return sorted(word for word in words if jellyfish.metaphone(word) == code)[:MOST]
