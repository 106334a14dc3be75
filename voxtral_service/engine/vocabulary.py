"""Words that a speaker is likely to use: the tokens that begin one of them or go on with it are made likelier.

Shallow fusion with a tree of phrases while decoding greedily, as in NVIDIA NeMo's word boosting (GPU-PB, its user
guide). Nothing is written that the sound does not suggest: where the model is sure of something else, or of nothing,
its lead is larger than what is added here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxtral_service.voxtral.tokenizer import Tokenizer

MOST_PHRASES = 1_000
"""More are left out: the first tokens of so many would favour half of all words."""
LONGEST_PHRASE = 100
"""Characters."""
BEGIN, GO_ON, END = 0.5, 5.0, 2.0
"""Added to the logits of a phrase's first token, of the later ones once it has begun, and of the tokens that end a word
when it is complete: small models stammer on its last letters.
"""

_Node = dict[int, "_Node"]
_COMPLETE = -1
"""Among what follows a node: a phrase may end here."""


@dataclass(frozen=True, slots=True)
class Boost:
    """What to add to the logits of some tokens at one position; the same tokens never twice."""

    tokens: NDArray[np.int64]
    values: NDArray[np.float32]


class PhraseTree:
    """Phrases in the tokens that they are written with, for any number of streams.

    A word follows a space in this architecture's texts, the first one of a stream too. Models write as they were
    taught, so each phrase is also looked for in lower case and with a capital. A spelling whose space is a token by
    itself is of letters that the model hardly ever begins a word with, and would make that token likelier everywhere.
    """

    def __init__(self, tokenizer: Tokenizer, phrases: Iterable[str]) -> None:
        self.tokenizer = tokenizer
        self.root: _Node = {}
        for phrase in list(phrases)[:MOST_PHRASES]:
            words = " ".join(phrase.split())[:LONGEST_PHRASE]
            for spelling in {words, words.lower(), words[:1].upper() + words[1:]} - {""}:
                tokens = tokenizer.encode(f" {spelling}")
                node = self.root
                for token in tokens if tokenizer.token_bytes(tokens[0]) != b" " else []:
                    node = node.setdefault(token, {})
                node.setdefault(_COMPLETE, {})
        self.root.pop(_COMPLETE, None)
        self.beginnings = _boost(dict.fromkeys(self.root, BEGIN))


class PhraseBoost:
    """One stream's place in a tree."""

    def __init__(self, tree: PhraseTree) -> None:
        self._tree = tree
        self._begun: list[_Node] = []
        self.boost = tree.beginnings
        """For the next position."""

    def feed(self, token: int) -> None:
        """Take the token that was written."""
        tokenizer = self._tree.tokenizer
        if tokenizer.is_text(token):
            begun = [node[token] for node in (self._tree.root, *self._begun) if token in node]
        else:  # ends a word, so that only a phrase's next word can follow
            begun = [
                {first: after for first, after in node.items() if tokenizer.token_bytes(first).startswith(b" ")}
                for node in self._begun
            ]
        begun = [node for node in begun if node]
        if begun or self._begun:
            later = {token: GO_ON for node in begun for token in node if token != _COMPLETE}
            if any(_COMPLETE in node for node in begun):
                later = {tokenizer.pad: END, tokenizer.word: END, **later}
            self.boost = _boost({**dict.fromkeys(self._tree.root, BEGIN), **later}) if later else self._tree.beginnings
        self._begun = begun


def _boost(values: dict[int, float]) -> Boost:
    return Boost(np.array(list(values), np.int64), np.array(list(values.values()), np.float32))
