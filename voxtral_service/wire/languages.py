"""Names of languages."""

from __future__ import annotations

from functools import cache

WHISPER_NAMES = {"bn": "bengali", "jw": "javanese", "mi": "maori", "my": "myanmar", "nn": "nynorsk"}
"""Where Whisper, whose names OpenAI's API uses, differs from the Unicode Consortium's English names."""


@cache
def english_name(tag: str) -> str:
    """The lower-case English name of a BCP 47 tag's language; the tag itself if it has none."""
    from babel import Locale  # takes a while to load its data

    code = base(tag)
    names: dict[str, str] = dict(Locale("en").languages)
    return WHISPER_NAMES.get(code) or names.get(code, tag).lower()


def base(tag: str) -> str:
    """A tag's language without script, region and variants."""
    return tag.partition("-")[0].lower()
