"""Cutting a text that is still being written into pieces that can be spoken one after another.

A piece ends with a sentence or a line. The first one may end earlier, behind a clause, for then speech begins sooner.
All pieces joined are the text.
"""

from __future__ import annotations

import re

FIRST_CLAUSE = 30
"""Characters from which on the first piece may end behind a clause."""
LONGEST = 300
"""Characters; a piece without any end in sight is cut between two words."""
_BEHIND = 64
"""Characters behind the longest piece that are looked at: what closes a sentence, and what follows it."""

# A mark that ends sentences, with what closes behind it; a space must follow, which Chinese and Japanese do without.
_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+[」』”’）]*(?=[^。！？」』”’）])")
_LINE = re.compile(r"\n\s*(?=\S)")
_CLAUSE = re.compile(r"[,;:—–][\"'”’»)*_]*(?=\s)|\s[-–—](?=\s)|[，、；：](?=.)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“])(?:"
    r"mr|mrs|ms|dr|prof|st|mt|vs|fig|vol|no|nos|nr|ca|approx|e\.g|i\.e|bzw|z\.\s?b|d\.\s?h|u\.\s?a|p\.\s?ex|env|sra?|dra|mme|mlle|"
    r"jan|feb|aug|sept?|oct|nov|dec|hr|fr|str|gen|col|capt|lt|rev|hon|ex|tel|abs|art|"
    r"[a-hj-zà-ý]|\d{1,2}"  # initials, and ordinals and list numbers: "3. Mai"
    r")\.$",
    re.IGNORECASE,
)
_OPEN_AT_END = re.compile(r"(?:^|\s)(?:etc|a\.m|p\.m|usw|inc|ltd|co|jr|u\.s|u\.k)\.$", re.IGNORECASE)
"""Abbreviations that may end a sentence: they do when a capital follows."""


class SentenceSplitter:
    """Text in, pieces out; for one answer."""

    def __init__(self, *, first_clause: int = FIRST_CLAUSE, longest: int = LONGEST) -> None:
        self._first_clause = first_clause
        self._longest = longest
        self._text = ""
        self._any = False

    def push(self, delta: str) -> list[str]:
        """The pieces that this text completes."""
        self._text += delta
        pieces = []
        while cut := self._cut():
            pieces.append(self._text[:cut])
            self._text = self._text[cut:]
            self._any = self._any or bool(pieces[-1].strip())
        return pieces

    def finish(self) -> list[str]:
        """What is left, when no text will follow."""
        rest, self._text = self._text, ""
        return [rest] if rest else []

    def _cut(self) -> int:
        """How much of the text is a piece, 0 if none is yet."""
        head = self._text[: self._longest + _BEHIND]  # a model may send its whole answer at once
        line = next((match.end() for match in _LINE.finditer(head) if head[: match.start()].strip()), len(head))
        sentence = next((match.end() for match in _END.finditer(head) if _is_end(head, match)), len(head))
        if (end := min(line, sentence)) <= self._longest and end < len(head):
            return end
        if not self._any and len(head) > self._first_clause:
            clauses = (match.end() for match in _CLAUSE.finditer(head))
            clause = next((end for end in clauses if end >= self._first_clause // 2 and _is_closed(head, end)), 0)
            if clause and clause <= self._longest:
                return clause
        if len(head) <= self._longest:
            return 0
        space = max(head.rfind(" ", 1, self._longest), head.rfind("\n", 1, self._longest))
        return space if space > 0 else self._longest


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop, or what looks like one, ends a sentence."""
    if not match[0].startswith(".") or match[0].startswith(".."):
        return _is_closed(text, match.end())
    dotted = text[: match.end()].rstrip("\"'”’»)]*_")
    if _OPEN_AT_END.search(dotted):
        return text[match.end() :].lstrip()[:1].isupper()
    return not _ABBREVIATION.search(dotted) and _is_closed(text, match.end())


def _is_closed(text: str, end: int) -> bool:
    """Whether no link's or quoted code's text is open there."""
    return text.count("[", 0, end) <= text.count("]", 0, end) and text.count("`", 0, end) % 2 == 0
