"""Cutting a text into passages that can be found and quoted: a few hundred words each, with some overlap."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from voxtral_service.database import words

LONGEST = 1200
"""Characters of a passage; some 200 words."""
ENOUGH = 800
"""Characters from which on a passage ends with its paragraph."""
OVERLAP = 200
"""Characters of whole sentences that a passage shares with the one before, at most."""
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text and the pages it is on, from 1."""

    page: int
    last_page: int
    text: str


@dataclass(frozen=True, slots=True)
class _Sentence:
    page: int
    text: str
    ends_paragraph: bool


def cut(pages: Iterable[str]) -> Iterator[Passage]:
    """The passages of some pages, in order, cut between paragraphs or else sentences."""
    held: list[_Sentence] = []
    fresh = 0
    for sentence in _sentences(pages):
        if fresh and _size(held) + len(sentence.text) > LONGEST:
            yield _passage(held)
            held, fresh = _tail(held, LONGEST - len(sentence.text)), 0
        held.append(sentence)
        fresh += 1
        if sentence.ends_paragraph and _size(held) >= ENOUGH:
            yield _passage(held)
            held, fresh = _tail(held, OVERLAP), 0
    if fresh:
        yield _passage(held)


def excerpt(text: str, terms: Collection[str], *, longest: int) -> str:
    """The sentences of a passage around the one with most of the terms, up to `longest` characters."""
    if len(text) <= longest:
        return text
    sentences = _SENTENCE.split(text)
    matches = [len(set(terms).intersection(words.terms(sentence))) for sentence in sentences]
    first = last = matches.index(max(matches))
    while True:
        around = [i for i in (last + 1, first - 1) if 0 <= i < len(sentences)]
        near = next((i for i in around if len(" ".join(sentences[min(i, first) : max(i, last) + 1])) <= longest), None)
        if near is None:
            break
        first, last = min(first, near), max(last, near)
    kept = " ".join(sentences[first : last + 1])
    return kept if len(kept) <= longest else kept[: longest - 1].rpartition(" ")[0] + "…"


def _sentences(pages: Iterable[str]) -> Iterator[_Sentence]:
    for number, page in enumerate(pages, start=1):
        for paragraph in _PARAGRAPH.split(page):
            pieces = [
                piece
                for sentence in _SENTENCE.split(" ".join(paragraph.split()))
                for piece in _pieces(sentence)
                if piece
            ]
            for i, piece in enumerate(pieces, start=1):
                yield _Sentence(number, piece, i == len(pieces))


def _pieces(sentence: str) -> Iterator[str]:
    """A sentence, in parts if it is longer than a passage."""
    while len(sentence) > LONGEST:
        end = sentence.rfind(" ", 1, LONGEST) if " " in sentence[1:LONGEST] else LONGEST
        yield sentence[:end]
        sentence = sentence[end:].lstrip()
    yield sentence


def _size(sentences: list[_Sentence]) -> int:
    return sum(len(sentence.text) + 1 for sentence in sentences)


def _tail(sentences: list[_Sentence], room: int) -> list[_Sentence]:
    """The last sentences that fit into the overlap, and into the room there is."""
    room = min(room, OVERLAP)
    first = len(sentences)
    while first > 1 and _size(sentences[first - 1 :]) <= room:
        first -= 1
    return sentences[first:]


def _passage(sentences: list[_Sentence]) -> Passage:
    text = " ".join(sentence.text for sentence in sentences)
    return Passage(sentences[0].page, sentences[-1].page, text)
