"""The segments of a recording as one text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from voxtral_service.events import TranscriptSegment

_UNSPACED = ("CJK ", "HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC", "THAI", "LAO ", "KHMER", "MYANMAR")
"""Beginnings of Unicode names of characters whose languages put no spaces between sentences."""


class RunningText:
    """A text that grows: the sum of what `add` gives back is always the segments' texts, joined."""

    def __init__(self) -> None:
        self._segment: int | None = None
        self._last = ""
        self._begun = False
        self._held = ""

    def add(self, segment: int, delta: str) -> str:
        """A delta as it has to follow what was given back before; white space waits for the word behind it."""
        if segment != self._segment:
            self._segment, self._begun, self._held = segment, False, ""
        text = self._held + delta
        text = text if self._begun else text.lstrip()
        said = text.rstrip()
        self._held = text[len(said) :]
        if not said:
            return ""
        lead = "" if self._begun or not self._last else separator(self._last, said)
        self._begun, self._last = True, said
        return lead + said


def joined(segments: Iterable[TranscriptSegment]) -> str:
    """The text of a whole recording."""
    running = RunningText()
    return "".join(running.add(segment.id, segment.text) for segment in segments)


def separator(before: str, after: str) -> str:
    """What stands between two texts: a space, unless both sides are of a script that has none."""
    return "" if _unspaced(before[-1:]) and _unspaced(after[:1]) else " "


def _unspaced(character: str) -> bool:
    return bool(character) and unicodedata.name(character, "").startswith(_UNSPACED)
