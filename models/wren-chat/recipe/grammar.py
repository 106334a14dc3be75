"""Sentences from patterns: "(what is|what's) {sum}" in all its forms, and which of them are kept for evaluation.

One pattern in ten and one value in ten, chosen by a hash, are never trained on.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HELD_OUT = 10
"""One in so many is kept apart."""


def is_held_out(text: str) -> bool:
    """Whether a pattern or a value is kept for evaluation."""
    return hashlib.sha256(text.lower().encode()).digest()[0] % HELD_OUT == 0


def split_lines(text: str) -> list[str]:
    """The patterns in a text, one a line."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Part:
    """The patterns and values of one side: those to train on, or those that are held out."""

    held_out: bool

    def choose(self, rng: random.Random, values: Sequence[str]) -> str:
        """One of this part's values; of a list too short to be divided, any."""
        for _ in range(200):
            value = rng.choice(values)
            if is_held_out(value) == self.held_out:
                return value
        return rng.choice(values)

    def make(self, rng: random.Random, maker: Callable[[], str]) -> str:
        """A made-up value of this part."""
        for _ in range(200):
            value = maker()
            if is_held_out(value) == self.held_out:
                return value
        return value


@dataclass
class Utterance:
    """Words, and the slot that each belongs to ("" for none)."""

    words: list[str]
    slots: list[str]

    def text(self) -> str:
        """The words in one line."""
        return " ".join(self.words)

    def slot(self, name: str) -> str:
        """The words of one slot."""
        return " ".join(word for word, slot in zip(self.words, self.slots, strict=True) if slot == name)


_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


def expand(pattern: str, values: Mapping[str, str], rng: random.Random) -> Utterance:
    """One form of a pattern, its slots filled with `values`; a slot may have an ending, as in "{noun}s"."""
    while match := _CHOICE.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(match[1].split("|")) + pattern[match.end() :]
    words: list[str] = []
    slots: list[str] = []
    for piece in pattern.split():
        match = _SLOT.search(piece)
        filled = piece.replace(match[0], values[match[1]]).split() if match else [piece]
        words += filled
        slots += [match[1] if match else ""] * len(filled)
    return Utterance(words, slots)


def slots_of(pattern: str) -> list[str]:
    """The names of the slots in a pattern."""
    return _SLOT.findall(pattern)
