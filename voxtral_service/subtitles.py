"""Words with times to subtitle cues, by the rules of the trade.

A cue has one or two lines of at most 42 columns, stands for 1 to 7 seconds, never overlaps the next, and ends with a
sentence or in a pause where it can, else behind a comma.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from voxtral_service.events import Word

COLUMNS = 42
SHORTEST, LONGEST = 1.0, 7.0
PAUSE = 1.0
"""Seconds of silence that end a cue."""
_SENTENCE_ENDS = tuple(".?!…。？！")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, *",;:—–，、；：")
_CLOSING = "\"'”’»)]」』）"


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


def cues(words: Iterable[Word]) -> list[Cue]:
    """Cut a transcript into cues.

    Speech too fast for the rules (engines estimate times) makes its cues come late rather than short or overlapping.
    """
    made: list[Cue] = []
    for group in _groups(piece for word in words for piece in _pieces(word)):
        start = max(group[0].start, made[-1].end if made else 0.0)
        end = min(max(group[-1].end, start + SHORTEST), start + LONGEST)
        made.append(Cue(start, end, _lines(group) or ()))
    return made


def srt(cues: Iterable[Cue]) -> str:
    """SubRip."""
    return "".join(f"{number}\n{_block(cue, ',')}\n" for number, cue in enumerate(cues, 1))


def vtt(cues: Iterable[Cue]) -> str:
    """WebVTT, with the characters escaped that would start a tag, an entity or an arrow."""
    safe = (replace(cue, lines=tuple(html.escape(line, quote=False) for line in cue.lines)) for cue in cues)
    return "WEBVTT\n\n" + "".join(f"{_block(cue, '.')}\n" for cue in safe)


def _block(cue: Cue, point: str) -> str:
    return "\n".join((f"{_clock(cue.start, point)} --> {_clock(cue.end, point)}", *cue.lines, ""))


def _clock(seconds: float, point: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _groups(words: Iterable[Word]) -> Iterator[list[Word]]:
    """The words of each cue."""
    group: list[Word] = []
    for word in words:
        while group and not _may_join(group, word):
            cut = len(group) if _is_break(group, word) else _last_clause(group)
            yield group[:cut]
            group = group[cut:]
        group.append(word)
    if group:
        yield group


def _may_join(group: list[Word], word: Word) -> bool:
    longer = [*group, word]
    return not _is_break(group, word) and word.end - group[0].start <= LONGEST and _lines(longer) is not None


def _is_break(group: list[Word], word: Word) -> bool:
    """Whether a cue had better end before this word, provided that it stands long enough."""
    if word.start - group[0].start < SHORTEST:
        return False
    return word.start - group[-1].end >= PAUSE or _ends(group[-1], _SENTENCE_ENDS)


def _last_clause(group: list[Word]) -> int:
    """How many words to keep of a full cue: up to the last comma in its second half, all if there is none."""
    cuts = (i for i in range(len(group), len(group) // 2, -1) if _ends(group[i - 1], _CLAUSE_ENDS))
    return next(cuts, len(group))


def _ends(word: Word, marks: tuple[str, ...]) -> bool:
    return word.text.rstrip(_CLOSING).endswith(marks)


def _lines(words: Sequence[Word]) -> tuple[str, ...] | None:
    """The words on one line, or on two of much the same width that part at punctuation if they can; None if more."""
    texts = [word.text for word in words]
    whole = " ".join(texts)
    if _columns(whole) <= COLUMNS:
        return (whole,)
    best: tuple[float, tuple[str, str]] | None = None
    for i in range(1, len(texts)):
        above, below = " ".join(texts[:i]), " ".join(texts[i:])
        widths = _columns(above), _columns(below)
        if max(widths) <= COLUMNS:
            bonus = COLUMNS / 3 if _ends(words[i - 1], _CLAUSE_ENDS) else 0
            candidate = (abs(widths[0] - widths[1]) - bonus, (above, below))
            best = candidate if best is None else min(best, candidate)
    return best and best[1]


def _pieces(word: Word) -> Iterator[Word]:
    """The word itself, or parts of it that fit a line: languages written without spaces come as words of any length."""
    text = " ".join(word.text.split())
    parts = _chop(text) if text else []
    start = word.start
    for number, part in enumerate(parts, 1):
        share = (word.end - word.start) * len(part) / len(text)
        end = word.end if number == len(parts) else start + share
        yield Word(part, start, end)
        start = end


def _chop(text: str) -> list[str]:
    parts: list[str] = []
    while _columns(text) > COLUMNS:
        fits = 1
        while _columns(text[: fits + 1]) <= COLUMNS:
            fits += 1
        cut = next((i for i in range(fits, fits // 2, -1) if text[i - 1] in _CLAUSE_ENDS), fits)
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text]


def _columns(text: str) -> int:
    """Width on the screen: Chinese, Japanese and Korean characters are twice as wide, accents add nothing."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
