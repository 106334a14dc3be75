"""LocalAgreement-2: what two hypotheses in a row agree on is final.

Macháček, Dabre, Bojar: "Turning Whisper into Real-Time Transcription System" (2023), section 2: a model that hears a
growing buffer again and again is trusted as far as its last two outputs have the same beginning.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from voxtral_service.events import Token

OVERLAP = 5
"""Words: how many of those that are final may be said again at the start of a hypothesis, and are dropped there."""
NEAR = 1.0
"""Seconds after the last final word within which a word may be that same word again."""
_MARKS = string.punctuation + "。，、！？…“”«»„"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as the model wrote it, with the space before it; times in seconds."""

    text: str
    start: float
    end: float
    tokens: tuple[Token, ...] = ()

    def same_as(self, other: HeardWord) -> bool:
        """Whether both are the same word; its punctuation may still change."""
        return self._bare() == other._bare()

    def _bare(self) -> str:
        return self.text.strip().strip(_MARKS).casefold() or self.text.strip()


class LocalAgreement:
    """The words of one stream: those that are final, and those that the next hypothesis may still change."""

    def __init__(self) -> None:
        self.until = 0.0
        """Where the last final word ends, in seconds."""
        self.unsure: tuple[HeardWord, ...] = ()
        self._last: list[HeardWord] = []

    def update(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Take a hypothesis, whose words may begin before the last final one, and return those that are final now."""
        fresh = self._fresh(words)
        agreed = 0
        for old, new in zip(self.unsure, fresh, strict=False):
            if not old.same_as(new):
                break
            agreed += 1
        return self._confirm(fresh, agreed)

    def accept(self, words: Sequence[HeardWord], until: float) -> tuple[HeardWord, ...]:
        """Take a hypothesis that must do for the sound up to `until`, and return its words as final ones."""
        fresh = self._fresh(words)
        return self._confirm(fresh, sum(word.end <= until for word in fresh))

    def _confirm(self, fresh: tuple[HeardWord, ...], count: int) -> tuple[HeardWord, ...]:
        confirmed, self.unsure = fresh[:count], fresh[count:]
        if confirmed:
            self.until = confirmed[-1].end
            self._last = [*self._last, *confirmed][-OVERLAP:]
        return confirmed

    def _fresh(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """The words behind the final ones. Times waver by a tenth of a second, so words are compared as well."""
        new = [word for word in words if word.end > self.until and word.start > self.until - 0.1]
        if new and new[0].start - self.until < NEAR:
            for count in range(min(OVERLAP, len(self._last), len(new)), 0, -1):
                if all(old.same_as(word) for old, word in zip(self._last[-count:], new, strict=False)):
                    return tuple(new[count:])
        return tuple(new)
