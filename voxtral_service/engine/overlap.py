"""Two texts of neighbouring segments that heard the same few seconds become one, with no word lost or doubled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voxtral_service.events import Word

SLACK = 0.5
"""Seconds by which two hearings may differ about when a word was spoken."""
UNTIMED = 40
"""Units at a text's edge that are compared where an engine gives no times: 4 s of very fast speech."""
_UNIT = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
    r"|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W_\u3040-\u30ff\u3400-\u9fff]+)*"
)
"""A word without its punctuation, but with the apostrophes inside it: half of "dog's" is no "dog". In scripts without
spaces a character.
"""
_CLOSING = re.compile(r"[^\w\s]*")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is compared: `start` and `end` are its place in the text, `at` the second in its middle if that is known."""

    key: str
    start: int
    end: int
    at: float | None


def units(text: str, words: Sequence[Word]) -> list[Unit]:
    """The units of a text, with the times of the words that it consists of, if there are any."""
    found = zip(places(text, words), words, strict=True)
    spans = [(*place, (word.start + word.end) / 2) for place, word in found if place]
    made, which = [], 0
    for match in _UNIT.finditer(text):
        while which < len(spans) and spans[which][1] <= match.start():
            which += 1
        at = spans[which][2] if which < len(spans) and spans[which][0] <= match.start() else None
        made.append(Unit(match.group().casefold(), match.start(), match.end(), at))
    return made


def places(text: str, words: Sequence[Word]) -> list[tuple[int, int] | None]:
    """Where each word stands in the text that is made of them: first character and the one behind the last."""
    found: list[tuple[int, int] | None] = []
    position = 0
    for word in words:
        spoken = word.text.strip()
        at = text.find(spoken, position) if spoken else -1
        found.append((at, at + len(spoken)) if at >= 0 else None)
        position = at + len(spoken) if at >= 0 else position
    return found


def splice(left: str, left_units: list[Unit], right: str, right_units: list[Unit], start: float, end: float) -> Splice:
    """Where to leave the left text and where to enter the right one; both heard `start` to `end`.

    In the middle of the longest run of units that both have there, at times that agree as far as they are known; where
    there is none in common, in the middle of that time; where times are not known either, both are kept whole, for a
    word twice is better than a word lost.
    """
    tail = [u for u in left_units if u.at is None or u.at >= start - SLACK]
    head = [u for u in right_units if u.at is None or u.at <= end + SLACK]
    if any(u.at is None for u in tail):
        tail = tail[-UNTIMED:]
    if any(u.at is None for u in head):
        head = head[:UNTIMED]
    length, a, b = _longest_run(tail, head)
    if length > 1 or (length == 1 and (tail[a].at is not None or len(tail[a].key) > 3)):
        middle = (length - 1) // 2
        return Splice(_behind(left, tail[a + middle]), _behind(right, head[b + middle]))
    if any(u.at is None for u in (*tail, *head)):
        return Splice(len(left), 0)
    middle_time = (start + end) / 2
    kept = [u for u in left_units if u.at is not None and u.at < middle_time]
    dropped = [u for u in right_units if u.at is not None and u.at < middle_time]
    return Splice(_behind(left, kept[-1]) if kept else 0, _behind(right, dropped[-1]) if dropped else 0)


@dataclass(frozen=True, slots=True)
class Splice:
    """The left text is kept up to `left`, the right one from `right` on; both count characters."""

    left: int
    right: int


def _longest_run(left: list[Unit], right: list[Unit]) -> tuple[int, int, int]:
    """Length of the longest run of equal units and where it begins in either.

    A pair counts less the more its times differ, so that of a word said three times each is found in its own place.
    """
    best = (0.0, 0, 0, 0)
    row = [(0.0, 0)] * (len(right) + 1)
    for i, one in enumerate(left, 1):
        above, row = row, [(0.0, 0)] * (len(right) + 1)
        for j, other in enumerate(right, 1):
            if one.key == other.key and (likeness := _likeness(one, other)) > 0.25:
                score, length = above[j - 1][0] + likeness, above[j - 1][1] + 1
                row[j] = (score, length)
                best = max(best, (score, length, i - length, j - length))
    return best[1:]


def _likeness(one: Unit, other: Unit) -> float:
    """1 for equal times or unknown ones, falling to 0 where they differ by `SLACK`."""
    return 1.0 if one.at is None or other.at is None else 1.0 - abs(one.at - other.at) / SLACK


def _behind(text: str, unit: Unit) -> int:
    """The place behind a unit and the punctuation that closes it."""
    closing = _CLOSING.match(text, unit.end)
    return closing.end() if closing else unit.end
