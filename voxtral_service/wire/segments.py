"""Segments as readers want them: a sentence each, and words for those that came without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from voxtral_service.events import Token, TranscriptSegment, Word
from voxtral_service.running_text import separator

_SENTENCE_ENDS = tuple(".?!…。？！")
_CLOSING = "\"'”’»)]」』）"
PAUSE = 1.0
"""Seconds of silence that end a sentence whatever its punctuation."""


def spoken_words(segments: Iterable[TranscriptSegment]) -> list[Word]:
    """All words; where the engine gave none, those of the text, spread over the segment by their length."""
    return [word for segment in segments for word in (segment.words or _spread(segment))]


def sentences(segments: Iterable[TranscriptSegment]) -> list[TranscriptSegment]:
    """The segments cut where sentences end, as far as words have times, and numbered from 0.

    From the second on, texts begin with what parts them from the one before: their sum is the text of the whole.
    """
    made: list[TranscriptSegment] = []
    for segment in segments:
        for number, piece in enumerate(_cut(segment) if segment.text else ()):
            lead = separator(made[-1].text, piece.text) if made and not number else ""
            made.append(replace(piece, id=len(made), text=lead + piece.text))
    return made


def _cut(segment: TranscriptSegment) -> Iterator[TranscriptSegment]:
    """A segment's sentences; the segment itself when its words are not found in its text one after the other."""
    segment = replace(segment, text=segment.text.strip())
    starts = _places(segment)
    if starts is None:
        yield segment
        return
    words = segment.words
    cuts = [i for i, (word, after) in enumerate(pairwise(words), 1) if _parts(word, after)]
    for first, last in pairwise([0, *cuts, len(words)]):
        begin, end = (_before_space(segment.text, place) for place in (starts[first], starts[last]))
        yield replace(
            segment,
            start=words[first].start,
            end=max(words[last - 1].end, words[first].start),
            text=segment.text[begin:end],
            words=words[first:last],
            tokens=_tokens(segment.tokens, begin, end),
        )


def _places(segment: TranscriptSegment) -> list[int] | None:
    """Where each word begins in the text, and where the text ends; None if not all words are found."""
    places, behind = [], 0
    for word in segment.words:
        place = segment.text.find(word.text.strip(), behind)
        if place < 0:
            return None
        places.append(place)
        behind = place + len(word.text.strip())
    return [0, *places[1:], len(segment.text)] if places else None


def _before_space(text: str, place: int) -> int:
    """The place before the white space before a place: it goes with what follows it."""
    return len(text[:place].rstrip()) if place < len(text) else place


def _parts(word: Word, after: Word) -> bool:
    return after.start - word.end >= PAUSE or word.text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)


def _tokens(tokens: tuple[Token, ...], begin: int, end: int) -> tuple[Token, ...]:
    """The tokens whose text ends in a stretch of the segment's text, which lacks the white space they begin with."""
    behind = -len(lead) if (lead := _lead(tokens)) else 0
    found = []
    for token in tokens:
        behind += len(token.text)
        if begin < behind <= end or (behind <= 0 and not begin):
            found.append(token)
    return tuple(found)


def _lead(tokens: tuple[Token, ...]) -> str:
    text = "".join(token.text for token in tokens)
    return text[: len(text) - len(text.lstrip())]


def _spread(segment: TranscriptSegment) -> list[Word]:
    texts = segment.text.split()
    total = sum(map(len, texts))
    words, at, length = [], segment.start, segment.end - segment.start
    for text in texts:
        until = at + length * len(text) / total
        words.append(Word(text, round(at, 3), round(until, 3)))
        at = until
    return words
