"""What to say for a text that was written to be read: no marks of Markdown, no long addresses, no pictures."""

from __future__ import annotations

import html
import re
import unicodedata

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^\s*(?:```|~~~).*$", ""),
        (r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$", ""),  # the line below a table's head; a rule
        (r"^\s*(?:[*_]\s*){3,}$", ""),
        (r"^\s{0,3}#{1,6}\s+", ""),
        (r"^\s*(?:>\s?)+", ""),
        (r"^\s*[-*+•]\s+(?:\[[ xX]\]\s+)?", ""),
        (r"!?\[([^\]]*)\]\([^)\s]*(?:\s[^)]*)?\)", r"\1"),
        (r"<(https?://[^>\s]+)>", r"\1"),
        (r"</?[a-zA-Z][^<>]*>", " "),
        (r"https?://(?:www\.)?([^\s/?#:)\]]+)[^\s)\]]*?(?=[.,;!?]*(?:[\s)\]]|$))", r"\1"),
        (r"`+", ""),
        (r"~~", ""),
        (r"(?<![\w*\\])[*_]{1,3}(?=\S)", ""),
        (r"(?<=[^\s*\\])[*_]{1,3}(?!\w)", ""),
        (r"\\([*_`#\[\]()~>|\\-])", r"\1"),
        (r"^\s*\|\s*|\s*\|\s*$", ""),
        (r"\s+\|\s+", ", "),
    )
)
_JOINERS = "\u200d\ufe0f\u20e3"


def speakable(text: str) -> str:
    """One piece of an answer as it is to be said, in one line; empty if there is nothing to say."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = "".join(" " if _is_picture(character) else character for character in html.unescape(text))
    text = re.sub(r"\s+", " ", text).strip()
    return text if any(character.isalnum() or character in "%€$£°+=½¼¾" for character in text) else ""


def _is_picture(character: str) -> bool:
    """Emoji and the like; degrees and copyright signs are said."""
    return character in _JOINERS or (unicodedata.category(character) in ("So", "Sk") and ord(character) > 0x2000)
