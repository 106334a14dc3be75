"""Whether what has been said so far sounds finished, judged by its last words."""

from __future__ import annotations

import re
from enum import Enum


class Completeness(Enum):
    """How finished a turn's words look."""

    FINISHED = "finished"
    OPEN = "open"
    UNFINISHED = "unfinished"


# English, German, French and Spanish, a line each.
FILLERS = """
um uh er erm hmm mm like well so okay
äh ähm also tja
euh ben alors
eh este pues bueno
"""
# Words after which a sentence goes on: conjunctions, prepositions, articles, possessives, auxiliaries.
DANGLING = """
and or but because if when while that which who than then as of to in on at by for from with about into over under after
before between through without the a an my your his her its our their this these those is are was were be been am do
does did have has had will would can could should may might must i'm it's
und oder aber weil wenn dass der die das ein eine mit von zu in auf für bei nach mein dein ist sind
et ou mais parce que qui le la les un une de du des à au avec pour dans sur mon ma mes est sont
y o pero porque que quien el la los las un una de del a al con por para en sobre mi su es son
"""
EXPECT_MORE = frozenset((FILLERS + DANGLING).split())
SENTENCE_END = re.compile(r"[.!?。！？…][\"')\]]*$")
TRAILING_COMMA = re.compile(r"[,;:、，–-]$")
LIST_WITHOUT_END = re.compile(r"(\w+, )+\w+$")
"""One thing after another and no 'and' yet."""
WORD = re.compile(r"[\w']+$")


def completeness(text: str, *, punctuated: bool) -> Completeness:
    """Judge a turn's text so far; `punctuated` tells whether this model writes sentence marks at all."""
    text = text.strip()
    if not text:
        return Completeness.OPEN
    if SENTENCE_END.search(text):
        return Completeness.UNFINISHED if text.endswith(("...", "…")) else Completeness.FINISHED
    last = WORD.search(text.lower())
    if TRAILING_COMMA.search(text) or (last and last[0] in EXPECT_MORE):
        return Completeness.UNFINISHED
    if LIST_WITHOUT_END.search(text) and " and " not in text:
        return Completeness.UNFINISHED
    return Completeness.UNFINISHED if punctuated else Completeness.OPEN


def is_punctuated(text: str) -> bool:
    """Whether a text shows that its model writes sentence marks."""
    return bool(re.search(r"[.!?。！？](\s|$)", text))
