"""From where a synthesizer says it is in a text to when each of its words begins."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

from voxtral_service.assistant.speech import SpokenWord


class WordStarts:
    """The words of one text, which stands at `offset` in a longer one and whose sound begins at `start` seconds.

    A synthesizer may tell more of a word than that it begins (once for each part of "well-known"), or nothing (the
    second of "in the", spoken as one): such a word lies between its neighbours by its place in the text, and is marked
    as not exact.
    """

    def __init__(self, text: str, offset: int, start: float) -> None:
        self._spans = [match.span() for match in re.finditer(r"\S+", text)]
        self._starts = [begin for begin, _ in self._spans]
        self._offset = offset
        self._length = len(text)
        self._next = 0
        self._last = (0, start)

    def begins(self, position: int, seconds: float) -> Sequence[SpokenWord]:
        """The voice has come to a character of the text; the words that are known by that, mostly one."""
        index = bisect.bisect_right(self._starts, position) - 1
        if index < self._next:
            return ()
        words = self._between(index, self._starts[index], seconds)
        begin, end = self._spans[index]
        self._next, self._last = index + 1, (begin, seconds)
        return (*words, SpokenWord(self._offset + begin, end - begin, seconds))

    def finish(self, seconds: float) -> tuple[SpokenWord, ...]:
        """The text ended at `seconds`; the words that were left."""
        return self._between(len(self._spans), self._length, seconds)

    def _between(self, until: int, position: int, seconds: float) -> tuple[SpokenWord, ...]:
        since, before = self._last
        pace = (seconds - before) / max(position - since, 1)
        return tuple(
            SpokenWord(self._offset + begin, end - begin, before + (begin - since) * pace, exact=False)
            for begin, end in self._spans[self._next : until]
        )
