"""A text in pieces that are short enough to be held in memory as sound."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_PIECE = 300
"""Characters; some 20 seconds of sound."""
_SENTENCE = re.compile(r".+?(?:[.!?。！？।]+[\"'”’»)\]]*(?=\s|$)|[。！？]|\n|$)\s*", re.DOTALL)


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """A text cut at the ends of sentences, and within those that are too long at spaces: (offset, piece)."""
    for sentence in _SENTENCE.finditer(text):
        start, end = sentence.span()
        while end - start > LONGEST_PIECE:
            space = text.rfind(" ", start + 1, start + LONGEST_PIECE)
            cut = space + 1 if space > 0 else start + LONGEST_PIECE
            yield start, text[start:cut]
            start = cut
        if text[start:end].strip():
            yield start, text[start:end]
